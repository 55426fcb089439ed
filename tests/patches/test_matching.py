import pytest
import torch

from cgdenoise.patches.matching import Search, similar_patches, tiles

SIZES = [(1, 1), (3, 5), (7, 7), (17, 31), (40, 8), (2, 40)]


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("size", SIZES)
def test_groups_are_distinct_patches_in_reach_with_the_reference_first(size):
    search = Search(patch=7, count=20, window=9, step=4).limited_to(size)
    found = similar_patches(noise(2, *size), 7, 20, 9, 4)
    height, width = (side - search.patch + 1 for side in size)
    assert found.shape[1] == search.count
    assert found.min() >= 0
    assert found.max() < height * width
    assert all(len(set(group)) == search.count for group in found.tolist())
    references = [[i * width + j for i in {*range(0, height, search.step), height - 1}] for j in range(width)]
    columns = {*range(0, width, search.step), width - 1}
    assert sorted(found[:, 0].tolist()) == sorted(reference for j in columns for reference in references[j])
    row, column = found // width, found % width
    assert max((row - row[:, :1]).abs().max(), (column - column[:, :1]).abs().max()) <= 4


def test_nearest_are_those_of_an_exhaustive_search():
    image = noise(2, 20, 24)
    patches = torch.nn.functional.unfold(image[None], 5)[0].T
    found = similar_patches(image, 5, 6, 99, 3)
    expected = torch.cdist(patches[found[:, 0]], patches).topk(6, largest=False).indices
    assert torch.equal(found, expected)


def test_exact_copy_comes_right_after_the_reference():
    image = noise(1, 40, 40)
    image[0, 21:28, 17:24] = image[0, 8:15, 12:19]
    found = similar_patches(image, 7, 5, 37, 4)
    group = found[found[:, 0] == 8 * 34 + 12]
    assert group[0, 1] == 21 * 34 + 17


@pytest.mark.parametrize("side", [1, 3])
def test_tiles_do_not_change_the_groups(side):
    image = noise(3, 33, 29)
    whole, parts = (similar_patches(image, 5, 9, 11, 3, tile=tile) for tile in (99, side))
    assert len(list(tiles((33, 29), Search(5, 9, 11, 3), 99))) == 1
    assert torch.equal(*(found[found[:, 0].argsort()] for found in (whole, parts)))
