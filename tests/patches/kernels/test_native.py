"""The compiled groups are those of torch's functions, whatever the processor and the number of threads."""

import pytest
import torch

from cgdenoise.native.build import GROUPS, GROUPS_AVX2, GROUPS_AVX512
from cgdenoise.native.library import load
from cgdenoise.patches import composed
from cgdenoise.patches.kernels import native
from cgdenoise.patches.kernels.native import RIDGE, Keep
from cgdenoise.patches.matching import Search

SIZES = [(1, 1), (3, 5), (7, 7), (17, 31), (61, 8), (2, 40), (97, 53)]
KEEPS = [RIDGE, Keep(2.5, 1), Keep(3, 3)]
SEARCH, COARSE = Search(5, 18, 15, 3), Search(4, 18, 15, 4)
UNCERTAIN = 0.01  # of patches whose values have a variance of 0.6: so much that float32 solves their systems to four places

pytestmark = pytest.mark.skipif(native.library() is None, reason="not compiled")


SUITED = [*native._SUITED.get(torch.backends.cpu.get_cpu_capability(), ()), GROUPS]


@pytest.fixture(params=SUITED, ids=lambda library: library.processor or "any processor")
def library(request, monkeypatch):
    """Each library that this processor has the instructions for."""
    found = load(request.param, native._SIGNATURES)
    monkeypatch.setattr(native, "library", lambda: found)


def picture(channels: int, height: int, width: int, seed: int = 0) -> torch.Tensor:
    """Waves with noise: patches that are alike, and that have no exact copies."""
    y, x = torch.arange(height)[:, None], torch.arange(width)
    waves = torch.stack([torch.sin(0.7 * x + 0.2 * c * y) for c in range(channels)])
    return waves + 0.3 * torch.randn(waves.shape, generator=torch.Generator().manual_seed(seed))


def filtered(how, noisy: torch.Tensor, keep: Keep, search: Search = SEARCH) -> torch.Tensor:
    pilot = noisy if keep.purified > 1 else picture(*noisy.shape, seed=1)
    variances = torch.linspace(0.05, 0.2, noisy.numel()).view_as(noisy)
    limited = search.limited_to((noisy.shape[1], noisy.shape[2]))
    return how(noisy, pilot, pilot[:2], limited, keep, variances, lambda pixels: None)


def completed(how, known: torch.Tensor, variance: float, search: Search = COARSE) -> torch.Tensor:
    truth = picture(*known.shape)
    limited = search.limited_to((known.shape[1], known.shape[2]))
    return how(
        truth * known,
        known,
        picture(*known.shape, seed=1),
        limited,
        7,
        variance,
        unshown(len(known), limited.patch),
        lambda pixels: None,
    )


def unshown(channels: int, patch: int) -> torch.Tensor:
    """A covariance of one variance that ties all values together, neighbouring pairs by different amounts."""
    places = torch.linspace(0, 2, channels * patch**2) ** 2
    return UNCERTAIN * (torch.eye(len(places)) + torch.exp(-(places[:, None] - places).abs())) / 2


def mask(channels: int, height: int, width: int, share: float) -> torch.Tensor:
    """Values known at random, each channel by itself, and none in a rectangle wider than a patch."""
    known = torch.rand(channels, height, width, generator=torch.Generator().manual_seed(2)) < share
    known[:, 10:22, 5:25] &= share == 1
    return known.float()


@pytest.mark.parametrize("keep", KEEPS, ids=str)
@pytest.mark.parametrize("channels", [1, 2, 3, 5])
@pytest.mark.parametrize("size", SIZES)
def test_as_torch_does(library, size, channels, keep):
    noisy = picture(channels, *size)
    expected, found = (filtered(how, noisy, keep) for how in (composed.filter_groups, native.filter_groups))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("keep", KEEPS, ids=str)
@pytest.mark.parametrize("search", [Search(1, 1, 1, 1), Search(2, 5, 5, 2), Search(9, 28, 37, 5), Search(6, 64, 65, 3)], ids=str)
def test_any_search(library, search, keep):
    noisy = picture(2, 60, 71)
    expected, found = (filtered(how, noisy, keep, search) for how in (composed.filter_groups, native.filter_groups))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("keep", KEEPS, ids=str)
