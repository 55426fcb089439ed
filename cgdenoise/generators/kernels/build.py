"""How layer.c is compiled, and which sources a library comes from. Of the standard library alone: the package's build runs it."""

import zlib
from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(__file__).parent
LIBRARY = FOLDER / "_layer.so"
_FLAGS = ("-O3", "-fno-math-errno", "-fno-trapping-math", "-fopenmp", "-shared", "-fPIC")


def checksum() -> int:
    """Return the checksum of the sources, 32 bits, which a library compiled from them holds as `layer_sources`."""
    return zlib.crc32(b"".join(path.read_bytes() for path in sorted(FOLDER.glob("layer*.[ch]"))))


def command(compiler: Sequence[str]) -> list[str]:
    """Return the command line that compiles the library with a C compiler, itself a command and its first arguments."""
    return [*compiler, *_FLAGS, f"-DLAYER_SOURCES={checksum()}u", "-o", str(LIBRARY), str(FOLDER / "layer.c")]
