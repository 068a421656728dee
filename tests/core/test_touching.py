import numpy as np
import pytest

from napari_touchup.core.touching import touching


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([[1, 1], [1, 1]], [[0, 0], [0, 0]]),
        ([[1, 1], [1, 2]], [[1, 1], [1, 1]]),
        ([[1, 0, 0]], [[0, 0, 0]]),
        ([[1, 0, 2]], [[0, 1, 0]]),  # background between two objects
        ([[1, 1, 2, 2, 2]], [[0, 1, 1, 0, 0]]),
        ([[70_000, 0, 0, 2]], [[0, 0, 0, 0]]),
        ([[0, 0]], [[0, 0]]),
    ],
)
def test_literals(labels: list[list[int]], expected: list[list[int]]) -> None:
    assert touching(np.array(labels)).astype(int).tolist() == expected
