import numpy as np
import pytest

from napari_touchup.core.distance import object_distance

TABLE = [
    ("no object", [[0, 0, 0]], [[0, 0, 0]]),
    ("touching objects have rims of their own", [[1, 1, 1, 2]], [[1, 2 / 3, 1 / 3, 1]]),
    ("the frame's edge is no rim", [[5, 5, 0, 0]], [[1, 0.5, 0, 0]]),
    ("a rim on both sides", [[0, 7, 7, 7, 0]], [[0, 0.5, 1, 0.5, 0]]),
    ("the whole frame", [[3, 3], [3, 3]], [[1, 1], [1, 1]]),
    ("an object in two pieces has one maximum", [[4, 4, 0, 4, 0]], [[1, 0.5, 0, 0.5, 0]]),
    ("a hole is a rim", [[2, 2, 0, 2, 2]], [[1, 0.5, 0, 0.5, 1]]),
]


@pytest.mark.parametrize(
    ("truth", "expected"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE]
)
def test_distance_literals(truth: list[list[int]], expected: list[list[float]]) -> None:
    result = object_distance(np.array(truth))
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, rtol=1e-6)


def test_an_enclosed_object_and_its_surrounding() -> None:
    truth = np.full((9, 9), 1)
    truth[3:6, 3:6] = 2
    result = object_distance(truth)
    assert result[4, 4] == 1
    assert result[0, 0] == 1  # 3 diagonal steps from the inner object
    assert result[3, 2] == pytest.approx(1 / np.hypot(3, 3))


def test_a_large_label_allocates_nothing_large() -> None:
    truth = np.zeros((20, 20), np.int64)
    truth[5:8, 5:8] = 4_000_000_000
    assert object_distance(truth).sum() == pytest.approx(8 * 0.5 + 1)


def test_volumes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected labels of shape \(Y, X\), got \(2, 3, 4\)"):
        object_distance(np.zeros((2, 3, 4), int))
