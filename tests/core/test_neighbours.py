import numpy as np
import pytest

from napari_touchup.core import neighbours as module
from napari_touchup.core.neighbours import neighbours


@pytest.mark.parametrize("rows", [1, 2, 256])
def test_sides_and_corners_count_once(rows, monkeypatch):
    monkeypatch.setattr(module, "ROWS", rows)
    labels = np.array([
        [1, 1, 0, 7],
        [1, 1, 0, 7],
        [0, 0, 2, 7],
        [3, 0, 9, 9],
    ])  # fmt: skip
    # 1-2 and 2-7 by a corner or a side, 2-9 and 7-9 by sides; 3 is alone
    assert neighbours(labels, np.array([1, 2, 3, 7, 9])).tolist() == [1, 3, 0, 2, 2]


@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (3, 1), (1, 3)])
def test_without_objects_or_with_one(shape):
    assert neighbours(np.zeros(shape, int), np.zeros(0, int)).tolist() == []
    assert neighbours(np.full(shape, 5), np.array([5])).tolist() == [0]


def test_largest_labels():
    labels = np.array([[2**32 - 1, 7]], np.uint32)
    assert neighbours(labels, np.array([7, 2**32 - 1], np.uint32)).tolist() == [1, 1]
