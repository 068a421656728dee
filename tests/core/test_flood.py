import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.morphology import h_maxima

from napari_touchup.core.flood import flood

# two hills of height 1 and 0.8 with a pass at 0.5: the lower one rises 0.3 above it
HILLS = np.array([[0.0, 0.6, 1.0, 0.7, 0.5, 0.6, 0.8, 0.3]], np.float32)


@pytest.mark.parametrize(
    ("h", "floor", "expected"),
    [
        (0.25, 0.2, [1, 1, 1, 1, 1, 2, 2, 2]),
        (0.35, 0.2, [1, 1, 1, 1, 1, 1, 1, 1]),  # too shallow for this h
        (0.25, 0.9, [1, 1, 1, 1, 1, 1, 1, 1]),  # too low to be a seed
        (0.25, 2.0, [1, 1, 1, 1, 1, 1, 1, 1]),  # no seed at all: one object
    ],
)
def test_flood_of_two_hills(h: float, floor: float, expected: list[int]) -> None:
    assert flood(HILLS, np.ones(HILLS.shape, bool), h, floor).tolist() == [expected]


def test_a_hill_joins_the_neighbour_over_the_highest_pass() -> None:
    height = np.array([[1.0, 0.2, 0.5, 0.4, 0.9]], np.float32)
    labels = flood(height, np.ones((1, 5), bool), 0.25, 0.0)
    assert labels.tolist() == [[1, 1, 2, 2, 2]]


def test_equal_hills_and_equal_passes_are_told_apart_by_their_place() -> None:
    height = np.array([[1, 0.5, 1, 0.5, 1]], np.float32)
    inside = np.ones((1, 5), bool)
    first = flood(height, inside, 0.25, 0.2)
    assert len(np.unique(first)) == 3
    assert np.array_equal(first, flood(height.copy(), inside, 0.25, 0.2))
    assert np.unique(flood(height, inside, 0.55, 0.2)).size == 1


def test_what_the_mask_parts_is_never_one_object() -> None:
    height = np.ones((3, 5), np.float32)
    mask = np.ones((3, 5), bool)
    mask[:, 2] = False
    assert flood(height, mask, 0.9, 0.2)[1].tolist() == [1, 1, 0, 2, 2]


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10**6), h=st.floats(0.02, 0.5))
def test_each_object_holds_one_h_maximum(seed: int, h: float) -> None:
    rng = np.random.default_rng(seed)
    height = ndimage.gaussian_filter(rng.random((30, 30)), 1.5)
    height = ((height - height.min()) / np.ptp(height)).astype(np.float32)
    mask = ndimage.gaussian_filter(rng.random((30, 30)), 1) > 0.45
    found = flood(height, mask, h, 0.0)
    assert np.array_equal(found > 0, mask)
    pieces, count = ndimage.label(mask, np.ones((3, 3)))
    for i in range(1, count + 1):
        maxima = h_maxima(np.where(pieces == i, height, -2), h)
        seeds, number = ndimage.label(maxima, np.ones((3, 3)))
        owners = {(int(found[p]), int(seeds[p])) for p in zip(*np.nonzero(seeds), strict=True)}
        objects = np.unique(found[pieces == i])
        assert len(owners) == number == len(objects)
        assert {label for label, _ in owners} == set(objects.tolist())
