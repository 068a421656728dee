import numpy as np
import pytest

from napari_touchup.core.link import Links


def linked(*frames: list[int]) -> list[list[int]]:
    links = Links()
    return [links.add(np.array([frame]))[0].tolist() for frame in frames]


def test_series_share_no_number() -> None:
    links = Links()
    frames = [("a", [4, 0]), ("b", [4, 4]), ("a", [9, 0]), ("b", [0, 9])]
    found = [links.add(np.array([frame]), name)[0].tolist() for name, frame in frames]
    assert found == [[1, 0], [2, 2], [1, 0], [0, 2]]


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        pytest.param([[3, 3, 0], [0, 9, 9]], [[1, 1, 0], [0, 1, 1]], id="it moves"),
        pytest.param([[1, 1, 2, 2], [2, 2, 1, 1]], [[1, 1, 2, 2], [1, 1, 2, 2]], id="renamed"),
        pytest.param(
            [[1, 1, 0], [0, 0, 0], [1, 1, 0]], [[1, 1, 0], [0, 0, 0], [2, 2, 0]], id="it was away"
        ),
        pytest.param([[4, 0], [4, 6]], [[1, 0], [1, 2]], id="another comes"),
        pytest.param(
            [[1, 1, 1, 1, 1], [1, 1, 1, 2, 2]], [[1, 1, 1, 1, 1], [1, 1, 1, 2, 2]], id="it divides"
        ),
        pytest.param(
            # the pair of the largest IoU alone would leave two without a partner
            [[1, 1, 1, 2, 2, 2], [3, 3, 4, 4, 4, 0]],
            [[1, 1, 1, 2, 2, 2], [1, 1, 2, 2, 2, 0]],
            id="most pairs",
        ),
        pytest.param([[0, 0], [0, 0]], [[0, 0], [0, 0]], id="nothing"),
        pytest.param([[7, 7], [8, 8]], [[1, 1], [1, 1]], id="no background"),
    ],
)
def test_literals(frames: list[list[int]], expected: list[list[int]]) -> None:
    assert linked(*frames) == expected


def test_overlap_below_the_least_is_no_link() -> None:
    assert linked([1] * 12 + [0] * 8, [0] * 11 + [1] * 9) == [
        [1] * 12 + [0] * 8,
        [0] * 11 + [2] * 9,
    ]


def test_numbers_above_65535_need_more_bits() -> None:
    many = np.arange(1, 65_536, dtype=np.uint16).reshape(1, -1)
    links = Links()
    one, two = links.add(many), links.add(many * 0 + 1)
    assert (one.dtype, int(one.max())) == (np.uint16, 65_535)
    assert two.dtype == np.uint32
    assert np.unique(two).tolist() == [65_536]
