import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import ndimage

from napari_touchup.core.warping import Warping, _simple_points, _warp, warping_error

Image = NDArray[np.bool_]
BINARY = arrays(np.bool_, (9, 10))


def image(text: str) -> NDArray[np.int32]:
    """Digits are labels, dots are background."""
    rows = [line.strip() for line in text.strip().splitlines()]
    return np.array([[0 if c == "." else int(c) for c in row] for row in rows], np.int32)


DISC = """
.......
..111..
.11111.
.11111.
.11111.
..111..
.......
"""
TWO = """
.........
.111.111.
.111.111.
.111.111.
.........
"""
ONE = """
.........
.1111111.
.1111111.
.1111111.
.........
"""
RING = """
.......
.11111.
.1...1.
.1...1.
.1...1.
.11111.
.......
"""
FILLED = RING.replace("1...1", "11111")
OPENED = RING.replace(".11111.\n.......", ".11.11.\n.......")
NOTHING = DISC.replace("1", ".")


@pytest.mark.parametrize(
    ("truth", "pred", "differing", "splits", "mergers", "holes", "objects"),
    [
        pytest.param(DISC, DISC, 0, 0, 0, 0, 0, id="equal"),
        pytest.param(DISC, FILLED, 0, 0, 0, 0, 0, id="only bent"),
        pytest.param(TWO, ONE, 3, 0, 1, 0, 0, id="merged: the wall stays, 3 px"),
        pytest.param(ONE, TWO, 1, 1, 0, 0, 0, id="split: a bridge of 1 px stays"),
        pytest.param(RING, FILLED, 1, 0, 0, 1, 0, id="hole filled but for a pixel"),
        pytest.param(FILLED, RING, 9, 0, 0, 1, 0, id="hole made"),
        pytest.param(RING, OPENED, 1, 0, 0, 1, 0, id="ring opened"),
        pytest.param(OPENED, RING, 1, 0, 0, 1, 0, id="ring closed"),
        pytest.param(DISC, NOTHING, 1, 0, 0, 0, 1, id="object shrunk to a pixel"),
        pytest.param(NOTHING, DISC, 21, 0, 0, 0, 1, id="object from nothing"),
        pytest.param(NOTHING, NOTHING, 0, 0, 0, 0, 0, id="both empty"),
    ],
)
def test_hand_made_pairs(
    truth: str, pred: str, differing: int, splits: int, mergers: int, holes: int, objects: int
) -> None:
    a, b = image(truth), image(pred)
    expected = Warping(differing / a.size, splits, mergers, holes, objects)
    assert warping_error(a, b) == expected


def test_a_shift_costs_nothing_and_a_far_object_does() -> None:
    truth = np.zeros((30, 30), np.int32)
    near, far = truth.copy(), truth.copy()
    truth[5:12, 5:12] = near[7:14, 8:15] = far[18:25, 18:25] = 1
    assert warping_error(truth, near) == Warping(0, 0, 0, 0, 0)
    assert warping_error(truth, far) == Warping(50 / 900, 0, 0, 0, 2)


def test_touching_labels_are_two_objects() -> None:
    touching, merged = image(TWO), image(ONE)
    touching[1:4, 1:4], touching[1:4, 4:8] = 1, 2
    assert warping_error(touching, merged).mergers == 1
    assert warping_error(merged, touching).splits == 1
    assert warping_error(touching, image(TWO)) == Warping(0, 0, 0, 0, 0)


def test_three_in_one_are_two_mergers() -> None:
    truth = np.zeros((5, 13), np.int32)
    truth[1:4, 1:4], truth[1:4, 5:8], truth[1:4, 9:12] = 1, 2, 3
    assert warping_error(truth, np.pad(np.ones((3, 11), int), 1)).mergers == 2


def test_a_ring_cut_twice_is_one_split_and_one_hole() -> None:
    cut = image(RING)
    cut[3] = 0
    assert warping_error(image(RING), cut) == Warping(2 / 49, 1, 0, 1, 0)


def topology(binary: Image) -> tuple[int, int]:
    outside = np.pad(~binary, 1, constant_values=True)
    return int(ndimage.label(binary, np.ones((3, 3)))[1]), int(ndimage.label(outside)[1])


def simple_by_definition(window: Image) -> bool:
    """Flipping the centre changes the number of pieces of neither colour in the 3 x 3 window."""
    on, off = window.copy(), window.copy()
    on[1, 1], off[1, 1] = True, False
    eight = np.ones((3, 3))
    return bool(
        ndimage.label(on, eight)[1] == ndimage.label(off, eight)[1]
        and ndimage.label(~on)[1] == ndimage.label(~off)[1]
    )


@pytest.mark.parametrize("code", range(256))
def test_a_point_is_simple_if_flipping_it_changes_no_number_of_pieces(code: int) -> None:
    window = np.zeros((3, 3), bool)
    clockwise = [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0)]
    for bit, place in enumerate(clockwise):
        window[place] = code >> bit & 1
    assert _simple_points()[code] == simple_by_definition(window)


@settings(deadline=None, max_examples=150)
@given(truth=BINARY, pred=BINARY)
def test_warping_keeps_the_topology_and_stops_where_nothing_is_simple(
    truth: Image, pred: Image
) -> None:
    source, target = np.pad(truth, 1), np.pad(pred, 1)
    warped = _warp(source.copy(), target)
    assert topology(warped) == topology(source)
    assert not (warped != source)[source == target].any()  # only what differs may be flipped
    for y, x in np.argwhere(warped != target):
        assert not simple_by_definition(warped[y - 1 : y + 2, x - 1 : x + 2])


@settings(deadline=None, max_examples=60)
@given(truth=BINARY, pred=BINARY)
def test_bounds_and_equal_topology_errors(truth: Image, pred: Image) -> None:
    found = warping_error(truth, pred)
    assert 0 <= found.error <= (truth != pred).mean()
    kinds = found.splits + found.mergers + found.holes + found.objects
    assert (kinds > 0) == (found.error > 0)
    assert min(found.splits, found.mergers, found.holes, found.objects) >= 0


@pytest.mark.parametrize(
    ("truth", "pred"), [((4, 4), (4, 5)), ((2, 4, 4), (2, 4, 4)), ((4,), (4,))]
)
def test_other_shapes_are_refused(truth: tuple[int, ...], pred: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected two \(Y, X\) of one shape"):
        warping_error(np.zeros(truth, int), np.zeros(pred, int))
