import numpy as np
import pytest
from scipy import ndimage
from skimage.draw import disk

from napari_touchup.core.flood import EIGHT
from napari_touchup.core.outline import smooth


def smoothed(labels, label):
    before = labels.copy()
    patch = smooth(labels, label)
    np.testing.assert_array_equal(labels, before)
    after = labels.copy()
    if patch is not None:
        np.testing.assert_array_equal(after[patch.box], patch.before)
        after[patch.box] = patch.after
    others = (before != 0) & (before != label)
    np.testing.assert_array_equal(after[others], before[others])
    assert np.isin(after[~others], [0, label]).all()
    return after


def disc(radius=14.5):
    labels = np.zeros((50, 50), np.uint16)
    labels[disk((25, 25), radius)] = 4
    return labels


def test_holes_are_filled():
    labels = disc()
    labels[23:26, 20:28] = 0
    after = smoothed(labels, 4)
    assert (after[23:26, 20:28] == 4).all()


def test_a_cell_in_a_hole_stays():
    labels = disc()
    labels[20:30, 20:30] = 0
    labels[23:26, 23:26] = 9
    after = smoothed(labels, 4)
    assert (after[20:30, 20:30] > 0).all()


def test_bumps_and_notches_go():
    labels = disc()
    labels[9:11, 25] = 4  # a bump of one pixel's width
    labels[37:40, 24:26] = 0  # a notch through the last three rows
    after = smoothed(labels, 4)
    assert not after[9:11].any()
    assert (after[37:39, 24:26] == 4).all()


def test_a_smooth_cell_stays_as_it_is():
    labels = disc()
    assert (smoothed(labels, 4) != labels).sum() <= 8  # of 96 pixels of its outline


def test_nothing_to_do():
    labels = np.full((5, 6), 2)
    assert smooth(labels, 2) is None


def test_the_border_of_two_touching_cells_stays():
    labels = np.zeros((40, 60), int)
    labels[5:35, 5:30] = 1
    labels[5:35, 30:55] = 2
    labels[10:12, 30:33] = 1  # a ragged border
    labels[20:22, 27:30] = 2
    after = smoothed(labels, 1)
    np.testing.assert_array_equal(after[9:31, 20:40], labels[9:31, 20:40])


def test_the_edge_of_the_frame_is_no_outline():
    labels = np.zeros((30, 30), int)
    labels[:15] = 1
    np.testing.assert_array_equal(smoothed(labels, 1), labels)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_a_thin_cell_stays_whole(width):
    labels = np.zeros((30, 60), int)
    labels[10 : 10 + width, 5:55] = 1
    after = smoothed(labels, 1)
    assert ndimage.label(after, EIGHT)[1] == 1
    assert (after == 1).sum() > 0.9 * (labels == 1).sum()


def test_a_thin_neck_stays_whole():
    labels = np.zeros((40, 80), int)
    labels[disk((20, 20), 12.5)] = 1
    labels[disk((20, 58), 12.5)] = 1
    labels[20, 20:58] = 1
    after = smoothed(labels, 1)
    assert ndimage.label(after, EIGHT)[1] == 1


def test_no_such_cell():
    with pytest.raises(ValueError, match="no cell 3"):
        smooth(disc(), 3)
