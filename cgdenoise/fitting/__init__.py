"""The fits: the loop, its optimiser, what is held out, when to stop, and several fits of one image."""
