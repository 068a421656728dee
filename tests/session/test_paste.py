import numpy as np
import pytest

from napari_touchup.session.paste import paste

WINDOW = (slice(0, 1), slice(2, 6))


@pytest.mark.parametrize(
    ("labels", "new", "expected"),
    [
        # nothing was there
        ([0, 0, 0, 0, 0, 0, 0, 0], [0, 1, 2, 0], [0, 0, 0, 1, 2, 0, 0, 0]),
        # an object inside goes, one outside stays with its number
        ([5, 0, 7, 7, 0, 0, 0, 0], [0, 0, 0, 1], [5, 0, 0, 0, 0, 6, 0, 0]),
        # 3 reaches out of the window: it stays, and what would cover it is left out
        ([0, 3, 3, 0, 0, 0, 0, 0], [1, 1, 0, 2], [0, 3, 3, 0, 0, 4, 0, 0]),
        # all new objects are left out
        ([0, 3, 3, 0, 0, 0, 0, 0], [1, 1, 1, 1], [0, 3, 3, 0, 0, 0, 0, 0]),
        # nothing was found
        ([1, 0, 2, 2, 0, 0, 0, 9], [0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 9]),
    ],
)
def test_paste(labels, new, expected):
    array = np.array([labels], np.uint16)
    paste(array, np.array([new], np.uint16), WINDOW)
    assert array.tolist() == [expected]


def test_twice_is_once():
    array = np.array([[3, 3, 3, 0, 0, 0, 4, 4]], np.uint16)
    new = np.array([[0, 0, 1, 2]], np.uint16)
    paste(array, new, WINDOW)
    once = array.copy()
    paste(array, new, WINDOW)
    assert array.tolist() == once.tolist()


def test_shape_is_checked():
    with pytest.raises(ValueError, match=r"expected the shape of the window \(1, 4\)"):
        paste(np.zeros((1, 8), np.uint16), np.zeros((1, 3), np.uint16), WINDOW)


def test_numbers_that_the_dtype_does_not_hold_are_not_wrapped_around():
    labels = np.zeros((4, 8), np.uint8)
    labels[0, 0], labels[0, 1], labels[:, 2] = 255, 1, 3
    new = np.zeros((4, 4), np.uint8)
    new[0, 0], new[2, 2] = 1, 2
    paste(labels, new, (slice(0, 4), slice(4, 8)))
    assert (labels[0, 4], labels[2, 6]) == (2, 4)
    assert np.unique(labels).tolist() == [0, 1, 2, 3, 4, 255]
