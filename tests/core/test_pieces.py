import numpy as np
import pytest

from napari_touchup.core.pieces import pieces, separate


def three():
    """Cell 2 in pieces of 2, 12 and 4 pixels; its box holds another cell."""
    labels = np.zeros((8, 20), np.uint16)
    labels[1, 1:3] = 2
    labels[2:5, 6:10] = 2
    labels[6:8, 14:16] = 2
    labels[5, 10] = 7
    return labels


def test_pieces_from_the_largest_on():
    found = pieces(three(), 2)
    assert [int(area.mask.sum()) for area in found] == [12, 4, 2]
    assert found[1].box == (slice(6, 8), slice(14, 16))


def test_a_diagonal_step_connects():
    assert len(pieces(np.eye(4, dtype=int), 1)) == 1


def test_separate():
    labels = three()
    patch = separate(labels, 2, [8, 9, 10])
    after = labels.copy()
    after[patch.box] = patch.after
    expected = three()
    expected[6:8, 14:16] = 8
    expected[1, 1:3] = 9
    np.testing.assert_array_equal(after, expected)
    np.testing.assert_array_equal(labels, three())
    np.testing.assert_array_equal(patch.before, labels[patch.box])


@pytest.mark.parametrize(
    ("label", "new", "message"),
    [
        (7, [9], "cell 7 is in one piece"),
        (2, [9], "expected 2 new labels, got 1"),
        (5, [9], "no cell 5"),
    ],
)
def test_refused(label, new, message):
    with pytest.raises(ValueError, match=message):
        separate(three(), label, new)
