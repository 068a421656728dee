import numpy as np
import pytest

from napari_touchup.core.extent import box_of


def test_box():
    labels = np.zeros((6, 8), np.uint16)
    labels[1, 5] = labels[4, 2] = 3
    labels[0, 0] = 4
    assert box_of(labels, 3) == (slice(1, 5), slice(2, 6))


@pytest.mark.parametrize("label", [0, 2, -1])
def test_no_such_object(label):
    with pytest.raises(ValueError, match=f"no cell {label}"):
        box_of(np.array([[0, 1]]), label)


def test_one_plane_only():
    with pytest.raises(ValueError, match="expected labels of shape"):
        box_of(np.zeros((2, 3, 4), int), 1)
