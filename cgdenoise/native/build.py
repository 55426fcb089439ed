"""Which C libraries there are, and how they are compiled. Of the standard library alone: the package's build runs it."""

import subprocess
import sys
import sysconfig
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

_HERE = Path(__file__).parent
_FLAGS = ("-O3", "-fno-math-errno", "-fno-trapping-math", "-shared", "-fPIC")
_INSTRUCTIONS = {
    "": (),
    "avx2": ("-mavx2", "-mfma"),
    "avx512": (*(f"-mavx512{part}" for part in ("f", "vl", "bw", "dq")), "-mfma", "-mprefer-vector-width=512"),
}
"""Options of gcc and clang for x86-64 processors that have more than all of them do; "avx512" is what torch calls so."""
COMPILER = "cl" if sys.platform == "win32" else "cc"
"""The command of a system's own compiler."""


@dataclass(frozen=True)
class Library:
    """A library compiled from one C file, which includes `portable.h` and perhaps headers beside it.

    Parameters
    ----------
    folder : Path
        Where its sources lie, and the library beside them.
    stem : str
        The C file's name without its suffix.
    without : str
        What it is to be without it, as a clause, for the warnings that say so.
    options : tuple of str
        Further options of gcc and clang.
    processor : str
        For which x86-64 processors only, a name of `_INSTRUCTIONS`; "" is for any processor of any kind. Where functions that
        each exist for several processors (`portable.h`) cannot be used, there are several libraries of the same sources.
    """

    folder: Path
    stem: str
    without: str
    options: tuple[str, ...] = ()
    processor: str = ""

    @property
    def source(self) -> Path:
        """The C file."""
        return self.folder / f"{self.stem}.c"

    @property
    def path(self) -> Path:
        """The compiled library, there or not."""
        processor, suffix = f"_{self.processor}" if self.processor else "", ".dll" if sys.platform == "win32" else ".so"
        return self.folder / f"_{self.stem}{processor}{suffix}"

    def suits(self, platform: str) -> bool:
        """Tell whether it can be compiled for a platform, named as `platform` does."""
        return not self.processor or platform.endswith(("x86_64", "amd64"))

    def checksum(self) -> int:
        """Return the checksum of the sources, 32 bits, which a library compiled from them holds as `sources`."""
        sources = [_HERE / "portable.h", *sorted(self.folder.glob("*.[ch]"))]
        return zlib.crc32(b"".join(path.read_bytes() for path in sources))


LAYER = Library(
    _HERE.parent / "generators" / "kernels",
    "layer",
    "a fit takes about 1.7 times as long",
    ("-ffp-contract=off",),  # the same bytes on every processor; its time is that of the memory
)
GROUPS = Library(_HERE.parent / "patches" / "kernels", "groups", "groups of similar patches take about ten times as long")
GROUPS_AVX2, GROUPS_AVX512 = (replace(GROUPS, processor=name) for name in ("avx2", "avx512"))
LIBRARIES = (LAYER, GROUPS, GROUPS_AVX2, GROUPS_AVX512)


def platform(name: str) -> str:
    """Return the platform that libraries are compiled for, given `sysconfig.get_platform()`: the one this Python was made for.

    It is that same name, but for the version of macOS: since 11 wheels name whole ones.
    """
    if not name.startswith("macosx-"):
        return name
    system, version, processor = name.split("-")
    major, _, minor = version.partition(".")
    return f"{system}-{major}.{minor if major == '10' else 0}-{processor}"


def _for_macos(platform: str) -> list[str]:
    """Return the flags for the oldest macOS and the processors of a platform: a compiler's default is the machine it runs on."""
    if not platform.startswith("macosx-"):
        return []
    _, version, processor = platform.split("-")
    processors = ("arm64", "x86_64") if processor == "universal2" else (processor,)
    return [f"-mmacosx-version-min={version}", *(word for name in processors for word in ("-arch", name))]


def commands(library: Library, compiler: Sequence[str], platform: str) -> list[list[str]]:
    """Return the command lines that compile a library, the best first: with OpenMP, and without for compilers without.

    Parameters
    ----------
    library : Library
        What to compile.
    compiler : sequence of str
        The compiler's command and its first arguments: MSVC's if it is named `cl`, otherwise one that takes gcc's options.
    platform : str
        As `platform` returns it.
    """
    sources = f"SOURCES={library.checksum()}u"
    if Path(compiler[0]).stem.lower() == "cl":  # its OpenMP is of 2002; its import library goes where it runs
        flags = ["/nologo", "/std:c11", "/O2", "/LD", f"/D{sources}", f"/I{_HERE}", f"/Fe:{library.path}"]
        flags += [f"/arch:{library.processor.upper()}"] if library.processor else []
        return [[*compiler, *flags, str(library.source), "/link", f"/IMPLIB:{library.stem}.lib"]]
    flags = [*_FLAGS, *library.options, *_INSTRUCTIONS[library.processor], *_for_macos(platform), f"-D{sources}", f"-I{_HERE}"]
    flags += ["-o", str(library.path), str(library.source), "-lm"]
    return [[*compiler, "-fopenmp", *flags], [*compiler, *flags]]


def compile_library(library: Library, compiler: Sequence[str]) -> None:
    """Compile a library for this Python's platform, in place of the one that lies beside its sources.

    Raises
    ------
    OSError
        If there is no such compiler, or it fails: with what it said.
    """
    for command in commands(library, compiler, platform(sysconfig.get_platform())):
        with TemporaryDirectory() as scratch:
            done = subprocess.run(command, cwd=scratch, capture_output=True, text=True)
        if not done.returncode:
            return
    raise OSError(done.stderr or done.stdout)
