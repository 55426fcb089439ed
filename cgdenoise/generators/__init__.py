"""Generators: a spec is data, a network is built from it."""


def has_compiled_kernels() -> bool:
    """Tell whether there are compiled kernels for this processor; a warning says why not where there are some."""
    from cgdenoise.generators.kernels.native import library

    return library() is not None
