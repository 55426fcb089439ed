"""Images in and out of files, with their depth, range and metadata kept. Decoders are imported on first use."""

from .files import (
    check,
    check_writable,
    container_for,
    decode,
    encode,
    read_bytes,
    read_image,
    suffixes,
    write_atomically,
    write_image,
    write_together,
)
from .picture import MAX_BYTES, MAX_CHANNELS, MAX_PIXELS, Metadata, Picture

__all__ = [
    "MAX_BYTES",
    "MAX_CHANNELS",
    "MAX_PIXELS",
    "Metadata",
    "Picture",
    "check",
    "check_writable",
    "container_for",
    "decode",
    "encode",
    "read_bytes",
    "read_image",
    "suffixes",
    "write_atomically",
    "write_image",
    "write_together",
]
