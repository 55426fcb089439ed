"""Give mutated files to every reader. To be run as a process of its own, since a damaged file may end one.

`python mutants.py FOLDER FIRST LAST` tries the cases from FIRST to LAST - 1. Each is named on stdout before it is tried, so that
the last line tells which one ended the process. A case that was not answered in the tool's own words adds what it was.
"""

import io
import random
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
from PIL import Image
from scipy import sparse
from scipy.io import savemat

from cgdenoise.errors import CgDenoiseError
from cgdenoise.fitlog.reader import check_fields, read_log
from cgdenoise.fitlog.records import dump
from cgdenoise.jobs.inputs import read_array, read_mask, read_psf
from cgdenoise.jobs.sources import Scan, Sources, read_problem
from cgdenoise.measurements import encode_cfl, read_cfl, read_measurements, sparse_parts

RNG = np.random.default_rng(0)
Y = RNG.standard_normal(6)
MATRIX = np.where(RNG.random((6, 12)) < 0.5, RNG.standard_normal((6, 12)), 0)
PLANE = (4, 5)
KSPACE = (RNG.standard_normal((3, 2, *PLANE)) + 1j).astype(np.complex64)
MASK = np.arange(20).reshape(PLANE) % 3 > 0
PSF = np.outer([1.0, 2, 1], [1, 2, 1])
FIT = {"page": 0, "fit": 0, "depth": 4, "probe": False, "iteration": 10}
LOG = [
    {"type": "header", "page": 0, "sigma": 2.5, "input": {"name": "a.png"}},
    *({"type": "evaluation", "residual_rms": 1.5, "held_out_rms": 1.25, "psnr": 30.5, **FIT, "iteration": k} for k in (10, 20)),
    {"type": "fit", **FIT},
    {"type": "end", "page": 0, "status": "complete", "reason": "plateau"},
]


def saved(save: Callable[[io.BytesIO], object]) -> bytes:
    buffer = io.BytesIO()
    save(buffer)
    return buffer.getvalue()


def npy(array) -> bytes:
    return saved(lambda file: np.save(file, array))


def npz(**members: bytes) -> bytes:
    """Return an archive of members that may be damaged, with checksums that are right."""

    def save(file):
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in members.items():
                archive.writestr(zipfile.ZipInfo(f"{name}.npy"), data, zipfile.ZIP_DEFLATED)

    return saved(save)


def mat(**options) -> bytes:
    shape = np.array([[3.0, 4.0]])
    return saved(lambda file: savemat(file, {"y": Y[:, None], "A": sparse.csc_array(MATRIX), "shape": shape}, **options))


def hdf5(fill: Callable[[h5py.File], None], header: bytes = b"") -> bytes:
    def save(file):
        with h5py.File(file, "w", userblock_size=512 if header else 0) as volume:
            fill(volume)

    return header.ljust(512 if header else 0) + saved(save)[512 if header else 0 :]


def fill_volume(file: h5py.File) -> None:
    file.create_dataset("kspace", data=KSPACE, chunks=(1, 2, *PLANE), compression="gzip")
    file["mask"] = MASK[0]


def fill_matlab(file: h5py.File) -> None:
    columns = sparse.csc_array(MATRIX)
    group = file.create_group("A")
    group.attrs["MATLAB_sparse"] = np.uint64(6)
    group["jc"], group["ir"], group["data"] = columns.indptr.astype("u8"), columns.indices.astype("u8"), columns.data
    file["y"], file["shape"] = Y[None], np.array([[3.0], [4.0]])


def image(container: str, array) -> bytes:
    return saved(lambda file: Image.fromarray(array).save(file, container))


def solved(path: Path) -> object:
    """Pose the problem of measurements beside a matrix, and use the matrix."""
    source = path if path.suffix == ".mat" else path.with_name("beside.npy")
    matrix = None if path.suffix == ".mat" else str(path)
    np.save(path.with_name("beside.npy"), Y)
    return read_problem(Sources(str(source), matrix, None, Scan(), (3, 4), False, 0), None)


