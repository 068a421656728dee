import numpy as np
import pytest
from scipy import ndimage

from napari_touchup.core.drawn import extended, rastered
from napari_touchup.core.flood import EIGHT


@pytest.mark.parametrize("end", [(0, 39), (3, 39), (20, 39), (39, 39), (39, 20), (39, 0)])
def test_no_diagonal_step_leads_across(end):
    drawn = rastered(np.array([[0.0, 0.0], end]), (40, 40))
    drawn[0, 0] = drawn[end] = False  # the corners of the plane themselves
    drawn[0, 0] = drawn[end] = True
    _, count = ndimage.label(~drawn, EIGHT)
    assert count == (1 if 0 in end else 2)


def test_only_what_is_in_the_plane():
    drawn = rastered(np.array([[-5.0, 1.0], [9.0, 1.0]]), (3, 4))
    assert drawn.tolist() == [[False, True, False, False]] * 3
    assert not rastered(np.array([[-5.0, -5.0], [-5.0, 9.0]]), (3, 4)).any()


MASK = np.zeros((9, 20), bool)
MASK[2:7, 3:15] = True


@pytest.mark.parametrize(
    ("line", "ends"),
    [
        ([(4, 5), (4, 10)], [(4, 2), (4, 15)]),
        ([(4, 0), (4, 10)], [(4, 0), (4, 15)]),
        ([(0, 8), (8, 8)], [(0, 8), (8, 8)]),
        ([(4, 8), (4, 8)], [(4, 8), (4, 8)]),
        ([(4, 5), (4, 9), (4.4, 9)], [(4, 2), (4.4, 15)]),  # a tremble at the end
    ],
)
def test_ends_go_on_to_the_outline(line, ends):
    got = extended(np.array(line, float), MASK, through=False)
    np.testing.assert_allclose(got[[0, -1]], ends, atol=0.75)


def test_ends_go_on_through_the_plane():
    got = extended(np.array([[4.0, 5.0], [4.0, 10.0]]), MASK, through=True)
    assert got[0, 1] < 0
    assert got[-1, 1] > 20
