"""Whatever is wrong with an input, an output or an option: one line, the right exit code, and no file touched."""

import io
import json
import os
import pickle
import resource
import struct
import zlib
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from cgdenoise.fitting.optimiser import OptimiserSpec
from cgdenoise.restoration import presets

FLOATS = np.linspace(0, 1, 24 * 24, dtype=np.float32).reshape(24, 24)


def png(array):
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "PNG")
    return stream.getvalue()


def tiff(array):
    stream = io.BytesIO()
    tifffile.imwrite(stream, array)
    return stream.getvalue()


def npy(array, **options):
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def bomb():
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def with_value(value):
    array = FLOATS.copy()
    array[3, 4] = value
    return array


NOISE = np.random.default_rng(1).integers(0, 255, (24, 24), dtype=np.uint8)

BAD_FILES = {
    "empty.png": (b"", "empty"),
    "truncated.png": (png(NOISE)[:200], "truncated"),
    "no_end.png": (png(NOISE)[:-12], "truncated"),
    "truncated.tif": (tiff(NOISE)[:-300], "TIFF"),
    "text.png": (b"These are only words.\n", "not an image"),
    "bomb.png": (bomb(), "60000x60000"),
    "nan.npy": (npy(np.full((24, 24), np.nan, np.float32)), "NaN"),
    "channel_nan.npy": (npy(np.dstack([FLOATS, np.full_like(FLOATS, np.nan)])), "NaN"),
    "infinite.npy": (npy(with_value(np.inf)), "infinite"),
    "minus_infinite.npy": (npy(with_value(-np.inf)), "infinite"),
    "line.npy": (npy(FLOATS[0]), r"(24,)"),
    "volume.npy": (npy(FLOATS.reshape(2, 3, 4, 24)), "(2, 3, 4, 24)"),
    "channels_first.npy": (npy(FLOATS.reshape(3, 12, 16)), "channels first"),
    "complex.npy": (npy(FLOATS.astype(complex)), "complex"),
    "no_pixels.npy": (npy(FLOATS[:0]), "(0, 24)"),
    "truncated.npy": (npy(FLOATS)[:-7], "truncated"),
}


@pytest.mark.parametrize("name", BAD_FILES)
@pytest.mark.parametrize("command", ["denoise", "info"])
def test_bad_file_is_refused(refused, folder, name, command):
    data, message = BAD_FILES[name]
    (folder / name).write_bytes(data)
    assert message in refused(command, name, names=name)


@pytest.mark.parametrize("command", ["denoise", "info"])
def test_missing_file_is_refused(refused, command):
    assert "no such file" in refused(command, "absent.png", names="absent.png")


@pytest.mark.parametrize("command", ["denoise", "info"])
def test_empty_directory_is_refused(refused, folder, command):
    (folder / "pictures.png").mkdir()
    assert "no image in this folder" in refused(command, "pictures.png", names="pictures.png")


class Trap:
    """Leaves a file where it is unpickled."""

    def __reduce__(self):
        return Path.touch, (Path("sprung"),)


@pytest.mark.parametrize("data", [npy(np.array([[Trap()]]), allow_pickle=True), pickle.dumps(Trap())], ids=["npy", "bare"])
@pytest.mark.parametrize("command", ["denoise", "info"])
def test_pickle_is_never_opened(refused, folder, data, command):
    (folder / "trap.npy").write_bytes(data)
    assert "pickle" in refused(command, "trap.npy", names="trap.npy")
    assert not (folder / "sprung").exists()
    pickle.loads(pickle.dumps(Trap()))
    assert (folder / "sprung").exists(), "the trap does not work"


def test_existing_output_is_kept(refused_denoise, folder, noisy_png):
    (folder / "noisy_denoised.png").write_bytes(b"precious")
    assert "--force" in refused_denoise("noisy.png", names="noisy_denoised.png")


def test_force_replaces_an_output(restored, folder, noisy_png):
    (folder / "noisy_denoised.png").write_bytes(b"old")
    (folder / "noisy_denoised.fit.jsonl").write_bytes(b"old")
    restored("noisy.png", "--force")
    assert np.array(Image.open(folder / "noisy_denoised.png")).shape == (24, 24, 3)
    assert b"header" in (folder / "noisy_denoised.fit.jsonl").read_bytes()


def test_existing_log_is_kept(refused_denoise, folder, noisy_png):
    (folder / "noisy_denoised.fit.jsonl").write_bytes(b"precious")
    refused_denoise("noisy.png", names="noisy_denoised.fit.jsonl")


def test_dangling_link_is_not_written_through(refused_denoise, folder, noisy_png):
    (folder / "noisy_denoised.png").symlink_to("elsewhere.png")
    refused_denoise("noisy.png", names="noisy_denoised.png")


@pytest.mark.parametrize("target", ["noisy.png", "./noisy.png", "link.png"])
def test_output_equal_to_the_input_is_a_usage_error(refused_denoise, folder, noisy_png, target):
    (folder / "link.png").symlink_to("noisy.png")
    refused_denoise("noisy.png", "-o", target, "--force", names=target, code=2)


