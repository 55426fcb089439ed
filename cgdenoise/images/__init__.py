"""Images in and out of files, with their depth, range and metadata kept. Decoders are imported on first use."""

from .files import (
    add_picture,
    check,
    decode,
    encode,
    hash_of_image,
    is_image_folder,
    open_image,
    read_bytes,
    read_image,
    write_image,
)
from .picture import MAX_BYTES, MAX_CHANNELS, MAX_PIXELS, Metadata, Picture, to_dtype
from .registry import container_for, result_suffix, suffixes, written_as
from .writing import (
    append,
    check_writable,
    hash_of_folder,
    make_folder,
    remove_leftovers,
    write_atomically,
    write_together,
    writing_together,
)

__all__ = [
    "MAX_BYTES",
    "MAX_CHANNELS",
    "MAX_PIXELS",
    "Metadata",
    "Picture",
    "add_picture",
    "append",
    "check",
    "check_writable",
    "container_for",
    "decode",
    "encode",
    "hash_of_folder",
    "hash_of_image",
    "is_image_folder",
    "make_folder",
    "open_image",
    "read_bytes",
    "read_image",
    "remove_leftovers",
    "result_suffix",
    "suffixes",
    "to_dtype",
    "write_atomically",
    "write_image",
    "write_together",
    "writing_together",
    "written_as",
]
