import numpy as np
import pytest
from scipy import ndimage
from skimage.draw import disk

from napari_touchup.core.flood import EIGHT
from napari_touchup.core.join import GAP_PX, merge


def merged(labels, keep, gone):
    before = labels.copy()
    patch = merge(labels, keep, gone)
    np.testing.assert_array_equal(labels, before)
    after = labels.copy()
    np.testing.assert_array_equal(after[patch.box], patch.before)
    after[patch.box] = patch.after
    assert not (after == gone).any()
    others = ~np.isin(before, [0, keep, gone])
    np.testing.assert_array_equal(after[others], before[others])
    assert (after[np.isin(before, [keep, gone])] == keep).all()
    return after


def squares(gap):
    labels = np.zeros((20, 40), np.uint16)
    labels[5:15, 4:14] = 1
    labels[5:15, 14 + gap : 24 + gap] = 2
    return labels


@pytest.mark.parametrize("gap", [0, 1, 2, 3])
def test_a_gap_is_closed(gap):
    after = merged(squares(gap), 1, 2)
    expected = np.zeros_like(after)
    expected[5:15, 4 : 24 + gap] = 1
    np.testing.assert_array_equal(after, expected)


def test_a_wide_gap_stays():
    labels = squares(GAP_PX + 1)
    after = merged(labels, 2, 1)
    np.testing.assert_array_equal(after > 0, labels > 0)


def test_round_cells_get_a_bridge():
    labels = np.zeros((40, 80), np.uint16)
    labels[disk((20, 20), 12.5)] = 3
    labels[disk((20, 48), 12.5)] = 4
    after = merged(labels, 4, 3)
    assert ndimage.label(after, EIGHT)[1] == 1
    bridge = (after > 0) & (labels == 0)
    assert 9 <= bridge.sum() <= 60
    assert 1 < np.ptp(np.nonzero(bridge)[0]) < 14


def test_other_cells_in_the_gap_stay():
    labels = squares(3)
    labels[8:12, 15] = 7
    merged(labels, 1, 2)


def test_at_the_edge_of_the_frame():
    labels = np.zeros((4, 9), int)
    labels[:, :3] = 1
    labels[:, 5:] = 2
    assert (merged(labels, 1, 2) == 1).all()


def test_far_apart():
    labels = np.zeros((300, 300), int)
    labels[:5, :5] = 1
    labels[290:, 290:] = 2
    assert (merged(labels, 1, 2) == 1).sum() == 125


@pytest.mark.parametrize(("keep", "gone"), [(1, 1), (1, 5), (5, 1)])
def test_refused(keep, gone):
    with pytest.raises(ValueError, match=r"two different cells|no cell 5"):
        merge(squares(1), keep, gone)
