"""What other libraries expect of a method, each in a module that imports that library: deepinv's models, napari's widgets."""
