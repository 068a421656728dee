import time

import numpy as np
import pytest
from scipy import ndimage
from skimage.draw import disk, ellipse

from napari_touchup.core.cut import split
from napari_touchup.core.flood import EIGHT


def line(*points):
    return np.array(points, float)


def dumbbell(neck=3):
    """Two discs of radius 12 in (40, 80), their centres 32 apart, joined by a bar."""
    labels = np.zeros((40, 80), np.uint16)
    labels[disk((20, 24), 12.5)] = 5
    labels[disk((20, 56), 12.5)] = 5
    labels[20 - neck // 2 : 20 - neck // 2 + neck, 24:56] = 5
    return labels


def cut(labels, label, points, new=9):
    """Check what always holds, and give the labels after the cut."""
    before = labels.copy()
    patch = split(labels, label, line(*points), new)
    np.testing.assert_array_equal(labels, before)
    after = labels.copy()
    np.testing.assert_array_equal(after[patch.box], patch.before)
    after[patch.box] = patch.after
    own = before == label
    np.testing.assert_array_equal(after[~own], before[~own])
    assert set(np.unique(after[own])) == {label, new}
    assert (after == label).sum() >= (after == new).sum()
    return after


@pytest.mark.parametrize(
    "points",
    [
        [(2, 40), (38, 40)],
        [(2, 43), (38, 43)],  # beside the neck's middle
        [(5, 33), (36, 46)],  # aslant
        [(10, 37), (20, 40), (38, 43)],  # bent
        [(20, 40), (21, 40)],  # only the middle of the neck
        [(0, 40), (20, 40)],  # from one side to the middle
    ],
)
def test_a_dumbbell_is_cut_at_its_neck(points):
    after = cut(dumbbell(), 5, points)
    assert (after[:, :36] != 9).all() or (after[:, :36] != 5).all()
    assert (after[:, 45:] != 9).all() or (after[:, 45:] != 5).all()


def test_the_cut_is_shorter_than_the_line():
    after = cut(dumbbell(), 5, [(5, 33), (36, 46)])
    # the aslant line crosses the bar of 3 px and the rounding of both discs
    assert border(after, 5, 9) <= 3


def border(labels, one, other):
    """Length of the border in edges between pixels."""
    pairs = [(labels[1:], labels[:-1]), (labels[:, 1:], labels[:, :-1])]
    return sum(
        int((((a == one) & (b == other)) | ((a == other) & (b == one))).sum()) for a, b in pairs
    )


def test_a_disc_is_cut_along_the_line():
    labels = np.zeros((60, 60), np.uint8)
    labels[disk((30, 30), 20.5)] = 1
    after = cut(labels, 1, [(5, 24), (55, 24)], 2)
    left = np.zeros_like(labels, bool)
    left[:, :24] = True
    assert ((after == 2) == ((labels == 1) & left)).mean() > 0.98


def test_two_touching_ellipses_come_back():
    truth = np.zeros((60, 90), np.uint16)
    truth[ellipse(30, 30, 14, 18)] = 1
    other = np.zeros_like(truth)
    other[ellipse(30, 60, 16, 16)] = 2
    truth = np.where(truth > 0, truth, other)
    joined = np.where(truth > 0, 7, 0).astype(np.uint16)
    after = cut(joined, 7, [(12, 44), (48, 48)])
    found = np.where(after == 9, 2, 1) if (after == 9)[30, 60] else np.where(after == 9, 1, 2)
    wrong = (found != truth) & (truth > 0)
    assert wrong.sum() < 0.03 * (truth > 0).sum()


def test_the_larger_part_keeps_the_number():
    labels = np.zeros((5, 20), int)
    labels[1:4, 1:19] = 3
    assert (cut(labels, 3, [(0, 5), (4, 5)])[2, [2, 15]] == [9, 3]).all()
    assert (cut(labels, 3, [(0, 14), (4, 14)])[2, [2, 17]] == [3, 9]).all()


def test_a_line_that_ends_in_the_cell_goes_on_to_its_outline():
    labels = np.zeros((40, 40), int)
    labels[5:35, 5:35] = 3
    after = cut(labels, 3, [(15, 20), (25, 20)])
    assert {int(after[6, 6]), int(after[6, 33])} == {3, 9}


def test_other_cells_stay_as_they_are():
    labels = dumbbell()
    labels[18:23, 39:42] = 6  # in the neck
    labels[16:18, 39:42] = 5
    labels[:10, 38:42] = 8
    cut(labels, 5, [(2, 40), (38, 40)])


def test_a_ring_is_cut_on_both_sides():
    labels = np.zeros((50, 50), int)
    labels[disk((25, 25), 20.5)] = 1
    labels[disk((25, 25), 8.5)] = 0
    after = cut(labels, 1, [(25, 0), (25, 49)])
    for label in (1, 9):
        assert ndimage.label(after == label, EIGHT)[1] == 1


def test_a_line_that_ends_in_the_hole_of_a_ring_goes_on():
    labels = np.zeros((50, 50), int)
    labels[disk((25, 25), 20.5)] = 1
    labels[disk((25, 25), 8.5)] = 0
    cut(labels, 1, [(25, 0), (25, 24)])


def test_both_arms_of_a_u_are_cut_off():
    labels = np.zeros((40, 40), int)
    labels[5:35, 5:35] = 2
    labels[5:25, 12:28] = 0
    after = cut(labels, 2, [(12, 2), (12, 38)])
    assert (after[6, [6, 33]] == 9).all()
    assert after[30, 20] == 2


def test_another_piece_of_the_cell_keeps_the_number():
    labels = np.zeros((20, 60), int)
    labels[5:15, 5:25] = 2
    labels[8:10, 50:52] = 2
    after = cut(labels, 2, [(2, 10), (18, 10)])
    assert after[8, 50] == 2


def test_a_crumb_beside_the_line_is_no_part():
    labels = np.zeros((40, 40), int)
    labels[10:30, 5:35] = 2
    labels[8:10, 20] = 2  # a bump on the outline
    after = cut(labels, 2, [(9, 16), (9, 18), (11, 23), (12, 25), (31, 25)])
    assert {after[20, 10], after[20, 33]} == {2, 9}
    assert after[8, 20] == after[12, 20]


def test_a_line_takes_a_pixel_so_two_are_too_few():
    labels = np.array([[0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]])
    with pytest.raises(ValueError, match="does not part"):
        split(labels, 1, line((-1, 1), (3, 1)), 2)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([(2, 2), (2, 30)], "misses cell 5: draw it across"),
        ([(20, 40), (20, 40)], "does not part cell 5 in two: draw it from one side to"),
        ([(20, 40)], "at least two points"),
    ],
)
def test_lines_that_cut_nothing(points, message):
    with pytest.raises(ValueError, match=message):
        split(dumbbell(neck=5), 5, line(*points), 9)


def test_no_such_cell():
    with pytest.raises(ValueError, match="no cell 4"):
        split(dumbbell(), 4, line((0, 0), (5, 5)), 9)


def test_random_lines_lose_no_pixel():
    rng = np.random.default_rng(3)
    height = ndimage.gaussian_filter(rng.normal(size=(120, 120)), 8)
    labels, _ = ndimage.label(height > 0, EIGHT)
    label = int(np.bincount(labels[labels > 0]).argmax())
    done = 0
    for _ in range(60):
        points = rng.uniform(0, 120, (int(rng.integers(2, 6)), 2))
        try:
            cut(labels, label, points, 999)
        except ValueError:
            continue
        done += 1
    assert done > 30


def test_fast_in_a_large_frame():
    labels = np.zeros((2048, 2048), np.uint16)
    labels[disk((1000, 1000), 120)] = 1
    start = time.perf_counter()
    split(labels, 1, line((850, 1000), (1150, 1010)), 2)
    assert time.perf_counter() - start < 2  # about 0.1 s; the limit is for busy machines
