"""The package's C libraries: which there are, how they are compiled and loaded. What they compute is their rooms' business."""