def test_empty_suffix_is_a_usage_error(refused_denoise, noisy_png):
    refused_denoise("noisy.png", "--suffix", "", "--force", names="noisy.png", code=2)


def test_two_inputs_to_one_file_are_a_usage_error(refused_denoise, folder, noisy_png):
    (folder / "second.png").write_bytes(noisy_png.read_bytes())
    refused_denoise("noisy.png", "second.png", "-o", "out.png", names="out.png", code=2)


def test_one_input_twice_is_a_usage_error(refused_denoise, folder, noisy_png):
    (folder / "out").mkdir()
    refused_denoise("noisy.png", "./noisy.png", "-o", "out", names="out/noisy_denoised.png", code=2)


def test_two_outputs_never_share_a_log(denoise, folder, noisy_png, noisy):
    tifffile.imwrite(folder / "noisy.tif", noisy, photometric="rgb")
    outcome = denoise("noisy.png", "noisy.tif")
    outputs = [path for path in folder.glob("noisy_denoised.*") if path.suffix in (".png", ".tif")]
    assert len(outputs) == 2
    assert len(list(folder.glob("*.jsonl"))) == len(outputs), outcome


@pytest.mark.parametrize("target", ["out.gif", "out.2"])
def test_unknown_output_suffix_is_refused(refused_denoise, noisy_png, target):
    assert ".npy" in refused_denoise("noisy.png", "-o", target, names=target)


def test_missing_output_folder_is_refused(refused_denoise, noisy_png):
    refused_denoise("noisy.png", "-o", "absent/out.png", names="absent/out.png")


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="no /proc")
def test_folder_that_takes_no_files_is_refused(refused_denoise, noisy_png):
    refused_denoise("noisy.png", "-o", "/proc/self/out.png", names="/proc/self/out.png")


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind root")
def test_folder_without_write_permission_is_refused(refused_denoise, folder, noisy_png):
    (folder / "locked").mkdir(mode=0o555)
    refused_denoise("noisy.png", "-o", "locked", names="locked/noisy_denoised.png")


def test_device_as_output_is_refused(refused_denoise, folder, noisy_png):
    (folder / "null.png").symlink_to(os.devnull)
    refused_denoise("noisy.png", "-o", "null.png", "--force", names="null.png")


@pytest.mark.parametrize(
    ("name", "target", "message"),
    [("float.npy", "out.png", "float32"), ("float.npy", "out.jpg", "float32"), ("alpha.png", "out.jpg", "alpha")],
)
def test_what_the_output_cannot_hold_is_refused_before_the_fit(refused_denoise, folder, monkeypatch, name, target, message):
    monkeypatch.setattr("cgdenoise.jobs.pages.denoise_whole", lambda *args, **options: pytest.fail("a fit was begun"))
    np.save(folder / "float.npy", FLOATS)
    Image.fromarray(np.dstack([NOISE] * 4)).save(folder / "alpha.png")
    assert message in refused_denoise(name, "-o", target, names=target)


@contextmanager
def file_size_limit(size):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("existing", [False, True])
def test_full_disk_leaves_the_old_file_and_no_other(refused_denoise, folder, noisy_png, existing):
    if existing:
        (folder / "out.png").write_bytes(b"precious")
    with file_size_limit(500):
        refused_denoise("noisy.png", "-o", "out.png", "--force", names="out.png")


def test_one_bad_file_does_not_stop_the_others(denoise, folder, noisy_png):
    (folder / "bad.png").write_bytes(b"words")
    (folder / "second.png").write_bytes(noisy_png.read_bytes())
    outcome = denoise("noisy.png", "bad.png", "second.png")
    assert outcome.code == 1
    assert outcome.err.startswith("cgdenoise: error: bad.png: ")
    assert outcome.err.splitlines()[1:] == ["cgdenoise: 1 of 3 inputs failed: bad.png"]
    assert [line.split(":")[0] for line in outcome.out.splitlines()] == ["noisy_denoised.png", "second_denoised.png"]
    assert (folder / "noisy_denoised.png").read_bytes() == (folder / "second_denoised.png").read_bytes()
    assert not (folder / "bad_denoised.png").exists()


def test_one_bad_file_does_not_stop_info(cli, folder, noisy_png):
    (folder / "bad.png").write_bytes(b"words")
    outcome = cli("info", "bad.png", "noisy.png", "--threads", "1")
    assert outcome.code == 1
    assert outcome.err.startswith("cgdenoise: error: bad.png: ")
    assert outcome.out.startswith("noisy.png: PNG")


def test_reference_of_another_shape_is_refused(refused_denoise, folder, noisy_png, clean):
    Image.fromarray(clean[1:]).save(folder / "clean.png")
    assert "(23, 24, 3)" in refused_denoise("noisy.png", "--reference", "clean.png", names="noisy.png")


@pytest.mark.parametrize(("data", "message"), [(None, "no such file"), (b"words", "not an image")])
def test_unreadable_reference_is_refused(refused_denoise, folder, noisy_png, data, message):
    if data:
        (folder / "clean.png").write_bytes(data)
    assert message in refused_denoise("noisy.png", "--reference", "clean.png", names="clean.png")