def posed(path: Path) -> object:
    """Pose the problem of a file that has all it takes."""
    return read_problem(Sources(str(path), None, None, Scan(), None, False, 0), None)


def renamed(path: Path) -> object:
    return read_measurements(path, (3, 4), variables={"y": "b", "A": "Phi"})


def drawn_from(path: Path) -> object:
    for log in read_log(path):
        check_fields(log, str(path))
    return path


class Kind(NamedTuple):
    """A sound file, its suffix, its readers, what a mutated part is put into, and the files beside it by their suffixes."""

    data: bytes
    suffix: str
    readers: tuple[Callable[[Path], object], ...]
    wrap: Callable[[bytes], bytes] = bytes
    beside: tuple[tuple[str, bytes], ...] = ()


MATLAB_7_3 = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM"
HEADER, DATA = encode_cfl(np.moveaxis(KSPACE[0], 0, -1)[:, :, None])
SPARSE = sparse.csr_array(MATRIX)
TEXT = b"# of a coil\n1+2j, 3.5, -2e3\n0.25, 7, 1-1i\n"
MASKS = (lambda path: read_mask(path, PLANE),)
PSFS = (lambda path: read_psf(str(path)),)

KINDS = {
    "npy": Kind(npy(KSPACE), ".npy", (read_measurements, lambda path: read_array(path, "y"))),
    "npz": Kind(saved(lambda file: np.savez(file, y=Y, A=MATRIX, shape=(3, 4))), ".npz", (read_measurements, solved)),
    "npz, compressed": Kind(saved(lambda file: np.savez_compressed(file, y=Y, mask=MASK)), ".npz", (read_measurements,)),
    "member of npz": Kind(npy(Y), ".npz", (read_measurements,), lambda data: npz(y=data, shape=npy([3, 4]))),
    "mat": Kind(mat(), ".mat", (read_measurements, solved)),
    "mat, compressed": Kind(mat(do_compression=True), ".mat", (read_measurements, solved)),
    "mat 4": Kind(mat(format="4"), ".mat", (read_measurements, solved)),
    "mat 7.3": Kind(hdf5(fill_matlab, MATLAB_7_3), ".mat", (read_measurements, solved)),
    "h5": Kind(hdf5(fill_volume), ".h5", (read_measurements,)),
    "cfl": Kind(DATA, ".cfl", (read_measurements, read_cfl), beside=((".hdr", HEADER),)),
    "hdr": Kind(HEADER, ".hdr", (read_measurements, read_cfl), beside=((".cfl", DATA),)),
    "npz, saved": Kind(
        saved(lambda file: np.savez(file, y=Y, operator="dct", seed=3, sigma=0.5, shape=(3, 4))),
        ".npz",
        (read_measurements, posed),
    ),
    "npz, sparse": Kind(saved(lambda file: np.savez(file, y=Y, **sparse_parts("A", SPARSE))), ".npz", (read_measurements,)),
    "operator of npz": Kind(npy(np.array("dct")), ".npz", (posed,), lambda data: npz(y=npy(Y), operator=data, shape=npy([3, 4]))),
    "mat, other names": Kind(saved(lambda file: savemat(file, {"b": Y, "Phi": MATRIX})), ".mat", (renamed,)),
    "csv": Kind(TEXT, ".csv", (read_measurements,)),
    "mask.txt": Kind(b"1 0 1 0 1\n" * 4, ".txt", MASKS),
    "mask.png": Kind(image("PNG", MASK.astype(np.uint8) * 255), ".png", MASKS),
    "mask.tif": Kind(image("TIFF", MASK.astype(np.uint8) * 255), ".tif", MASKS),
    "mask.npy": Kind(npy(MASK.astype(np.float64)), ".npy", MASKS),
    "psf.png": Kind(image("PNG", PSF.astype(np.uint8)), ".png", PSFS),
    "psf.npy": Kind(npy(PSF), ".npy", PSFS),
    "matrix.npy": Kind(npy(MATRIX), ".npy", (solved,)),
    "log": Kind(dump(LOG), ".jsonl", (drawn_from,)),
}
for name in ("csr", "csc", "coo", "bsr", "dia"):
    whole = saved(lambda file, name=name: sparse.save_npz(file, SPARSE.asformat(name)))
    KINDS[f"{name}.npz"] = Kind(whole, ".npz", (solved,))
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        members = {member.removesuffix(".npy"): archive.read(member) for member in archive.namelist()}
    for part in sorted(set(members) & {"indices", "indptr", "shape", "row", "offsets", "format"}):
        KINDS[f"{part} of {name}.npz"] = Kind(
            members[part], ".npz", (solved,), lambda data, rest=members, part=part: npz(**rest | {part: data})
        )

