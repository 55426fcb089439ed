import errno
import hashlib
import io
import os
import stat
import subprocess
import sys
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from PIL import Image

from cgdenoise.errors import ImageError
from cgdenoise.images import (
    Metadata,
    check,
    container_for,
    decode,
    encode,
    open_image,
    read_bytes,
    read_image,
    write_atomically,
    write_image,
    write_together,
)

DATA = Path(__file__).parents[2].parent / "shared" / "data"
REAL = sorted(path for path in DATA.glob("*/*") if path.suffix in (".png", ".tif", ".jpg"))


@pytest.mark.parametrize(
    ("name", "container"),
    [
        ("a.png", "png"),
        ("a.b.JPG", "jpeg"),
        ("a.jpeg", "jpeg"),
        ("a.tif", "tiff"),
        ("a.TIFF", "tiff"),
        ("a.npy", "npy"),
    ],
)
def test_container_for(name, container):
    assert container_for(name) == container
    assert container_for(Path("dir.png") / name) == container


@pytest.mark.parametrize("name", ["a.xcf", "a", "png", ".png", "a.npz"])
def test_unknown_suffixes_list_the_known(name):
    with pytest.raises(ImageError, match=f"^{name}: .*expected .png, .jpg, .jpeg, .tif, .tiff, .npy, "):
        container_for(name)


@pytest.mark.parametrize("container", ["png", "jpeg", "tiff", "npy"])
def test_the_first_bytes_decide_not_the_suffix(tmp_path, picture, container):
    path = tmp_path / "misleading.png"
    write_atomically(path, encode(picture(), container, "x"))
    assert read_image(path).container == container


def test_write_image_goes_by_the_suffix(tmp_path, picture):
    given = picture(channels=3)
    for suffix, container in ((".png", "png"), (".jpg", "jpeg"), (".tiff", "tiff"), (".npy", "npy")):
        write_image(tmp_path / f"a{suffix}", given)
        assert read_image(tmp_path / f"a{suffix}").container == container
    with pytest.raises(ImageError, match=r"a.jpg: float32 pixels do not fit in a JPEG, which holds uint8$"):
        write_image(tmp_path / "a.jpg", picture("f4"))
    with pytest.raises(ImageError, match=r"^out.jpg: "):
        check(picture("f4"), "jpeg", "out.jpg")


@pytest.mark.parametrize("shape", [(13, 17), (13, 17, 3)])
@pytest.mark.parametrize(
    ("name", "dtype"),
    [("a.png", "u1"), ("a.png", "u2"), ("a.png", ">u2"), ("a.tif", "f4"), ("a.tif", ">i4"), ("a.npy", "f8"), ("a.npy", "i2")],
)
def test_write_image_takes_an_array(tmp_path, pixels, name, dtype, shape):
    array = pixels(np.dtype(dtype).newbyteorder("="), shape).astype(dtype)[::-1]
    write_image(tmp_path / name, array)
    found = read_image(tmp_path / name)
    assert found.alpha is None
    assert found.dtype == array.dtype.newbyteorder("=")
    assert np.array_equal(found.pages, array[None])


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("a.png", np.zeros((4, 5), np.float32), "float32 pixels do not fit in a PNG, which holds uint8 or uint16$"),
        ("a.jpg", np.zeros((4, 5), ">u2"), "uint16 pixels do not fit in a JPEG, which holds uint8$"),
        ("a.png", np.zeros((4, 5, 4), np.uint8), "4 channels do not fit in a PNG, which holds 1 or 3$"),
        ("a.npy", np.zeros((4, 5), bool), "dtype bool; expected real integers or floats$"),
        ("a.npy", np.zeros(5), r"shape \(5,\); expected \(H, W\) or \(H, W, C\)$"),
        ("a.tif", np.zeros((3, 40, 50)), "expected .* with C at most 16$"),
        ("a.tif", np.zeros((0, 5)), "no pixels"),
        ("a.xcf", np.zeros((4, 5)), "suffix '.xcf' is of no known format"),
    ],
)
def test_write_image_refuses_arrays_that_do_not_fit(tmp_path, name, array, message):
    with pytest.raises(ImageError, match=f"^{tmp_path / name}: .*{message}"):
        write_image(tmp_path / name, array)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"Hello world", r"starts with b'Hello wo'; expected PNG, JPEG, TIFF, NPY, "),
        (b"", "empty file"),
        (b"GIF89a", "an undamaged GIF"),
        (b"\x89PNG", "damaged PNG"),
    ],
)
def test_what_is_no_image_is_refused(data, message):
    with pytest.raises(ImageError, match=f"^notes.png: .*{message}"):
        decode(data, "notes.png")


