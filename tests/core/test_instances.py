import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from napari_touchup.core import instances
from napari_touchup.core.instances import masks_from_maps, masks_from_probability
from napari_touchup.core.stitch import label_blocks
from napari_touchup.options import InstanceOptions

Array = NDArray[np.generic]
EVERYTHING = InstanceOptions(min_size=0)
MEMBRANE = InstanceOptions(method="membrane")


def disc(shape: tuple[int, int], y: float, x: float, radius: float) -> Array:
    yy, xx = np.indices(shape)
    return (yy - y) ** 2 + (xx - x) ** 2 <= radius**2


def chain(count: int = 5, radius: int = 12) -> Array:
    """Discs that touch, in a zigzag."""
    truth = np.zeros((70, 22 * count + 20), np.int32)
    for i in range(count):
        # 22 px apart: neighbours overlap a little and share a straight border
        truth[disc(truth.shape, 30 + 8 * (i % 2), 20 + 22 * i, radius) & (truth == 0)] = i + 1
    return truth


def perfect_maps(truth: Array) -> Array:
    maps = np.zeros((3, *truth.shape), np.float32)
    maps[0] = truth > 0
    none = truth.max() + 1
    lowest = ndimage.minimum_filter(np.where(truth > 0, truth, none), 3)
    maps[1] = (truth > 0) & (ndimage.maximum_filter(truth, 3) > lowest)
    for i in range(1, none):
        distance = ndimage.distance_transform_edt(truth == i)
        maps[2][truth == i] = (distance / distance.max())[truth == i]
    return maps


def ious(truth: Array, found: Array) -> list[float]:
    """Best IoU of each object of the truth."""
    return [
        max(
            float(((truth == i) & (found == j)).sum() / ((truth == i) | (found == j)).sum())
            for j in range(1, found.max() + 1)
        )
        for i in range(1, truth.max() + 1)
    ]


def same_partition(a: Array, b: Array) -> bool:
    pairs = set(zip(a.ravel().tolist(), b.ravel().tolist(), strict=True))
    return len(pairs) == len({p[0] for p in pairs}) == len({p[1] for p in pairs})


def test_examples_in_the_docstrings() -> None:
    assert doctest.testmod(instances).failed == 0


def test_perfect_maps_of_touching_discs_give_the_truth_back() -> None:
    truth = chain()
    found = masks_from_maps(perfect_maps(truth))
    assert found.max() == 5
    assert min(ious(truth, found)) > 0.9
    assert np.array_equal(found > 0, truth > 0)  # nothing grows outward


def test_a_missed_fifth_of_the_border_still_splits() -> None:
    truth, rng = chain(), np.random.default_rng(0)
    maps = perfect_maps(truth)
    maps[1][rng.random(truth.shape) < 0.2] = 0
    found = masks_from_maps(maps)
    assert found.max() == 5
    assert min(ious(truth, found)) > 0.9


def test_maps_may_be_half_precision() -> None:
    maps = perfect_maps(chain())
    assert np.array_equal(masks_from_maps(maps.astype(np.float16)), masks_from_maps(maps))


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10**6), dy=st.integers(0, 30), dx=st.integers(0, 30))
def test_the_place_in_a_frame_does_not_matter(seed: int, dy: int, dx: int) -> None:
    rng = np.random.default_rng(seed)
    small = np.zeros((3, 40, 40), np.float32)
    # quantised to eighths: many ties; 5 px of margin, because the Gaussian reaches that far
    small[:, 5:-5, 5:-5] = np.round(8 * ndimage.gaussian_filter(rng.random((3, 30, 30)), 1)) / 8
    canvas = np.zeros((3, 70, 120), np.float32)
    canvas[:, :, 80:115] = rng.random((3, 70, 35))  # strangers beside it
    canvas[:, dy : dy + 40, dx : dx + 40] = small
    options = InstanceOptions(threshold=0.45, h=0.05, min_size=0)
    alone = masks_from_maps(small, options)
    assert same_partition(masks_from_maps(canvas, options)[dy : dy + 40, dx : dx + 40], alone)