EXTREMES = (b"\0", b"\xff", b"\x7f", b"\x80", b"9", b" ", b"\n")


def mutated(data: bytes, randomly: random.Random) -> bytes:
    """Return data with one damage of a kind that files suffer, or that somebody makes."""

    def place(length: int = 1) -> int:
        # Half of the places are where the structure is: at the beginning and, in an archive, at the end.
        last = max(0, len(data) - length)
        return randomly.choice(
            (randomly.randint(0, last), min(last, randomly.randrange(160)), max(0, last - randomly.randrange(160)))
        )

    def put(where: int, piece: bytes) -> bytes:
        return data[:where] + piece + data[where + len(piece) :]

    kind = randomly.choice(("cut", "bits", "bytes", "word", "digit", "swap", "twice", "out", "shift", "empty"))
    if kind == "cut":
        return data[: randomly.randrange(len(data))]
    if kind in ("bits", "bytes"):
        changed = bytearray(data)
        for _ in range(randomly.choice((1, 2, 5, 20))):
            where = place()
            changed[where] = changed[where] ^ 1 << randomly.randrange(8) if kind == "bits" else randomly.randrange(256)
        return bytes(changed)
    if kind == "word":  # of a length or an offset: all ones, zeros, 2^60
        length = randomly.choice((1, 2, 4, 8))
        number = randomly.choice(
            (0, 2 ** (8 * length) - 1, 2 ** (8 * length - 4), 2 ** (8 * length - 1) - 1, randomly.randrange(100))
        )
        return put(place(length), number.to_bytes(length, randomly.choice(("little", "big"))))
    if kind == "digit":
        digits = [k for k, byte in enumerate(data[:400]) if chr(byte).isdigit()] or [0]
        return put(randomly.choice(digits), str(randomly.choice((0, 9, 10**18, -1))).encode())
    if kind == "shift":
        where = place()
        return data[:where] + randomly.choice(EXTREMES) * randomly.choice((1, 8, 400)) + data[where:]
    first, second = sorted((place(), place()))
    length = randomly.choice((4, 16, 64))
    if kind == "swap":
        one, other = data[first : first + length], data[second : second + length]
        return put(second, one)[:first] + other + put(second, one)[first + len(other) :]
    if kind == "twice":
        return data[:second] + data[first:]
    return b"" if kind == "empty" else data[:first] + data[second:]


def answered(path: Path, read: Callable[[Path], object]) -> str:
    """Return what is wrong with the answer, or nothing: an array, or one line that begins with a file beside which it stands."""
    try:
        read(path)
    except CgDenoiseError as error:
        message = str(error)
        if not message.startswith(str(path.parent)):
            return f"no path: {message!r}"
        return "" if message.isprintable() else f"not one line: {message!r}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def main(folder: Path, first: int, last: int) -> None:
    """Try the cases of these numbers, each kind in its turn."""
    for number in range(first, last):
        name = list(KINDS)[number % len(KINDS)]
        kind = KINDS[name]
        print(f"\n{number} {name}", end=": ", flush=True)
        path = folder / f"file{kind.suffix}"
        path.write_bytes(kind.wrap(mutated(kind.data, random.Random(number))))
        for suffix, data in kind.beside:
            path.with_suffix(suffix).write_bytes(data)
        for read in kind.readers:
            print(answered(path, read), end="", flush=True)
    print("\nend")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
