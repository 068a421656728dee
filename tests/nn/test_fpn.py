from math import nan

import pytest
import torch
from torch import Tensor

from napari_touchup.nn.fpn import FPN


def pyramid(edge: int = 64) -> list[Tensor]:
    return [torch.zeros(1, c, edge // s, 8 // s) for c, s in ((2, 1), (3, 2), (4, 4))]


def test_shapes() -> None:
    features = [torch.zeros(2, c, 16 // s, 24 // s) for c, s in ((2, 1), (3, 2), (4, 4))]
    given = FPN((2, 3, 4), 5).eval()(features)
    assert [tuple(x.shape) for x in given] == [(2, 5, 16, 24), (2, 5, 8, 12), (2, 5, 4, 6)]


def test_what_is_above_is_enlarged_and_added() -> None:
    fpn = FPN((1, 1), 1).eval()
    for layer in (*fpn.lateral, *fpn.smooth):
        torch.nn.init.dirac_(layer[0].weight)
        layer[1].eps = 0
    fine = torch.arange(16.0).reshape(1, 1, 4, 4)
    coarse = torch.tensor([[[[100.0, 200], [300, 400]]]])
    given = fpn([fine, coarse])
    assert given[0][0, 0].tolist() == [
        [100, 101, 202, 203],
        [104, 105, 206, 207],
        [308, 309, 410, 411],
        [312, 313, 414, 415],
    ]
    assert given[1].equal(coarse)


# rows of what is read by row 8 of level 0 and by row 5 of level 2, by hand: 3x3, then one above
@pytest.mark.parametrize(
    ("row", "level", "read"),
    [(8, 0, [(7, 9), (3, 4), (1, 2)]), (5, 2, [None, None, (4, 6)])],
)
def test_reach(row: int, level: int, read: list[tuple[int, int] | None]) -> None:
    torch.manual_seed(0)
    fpn = FPN((2, 3, 4), 5).eval()
    for i, expected in enumerate(read):
        rows = []
        for planted in range(pyramid()[i].shape[2]):
            features = pyramid()
            features[i][:, :, planted] = nan
            if fpn(features)[level][:, :, row].isnan().any():
                rows.append(planted)
        assert rows == (list(range(expected[0], expected[1] + 1)) if expected else [])


def test_spans_grow_from_level_to_level() -> None:
    spans = FPN((2, 3, 4), 5).reach([(8, 8), (4, 4), (2, 2)])
    assert spans == [(7, 9), (3, 5), (1, 3)]
    assert FPN((2, 3), 5).reach([(0, 31), (8, 8)]) == [(-1, 32), (-1, 16)]
