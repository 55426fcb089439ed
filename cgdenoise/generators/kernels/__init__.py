"""What a decoder level does after its convolution: compiled where it can be, composed of torch's functions elsewhere."""