def test_same_bytes_on_any_number_of_threads(keep, monkeypatch):
    noisy = picture(3, 150, 170)
    results = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        results.append(filtered(native.filter_groups, noisy, keep))
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])


@pytest.mark.parametrize("variance", [0.0, 0.1])
@pytest.mark.parametrize("share", [0, 0.1, 0.5, 1])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("size", SIZES)
def test_completed_as_torch_does(library, size, channels, share, variance):
    known = mask(channels, *size, share)
    expected, found = (completed(how, known, variance) for how in (composed.complete_groups, native.complete_groups))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    "search", [Search(1, 1, 1, 1), Search(2, 5, 5, 2), Search(4, 72, 37, 3), Search(10, 100, 37, 6)], ids=str
)
def test_completed_by_any_search(library, search):
    known = mask(3, 60, 71, 0.4)
    expected, found = (completed(how, known, 0.01, search) for how in (composed.complete_groups, native.complete_groups))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


def test_completed_to_the_same_bytes_on_any_number_of_threads(monkeypatch):
    results = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        results.append(completed(native.complete_groups, mask(3, 150, 170, 0.5), 0.0))
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])


@pytest.mark.parametrize("way", ["filter", "complete"])
def test_every_pixel_is_told_of_once(way, monkeypatch):
    monkeypatch.setattr(native, "_AT_A_TIME", 2)
    told = []
    noisy = picture(1, 110, 90)
    search = Search(5, 18, 15, 3)
    if way == "filter":
        native.filter_groups(noisy, noisy, noisy, search, RIDGE, torch.full_like(noisy, 0.1), told.append)
    else:
        native.complete_groups(noisy, torch.ones_like(noisy), noisy, search, 3, 0.1, unshown(1, 5), told.append)
    assert len(told) > 4
    assert sum(told) == pytest.approx(110 * 90)


@pytest.mark.parametrize("side", [1, 3])
def test_tiles_of_torch_do_not_change_what_is_completed(side, monkeypatch):
    results = []
    for tile in (side, 99):
        monkeypatch.setattr(composed, "_SYSTEMS_TILE", tile)
        results.append(completed(composed.complete_groups, mask(3, 28, 33, 0.5), 0.01))
    torch.testing.assert_close(*results, rtol=0, atol=1e-4)


@pytest.mark.parametrize("side", [1, 3])
@pytest.mark.parametrize("keep", KEEPS, ids=str)
def test_tiles_of_torch_do_not_change_its_result(keep, side, monkeypatch):
    noisy = picture(3, 28, 33)
    results = []
    for tile in (side, 99):
        monkeypatch.setattr(composed, "TILE", tile)
        results.append(filtered(composed.filter_groups, noisy, keep))
    torch.testing.assert_close(*results, rtol=0, atol=2e-6)


@pytest.mark.parametrize(
    ("ability", "expected"),
    [("DEFAULT", [GROUPS]), ("AVX2", [GROUPS_AVX2]), ("AVX512", [GROUPS_AVX512])],
)
def test_a_processor_takes_the_fastest_library_it_can_run(ability, expected, monkeypatch):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: ability)
    loaded = []
    monkeypatch.setattr(native, "load", lambda library, signatures: loaded.append(library) or object())
    assert native.library.__wrapped__() is not None
    assert loaded == expected


def test_a_library_that_was_not_built_is_passed_over(monkeypatch):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    monkeypatch.setattr(native, "load", lambda library, signatures: library if library is GROUPS else None)
    assert native.library.__wrapped__() is GROUPS


@pytest.mark.parametrize("keep", KEEPS, ids=str)
def test_wide_registers_give_the_same_bytes(keep, monkeypatch):
    found = []
    for library in SUITED[:-1]:  # all that multiply and add at once
        monkeypatch.setattr(native, "library", lambda library=library: load(library, native._SIGNATURES))
        found.append(filtered(native.filter_groups, picture(3, 97, 53), keep, Search(7, 45, 37, 4)))
    assert all(torch.equal(one, found[0]) for one in found)
