"""Restorations: from a corrupted array, or from measurements, to the image, stage by stage."""