def test_messages_are_one_line():
    with pytest.raises(ImageError) as caught:
        decode(b"\n\n\n", "two\nlines.png")
    assert "\n" not in str(caught.value)


def test_opening_errors(tmp_path):
    with pytest.raises(ImageError, match=r"none.png: cannot be read \(no such file or directory\); expected an image"):
        read_bytes(tmp_path / "none.png")
    with pytest.raises(ImageError, match="is a directory"):
        read_bytes(tmp_path)
    (tmp_path / "empty.png").touch()
    with pytest.raises(ImageError, match=r"empty.png: empty file"):
        read_bytes(tmp_path / "empty.png")
    with pytest.raises(ImageError, match="cannot be read"):
        read_bytes("a\0b")
    with pytest.raises(ImageError, match="cannot be read"):
        read_bytes(tmp_path / "empty.png" / "deeper")


def test_permission_error(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(ImageError, match=r"a.png: cannot be read \(permission denied\)"):
        read_bytes("a.png")


def test_endless_input_is_refused(monkeypatch):
    monkeypatch.setattr("cgdenoise.images.files.MAX_BYTES", 1 << 20)
    with pytest.raises(ImageError, match="more than 1048576 bytes"):
        read_bytes("/dev/zero")


def test_atomic_write_replaces_and_follows_the_umask(tmp_path):
    path = tmp_path / "a.bin"
    old = os.umask(0o027)
    try:
        write_atomically(path, b"one")
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    link = tmp_path / "link.bin"
    link.symlink_to(path)
    write_atomically(link, b"three")
    assert link.is_symlink()
    assert path.read_bytes() == b"three"
    assert sorted(os.listdir(tmp_path)) == ["a.bin", "link.bin"]


@pytest.mark.parametrize("failing", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_failed_write_leaves_the_old_file_alone(tmp_path, monkeypatch, failing, error):
    def fail(*_):
        raise error

    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, failing, fail)
    expected = KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else ImageError
    with pytest.raises(expected) as caught:
        write_atomically(path, b"new")
    assert expected is KeyboardInterrupt or str(caught.value) == f"{path}: cannot be written (No space left on device)"
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_of_files_that_belong_together_none_is_written_if_one_cannot_be(tmp_path):
    paths = [str(tmp_path / name) for name in ("a.bin", "none/b.bin")]
    (tmp_path / "a.bin").write_bytes(b"old")
    with pytest.raises(ImageError, match=r"none/b.bin: cannot be written"):
        write_together(dict.fromkeys(paths, b"new"))
    assert os.listdir(tmp_path) == ["a.bin"]
    assert (tmp_path / "a.bin").read_bytes() == b"old"
    (tmp_path / "none").mkdir()
    write_together(dict.fromkeys(paths, b"new"))
    assert [Path(path).read_bytes() for path in paths] == [b"new", b"new"]
    assert len(list(tmp_path.rglob("*"))) == 3


def test_a_write_cut_short_by_the_system(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    program = f"""
import resource, signal
from cgdenoise.errors import ImageError
from cgdenoise.images import write_atomically
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    write_atomically({str(path)!r}, bytes(1_000_000))
except ImageError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.stdout == f"{path}: cannot be written (File too large)\n", done.stderr
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("name", ["a.tif", "a.png"])
def test_a_pipe_is_opened_once(tmp_path, monkeypatch, name):
    """Whoever writes into it loses what a reader that closes it has not read, or is ended by it."""
    opened = []
    monkeypatch.setattr("cgdenoise.images.files.open", lambda *given: opened.append(given) or open(*given), raising=False)  # noqa: SIM115
    image = np.random.default_rng(0).integers(0, 255, (300, 400), np.uint8)  # more than a pipe holds
    write_image(tmp_path / name, image)
    os.mkfifo(tmp_path / "pipe")
    writer = Thread(target=lambda: (tmp_path / "pipe").write_bytes((tmp_path / name).read_bytes()))
    writer.start()
    try:
        picture, digest = open_image(tmp_path / "pipe", tmp_path)
    finally:
        os.close(os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK))  # let the writer go, whatever happened
        writer.join(10)
    assert len(opened) == 1
    assert np.array_equal(picture.pages[0], image)
    assert digest == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()


def test_what_a_killed_write_left_is_removed_by_the_next(tmp_path):
    """Files named by their targets: one for another target may belong to a process that is still writing it."""
    program = """
import os, signal, sys
from cgdenoise.images import write_atomically
os.replace = lambda source, target: os.kill(os.getpid(), signal.SIGKILL)
write_atomically(sys.argv[1], b"half")
"""
    for name in ("a.bin", "b.bin"):
        subprocess.run([sys.executable, "-c", program, tmp_path / name], check=False, cwd=Path(__file__).parents[2])
    assert len(os.listdir(tmp_path)) == 2
    write_atomically(tmp_path / "a.bin", b"whole")
    assert (tmp_path / "a.bin").read_bytes() == b"whole"
    assert len(os.listdir(tmp_path)) == 2
    write_atomically(tmp_path / "b.bin", b"whole")
    assert sorted(os.listdir(tmp_path)) == ["a.bin", "b.bin"]


def test_bad_targets(tmp_path):
    with pytest.raises(ImageError, match="not a regular file"):
        write_atomically(tmp_path, b"")
    with pytest.raises(ImageError, match="not a regular file"):
        write_atomically("/dev/null", b"")
    with pytest.raises(ImageError, match="No such file or directory"):
        write_atomically(tmp_path / "none" / "a.png", b"")
    with pytest.raises(ImageError, match="cannot be written"):
        write_atomically("a\0b", b"")


@pytest.mark.parametrize("source", ["png", "jpeg", "tiff"])
@pytest.mark.parametrize("target", ["png", "jpeg", "tiff"])
def test_common_metadata_goes_along_to_other_containers(picture, exif, icc, source, target):
    given = picture(channels=3, metadata=Metadata(icc, exif.tobytes().removeprefix(b"Exif\0\0"), (300.0, 150.0)))
    first = decode(encode(given, source, "x"), "x")
    found = decode(encode(first, target, "x"), "x")
    assert found.container == target
    assert found.metadata.icc_profile == icc
    assert found.metadata.dpi == pytest.approx((300, 150), abs=0.02)
    kept = Image.Exif()
    kept.load(found.metadata.exif)
    assert (kept[0x010F], kept[0x0112], kept[0x013B]) == ("Maker", 6, "An artist")
    assert kept.get_ifd(0x8769) == exif.get_ifd(0x8769)
    assert kept.get_ifd(0x8825)[2] == (48.0, 8.0, 15.5)
    # And not only we think so:
    with Image.open(io.BytesIO(encode(first, target, "x"))) as image:
        assert image.info["icc_profile"] == icc
        assert image.getexif().get_ifd(0x8769)[0x9003] == "2024:05:06 07:08:09"


def test_importing_loads_no_decoder():
    program = "import sys, cgdenoise.images; print({'PIL', 'tifffile', 'imagecodecs', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.stdout == "set()\n", done.stderr


@pytest.mark.skipif(not REAL, reason="no measurement images beside the repository")
@pytest.mark.parametrize("path", REAL, ids=[f"{path.parent.name}-{path.stem}" for path in REAL])
def test_real_files(path):
    found = read_image(path)
    with Image.open(path) as image:
        expected = np.asarray(image)
    assert np.array_equal(found.pages[0], expected)
    assert found.peak == 255
    data = encode(found, found.container, "x")
    with Image.open(io.BytesIO(data)) as image:
        assert np.array_equal(np.asarray(image), expected)
    assert decode(data, "x").metadata.dpi == found.metadata.dpi
