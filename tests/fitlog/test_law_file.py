"""The law of noise as a file: an exact round trip, and what is refused."""

import json

import numpy as np
import pytest

import cgdenoise
from cgdenoise.errors import NoiseLawError, OptionError
from cgdenoise.fitlog.law_file import dump_law, read_law
from cgdenoise.noise.law import NoiseLaw
from cgdenoise.noise.model import NoiseKind

THIRD = 1 / 3
LAWS = [
    NoiseLaw(NoiseKind.POISSON_GAUSSIAN, 1, THIRD, gain=0.1, offset=-THIRD, read_sigma=np.pi, measured_by="dark frames"),
    NoiseLaw(NoiseKind.GAUSSIAN, 2, THIRD, covariance=((0.1, THIRD / 9), (THIRD / 9, 0.2))),
    NoiseLaw(NoiseKind.CORRELATED, 3, THIRD, autocorrelation=((1.0, THIRD), (THIRD, 0.1)), measured_by="second exposure"),
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.kind)
def test_the_round_trip_is_exact(law, tmp_path):
    path = tmp_path / "law.json"
    path.write_bytes(dump_law(law, np.dtype(np.uint16), [{"name": "a.tif", "sha256": "0"}]))
    found = read_law(path)
    assert (found.law, found.dtype, found.full_scale) == (law, "uint16", 65535)
    assert cgdenoise.read_noise_law(path) == law


@pytest.mark.parametrize(
    ("law", "change", "message"),
    [
        (0, {"format": "other"}, "no noise law"),
        (0, {"version": 9}, "version 9"),
        (0, {"kind": "auto"}, "kind 'auto'"),
        (0, {"gain": float("nan")}, "finite"),
        (0, {"gain": 0}, "gain of 0"),
        (0, {"sigma": -1}, "below 0"),
        (0, {"sigma": "2"}, "sigma is"),
        (0, {"channels": True}, "channels is"),
        (0, {"offset": 10**400}, "noise law"),
        (0, {"measured_by": "guess"}, "measured_by"),
        (0, {"full_scale": "255"}, "full_scale"),
        (1, {"covariance": [[1, 2], [2, 1]]}, "covariance"),
        (1, {"covariance": [[1]]}, "2 channels"),
        (1, {"covariance": [[1, 0], [0]]}, "covariance"),
        (1, {"autocorrelation": [[1.0]]}, "autocorrelation"),
        (2, {"autocorrelation": None}, "autocorrelation"),
        (2, {"autocorrelation": [[2.0]]}, "autocorrelation"),
    ],
)
def test_impossible_laws_are_refused_in_one_line(law, change, message, tmp_path):
    path = tmp_path / "law.json"
    path.write_text(json.dumps(json.loads(dump_law(LAWS[law], np.dtype("u1"), [])) | change))
    with pytest.raises(NoiseLawError, match=message) as caught:
        read_law(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("data", [b"", b"\xff", b"[1]", b"{", b'{"format": "cgdenoise noise law", "version": 1}', b"[" * 100_000])
def test_foreign_files_are_refused(data, tmp_path):
    (tmp_path / "law.json").write_bytes(data)
    with pytest.raises(NoiseLawError, match="expected"):
        read_law(tmp_path / "law.json")


def test_a_law_leaves_nothing_else_to_tell():
    with pytest.raises(OptionError, match="expected one of them"):
        cgdenoise.KnownNoise(sigma=3, law=LAWS[0])


def test_a_law_follows_the_unit():
    values = np.random.default_rng(0).uniform(size=(16, 16, 1))
    law = NoiseLaw(NoiseKind.POISSON_GAUSSIAN, 1, 1.0, gain=2.0, offset=0.1, read_sigma=3.0)
    model, scaled = law.model_of(values), law.in_unit(5, 4).model_of((values - 5) / 4)
    assert (scaled.sigma, scaled.gain, scaled.read_sigma) == pytest.approx((model.sigma / 4, 0.5, 0.75))
    assert scaled.offset == pytest.approx((0.1 - 5) / 4)