@pytest.mark.parametrize(("h", "count"), [(0.05, 2), (0.25, 2), (0.4, 1)])
def test_h_decides_between_one_object_and_two(h: float, count: int) -> None:
    maps = np.zeros((3, 24, 60), np.float32)
    maps[0, 2:22, 2:58] = 1
    x = np.arange(60)
    ridge = 1 - 0.35 * np.exp(-((x - 30) ** 2) / 40)  # a pass at 0.65 between the two
    maps[2] = np.exp(-((np.arange(24) - 12) ** 2) / 40)[:, None] * ridge
    maps[2, :, :8] *= 0.5
    maps[2, :, 52:] *= 0.5
    assert masks_from_maps(maps, InstanceOptions(h=h)).max() == count


@pytest.mark.parametrize("method", ["auto", "membrane"])
def test_an_empty_frame_has_no_objects(method: str) -> None:
    options = InstanceOptions.model_validate({"method": method})
    found = masks_from_maps(np.zeros((3, 20, 30)), options)
    assert found.dtype == np.uint16
    assert found.shape == (20, 30)
    assert found.max() == 0
    assert masks_from_probability(np.zeros((20, 30)), options).max() == 0


@pytest.mark.parametrize("method", ["auto", "membrane"])
@pytest.mark.parametrize("shape", [(20, 30), (1, 1), (1, 40)])
def test_a_frame_that_is_all_foreground_is_one_object(method: str, shape: tuple[int, int]) -> None:
    options = InstanceOptions.model_validate({"method": method, "min_size": 0})
    maps = np.ones((3, *shape))
    maps[1] = 0
    assert np.array_equal(masks_from_maps(maps, options), np.ones(shape))
    assert np.array_equal(masks_from_probability(np.ones(shape), options), np.ones(shape))


def test_a_component_without_a_seed_is_one_object() -> None:
    maps = np.zeros((3, 20, 20))
    maps[0, 5:15, 5:15] = 0.9
    assert (masks_from_maps(maps) > 0).sum() == 100
    assert masks_from_maps(maps).max() == 1


@pytest.mark.parametrize(("min_size", "count"), [(0, 3), (4, 3), (5, 2), (10, 1), (17, 0)])
def test_smaller_objects_are_removed_and_labels_stay_consecutive(min_size: int, count: int) -> None:
    maps = np.zeros((3, 12, 30))
    for x, edge in ((2, 2), (10, 3), (20, 4)):  # 4, 9 and 16 pixels
        maps[0, 2 : 2 + edge, x : x + edge] = 1
    found = masks_from_maps(maps, InstanceOptions(min_size=min_size))
    assert np.unique(found).tolist() == list(range(count + 1))


def ring() -> Array:
    p = np.zeros((20, 20))
    p[3:17, 3:17] = 1
    p[8:11, 8:12] = 0
    return p


@pytest.mark.parametrize(("fill", "filled"), [(True, 196), (False, 184)])
def test_holes_are_filled_on_request(fill: bool, filled: int) -> None:
    maps = np.stack([ring(), np.zeros((20, 20)), ring()])
    options = InstanceOptions(fill_holes=fill, h=0.9)
    assert (masks_from_maps(maps, options) == 1).sum() == filled


def test_a_hole_that_the_frame_cuts_or_two_objects_share_stays() -> None:
    p = ring()
    p[9:11, 10:] = 0  # open to the right
    assert masks_from_probability(p, InstanceOptions(h=0.9))[9, 11] == 0
    labels = np.array([[1, 1, 2, 2], [1, 0, 0, 2], [1, 1, 2, 2]], np.int32)
    assert np.array_equal(instances._fill_holes(labels), labels)


def test_a_speck_in_a_hole_does_not_keep_the_hole_open() -> None:
    p = np.zeros((20, 20))
    p[2:18, 2:18] = 1
    p[6:14, 6:14] = 0
    p[9, 9] = 1
    assert (masks_from_probability(p, InstanceOptions(h=0.9)) == 1).sum() == 256


