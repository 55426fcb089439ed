"""The blocks of a decoder: compiled where that is possible, composed of torch's functions elsewhere."""