def test_reference_is_not_overwritten(refused_denoise, folder, noisy_png, clean):
    Image.fromarray(clean).save(folder / "clean.png")
    refused_denoise("noisy.png", "--reference", "clean.png", "-o", "clean.png", "--force", names="clean.png", code=2)


def test_reference_without_values_is_refused(refused_denoise, folder, noisy_png):
    np.save(folder / "clean.npy", np.full((24, 24, 3), np.nan, np.float32))
    assert "no finite values" in refused_denoise("noisy.png", "--reference", "clean.npy", names="noisy.png")


def test_constant_reference_is_one(denoise, folder, noisy_png):
    np.save(folder / "clean.npy", np.full((24, 24, 3), 5, np.float32))
    outcome = denoise("noisy.png", "--reference", "clean.npy")
    assert (outcome.code, outcome.err) == (0, "")
    assert "PSNR" in outcome.out


def test_absent_device_is_a_usage_error(refused_denoise, noisy_png):
    absent = "mps" if not torch.backends.mps.is_available() else "cuda"
    assert f"device '{absent}' is not available" in refused_denoise("noisy.png", "--device", absent, names=absent, code=2)


@pytest.mark.parametrize(
    ("args", "names"),
    [
        (["noisy.png", "--stop", "holdout", "--hold-out", "0"], "--hold-out"),
        (["noisy.png", "--sigma", "inf"], "sigma"),
        (["noisy.png", "-o", "-", "--json"], "--json"),
        (["-", "--json"], "--json"),
        (["-", "-"], "-"),
        (["noisy.png", "other.png", "--reference", "clean.png"], "--reference"),
    ],
)
def test_contradictory_options_are_a_usage_error(refused_denoise, noisy_png, args, names):
    refused_denoise(*args, names=names, code=2)


@pytest.mark.parametrize(
    ("args", "names"),
    [
        (["--members", "0"], "--members"),
        (["--members", "65"], "--members"),
        (["--members", "some"], "--members"),
        (["--max-iterations", "0"], "--max-iterations"),
        (["--hold-out", "0.6"], "--hold-out"),
        (["--hold-out", "-0.1"], "--hold-out"),
        (["--hold-out", "nan"], "--hold-out"),
        (["--sigma", "-1"], "--sigma"),
        (["--sigma", "nan"], "--sigma"),
        (["--seed", "-1"], "--seed"),
        (["--threads", "0"], "--threads"),
        (["--preset", "slow"], "--preset"),
        (["--stop", "never"], "--stop"),
        (["--device", "abacus"], "--device"),
        (["--frobnicate"], "--frobnicate"),
    ],
)
def test_bad_option_value_is_a_usage_error(denoise, folder, noisy_png, args, names):
    outcome = denoise("noisy.png", *args)
    assert outcome.code == 2
    assert outcome.out == ""
    assert names in outcome.err
    assert "Traceback" not in outcome.err
    assert "\x1b" not in outcome.err
    assert list(folder.iterdir()) == [noisy_png]


@pytest.mark.parametrize("args", [["denoise"], ["info"], ["plot"], ["frobnicate"]])
def test_missing_argument_or_unknown_command_is_a_usage_error(cli, args):
    outcome = cli(*args)
    assert outcome.code == 2
    assert outcome.out == ""


@pytest.mark.parametrize(
    ("stdin", "message"),
    [(None, "closed"), (io.BytesIO(), "empty"), (io.BytesIO(b"words"), "not an image")],
    ids=["closed", "empty", "words"],
)
def test_bad_standard_input_is_refused(refused_denoise, monkeypatch, stdin, message):
    monkeypatch.setattr("sys.stdin", None if stdin is None else io.TextIOWrapper(stdin))
    assert message in refused_denoise("-", "-o", "out.png", names="standard input")


def test_line_break_in_a_name_stays_on_one_line(refused_denoise, folder, noisy_png):
    noisy_png.rename(folder / "two\nlines.png")
    (folder / "two\nlines_denoised.png").write_bytes(b"precious")
    refused_denoise("two\nlines.png", names="lines_denoised.png")


def test_failure_leaves_the_restoration_to_the_groups_and_says_so(denoise, cli, folder, noisy_png, monkeypatch):
    stuck = replace(presets.PRESETS["fast"], optimiser=OptimiserSpec("adam", 1e-12))
    monkeypatch.setitem(presets.PRESETS, "fast", stuck)
    outcome = denoise("noisy.png", "--max-iterations", "100", "--stop", "none")
    assert outcome.code == 0
    assert outcome.err.startswith("cgdenoise: warning: noisy.png: all 3 fits failed")
    assert outcome.err.count("\n") == 1
    assert "(no fit), " in outcome.out
    assert np.array(Image.open(folder / "noisy_denoised.png")).shape == (24, 24, 3)
    log = (folder / "noisy_denoised.fit.jsonl").read_text()
    assert '"status": "complete"' in log
    assert '"reason": "failed"' in log
    assert "failed" in warnings_of(log)
    assert cli("plot", "noisy_denoised.fit.jsonl").code == 0


def warnings_of(log):
    return " ".join(json.loads(log.splitlines()[-1])["warnings"])