def test_more_objects_than_uint16_can_name() -> None:
    maps = np.zeros((3, 514, 514), np.float16)
    maps[0, ::2, ::2] = 1  # 257 x 257 = 66 049 single pixels
    found = masks_from_maps(maps, EVERYTHING)
    assert found.dtype == np.uint32
    assert found.max() == 66_049
    assert np.array_equal(found[::2, ::2].ravel(), np.arange(1, 66_050))


def test_without_a_distance_the_border_splits() -> None:
    truth = chain()
    mask, border, _ = perfect_maps(truth)
    found = masks_from_probability(mask, border=border)
    assert found.max() == 5
    assert min(ious(truth, found)) > 0.9


def test_without_distance_and_border_the_outline_splits() -> None:
    p = disc((50, 70), 25, 22, 14) | disc((50, 70), 25, 46, 14)
    assert masks_from_probability(p.astype(float)).max() == 2


def cells_with_walls() -> tuple[Array, Array]:
    """A 3 x 3 honeycomb whose walls are 5 px wide, inside a bright resin."""
    truth = np.zeros((140, 140), np.int32)
    for i in range(9):
        y, x = divmod(i, 3)
        truth[20 + 35 * y : 50 + 35 * y, 20 + 35 * x : 50 + 35 * x] = i + 1
    maps = np.zeros((3, 140, 140), np.float32)
    maps[0] = ndimage.gaussian_filter((truth > 0).astype(np.float32), 0.7)
    return truth, maps


def test_membranes_are_shared_between_cells_and_nothing_grows_outward() -> None:
    truth, maps = cells_with_walls()
    found = masks_from_maps(maps, MEMBRANE)
    assert found.max() == 9
    assert min(ious(truth, found)) > 0.7
    assert found[22:118, 22:118].all()  # no wall is left between the cells
    assert not found[:18].any()
    assert not found[:, 123:].any()
    alone = np.where(truth == 5, maps, 0)
    assert np.array_equal(masks_from_maps(alone, MEMBRANE) > 0, alone[0] > 0.5)


def test_a_gap_in_a_membrane_does_not_merge_two_cells() -> None:
    _, maps = cells_with_walls()
    maps[0, 30:33, 48:58] = 1  # 3 px of the wall between cells 1 and 2 are missed
    found = masks_from_maps(maps, MEMBRANE)
    assert found.max() == 9
    assert ndimage.label(maps[0] > 0.5)[1] == 8  # components would merge


def test_a_touching_border_is_a_membrane_too() -> None:
    maps = np.zeros((3, 30, 60), np.float32)
    maps[0] = 1
    maps[1, :, 29:32] = 1
    assert masks_from_maps(maps, MEMBRANE).max() == 2
    assert masks_from_probability(maps[0], MEMBRANE, maps[1]).max() == 2


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("channel", [0, 1, 2])
def test_maps_that_are_not_finite_are_refused(value: float, channel: int) -> None:
    maps = np.zeros((3, 8, 8))
    maps[channel, 3, 3] = value
    with pytest.raises(ValueError, match="expected finite maps"):
        masks_from_maps(maps)
    with pytest.raises(ValueError, match="expected finite maps"):
        masks_from_probability(maps[channel])


@pytest.mark.parametrize("shape", [(8, 8), (2, 8, 8), (3, 0, 8), (1, 3, 8, 8)])
def test_maps_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected maps of shape \(3, Y, X\), got"):
        masks_from_maps(np.zeros(shape))


def test_probabilities_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected a probability of shape \(Y, X\), got"):
        masks_from_probability(np.zeros((1, 8, 8)))
    with pytest.raises(ValueError, match=r"expected a border of shape \(8, 8\), got \(8, 9\)"):
        masks_from_probability(np.zeros((8, 8)), border=np.zeros((8, 9)))


def test_objects_are_read_out_across_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    maps = perfect_maps(chain(20))
    whole = masks_from_maps(maps)

    def small_blocks(label, shape):  # type: ignore[no-untyped-def]
        return label_blocks(label, shape, block=64, overlap=48)

    monkeypatch.setattr(instances, "label_blocks", small_blocks)
    stitched = masks_from_maps(maps)
    assert stitched.max() == whole.max() == 20
    assert min(ious(whole, stitched)) > 0.99
