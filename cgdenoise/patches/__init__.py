"""Groups of similar patches: what an image tells about itself from one place to another, without a network."""
