from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_touchup.core.detected import Detected, draw, joined, maps_of
from napari_touchup.core.instances import masks_from_maps
from napari_touchup.options import InstanceOptions

M = 28
ALL = InstanceOptions(min_size=0, fill_holes=False)
Box = tuple[float, float, float, float]


def found(*boxes: Box, scores: list[float] | None = None, mask: object = 1.0) -> Detected:
    """Objects that fill their boxes, or have this mask."""
    count = len(boxes)
    masks = np.zeros((count, M, M), np.float32) + np.asarray(mask, np.float32)
    sure = [0.9] * count if scores is None else scores
    return Detected(
        np.array(boxes, np.float32).reshape(count, 4), np.array(sure, np.float32), masks
    )


def labels(one: Detected, shape: tuple[int, int], options: InstanceOptions = ALL) -> list[list]:
    return draw(one, shape, options)[0].tolist()


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([], [0, 0, 0, 0, 0, 0]),
        ([(0, 1, 1, 3)], [0, 1, 1, 0, 0, 0]),
        ([(0, 1.4, 1, 3.4)], [0, 1, 1, 0, 0, 0]),  # pixels whose centres lie inside
        ([(0, 1.6, 1, 3.6)], [0, 0, 1, 1, 0, 0]),
        ([(0, 4, 1, 6), (0, 0, 1, 2)], [1, 1, 0, 0, 2, 2]),  # numbered as they come in the frame
        ([(0, 0, 1, 3), (0, 2, 1, 6)], [1, 1, 1, 2, 2, 2]),  # the surer one keeps its pixels
        ([(0, 0, 1, 3), (0, 1, 1, 4)], [1, 1, 1, 0, 0, 0]),  # two thirds are taken: the same one
        ([(0, 2, 1, 4), (0, 0, 1, 6)], [1, 1, 2, 2, 0, 0]),  # of two pieces the first
        ([(-1, -2, 2, 2)], [1, 1, 0, 0, 0, 0]),  # beyond the frame
        ([(3, 0, 4, 2)], [0, 0, 0, 0, 0, 0]),
        ([(0, 1.6, 1, 2.4)], [0, 0, 0, 0, 0, 0]),  # between two centres
    ],
)
def test_a_row_of_pixels(boxes: list[Box], expected: list[int]) -> None:
    assert labels(found(*boxes), (1, 6)) == [expected]


def test_unsure_objects_are_not_drawn() -> None:
    one = found((0, 0, 1, 2), (0, 3, 1, 5), scores=[0.5, 0.49])
    drawn, probability = draw(one, (1, 5), ALL)
    assert drawn.tolist() == [[1, 1, 0, 0, 0]]
    assert probability.tolist() == [[1, 1, 0, 0, 0]]


def test_masks_are_read_between_the_centres_of_their_cells() -> None:
    ramp = np.linspace(0, 1, M)  # its cells are 2 pixels wide; their centres lie between two
    _, probability = draw(found((0, 0, 1, 2 * M), mask=ramp), (1, 2 * M), ALL)
    step = 1 / (M - 1)
    assert probability[0, :4].tolist() == pytest.approx([0, step / 4, 3 * step / 4, 5 * step / 4])
    assert probability[0, -1] == 1


def test_the_threshold_is_that_of_the_mask() -> None:
    one = found((0, 0, 1, 2), (0, 3, 1, 5), mask=np.full((M, M), 0.7))
    assert labels(one, (1, 5), InstanceOptions(threshold=0.69, min_size=0)) == [[1, 1, 0, 2, 2]]
    assert labels(one, (1, 5), InstanceOptions(threshold=0.71, min_size=0)) == [[0] * 5]


def test_small_objects_go_and_holes_are_filled() -> None:
    ring = np.ones((M, M))
    ring[10:18, 10:18] = 0
    one = found((0, 0, 28, 28), (30, 0, 33, 3), mask=ring)
    options = InstanceOptions(min_size=9)
    assert np.bincount(draw(one, (40, 40), options)[0].ravel())[1:].tolist() == [784]
    hollow = draw(one, (40, 40), InstanceOptions(min_size=9, fill_holes=False))[0]
    assert np.bincount(hollow.ravel())[1:].tolist() == [784 - 64]


def test_nothing_found_is_an_empty_frame() -> None:
    drawn, probability = draw(joined([found(), found()]), (4, 5), InstanceOptions())
    assert drawn.dtype == np.uint16
    assert drawn.shape == (4, 5)
    assert not drawn.any()
    maps = maps_of(drawn, probability)
    assert maps.shape == (3, 4, 5)
    assert not maps.any()
    assert not masks_from_maps(maps).any()


def test_the_surest_come_first_and_equals_stay_in_order() -> None:
    one = found((0, 0, 1, 1), (0, 1, 1, 2), scores=[0.6, 0.8])
    other = found((0, 2, 1, 3), (0, 3, 1, 4), scores=[0.8, 0.9])
    assert joined([one, other]).boxes[:, 1].tolist() == [3, 1, 2, 0]


def test_moved_and_resized() -> None:
    one = found((1, 2, 3, 4))
    assert one.moved(10, 20).boxes.tolist() == [[11, 22, 13, 24]]
    assert one.resized((10, 10), (20, 5)).boxes.tolist() == [[2, 1, 6, 2]]


def disc(edge: int = M) -> NDArray[np.float32]:
    y, x = np.mgrid[:edge, :edge] + 0.5 - edge / 2
    blurred: NDArray[np.float32] = 1 / (1 + np.exp(2 * (np.hypot(y, x) - edge / 2 + 1)))
    return blurred


def horseshoe() -> NDArray[np.float32]:
    mask = np.ones((M, M), np.float32)
    mask[:18, 10:18] = 0
    return mask


@pytest.mark.parametrize(
    ("boxes", "mask", "count"),
    [
        pytest.param([(5, 5, 25, 25), (5, 24, 25, 44), (24, 14, 44, 34)], disc, 3, id="touching"),
        pytest.param(
            [(5, 5, 11, 55), (11, 5, 17, 55), (17, 5, 23, 55)], lambda: 1, 3, id="elongated"
        ),
        pytest.param([(5, 5, 33, 33), (5, 33, 33, 61)], horseshoe, 2, id="concave"),
        pytest.param([(2, 2, 62, 10), (2, 10, 10, 60)], lambda: 1, 2, id="a corner"),
        pytest.param([(5, 5, 13, 13), (8, 12, 60, 60)], disc, 2, id="small beside large"),
    ],
)
def test_the_maps_make_the_same_objects_again(
    boxes: list[Box], mask: Callable[[], object], count: int
) -> None:
    drawn, probability = draw(found(*boxes, mask=mask()), (64, 64), InstanceOptions())
    assert drawn.max() == count
    again = masks_from_maps(maps_of(drawn, probability))
    assert again.max() == count
    different = (again > 0) != (drawn > 0)
    assert not different.any()
    for number in range(1, count + 1):
        one, (most, *_) = drawn == number, np.bincount(again[drawn == number]).argsort()[::-1]
        both = (one & (again == most)).sum() / (one | (again == most)).sum()
        assert both > 0.93


def test_maps_go_where_they_are_wanted() -> None:
    drawn, probability = draw(found((0, 0, 2, 2), (0, 2, 2, 4)), (2, 5), ALL)
    out = np.zeros((3, 2, 5), np.float16)
    assert maps_of(drawn, probability, out) is out
    assert out[:, 0].tolist() == [[1, 1, 1, 1, 0], [0, 1, 1, 0, 0], [1, 1, 1, 1, 0]]
