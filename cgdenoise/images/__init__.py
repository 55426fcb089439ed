"""Images in and out of files, with their depth, range and metadata kept. Decoders are imported on first use."""

from .files import (
    check,
    container_for,
    decode,
    encode,
    open_image,
    read_bytes,
    read_image,
    result_suffix,
    suffixes,
    write,
    write_image,
    written_as,
)
from .picture import MAX_BYTES, MAX_CHANNELS, MAX_PIXELS, Metadata, Picture, to_dtype
from .writing import append, check_writable, make_folder, write_atomically, write_together, writing_together

__all__ = [
    "MAX_BYTES",
    "MAX_CHANNELS",
    "MAX_PIXELS",
    "Metadata",
    "Picture",
    "append",
    "check",
    "check_writable",
    "container_for",
    "decode",
    "encode",
    "make_folder",
    "open_image",
    "read_bytes",
    "read_image",
    "result_suffix",
    "suffixes",
    "to_dtype",
    "write",
    "write_atomically",
    "write_image",
    "write_together",
    "writing_together",
    "written_as",
]
