"""Groups of similar patches: what an image tells about itself from one place to another, without a network."""


def has_compiled_kernels() -> bool:
    """Tell whether there are compiled kernels for this processor; a warning says why not where there are some."""
    from cgdenoise.patches.kernels.native import library

    return library() is not None
