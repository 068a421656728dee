import numpy as np
import pytest

from napari_touchup.core.contours import fill, polygons
from napari_touchup.core.scenes import KINDS
from napari_touchup.core.synth import make


def drawn(text):
    """Labels of a picture: a digit for a pixel, a dot for background."""
    return np.array([[0 if c == "." else int(c) for c in row] for row in text.split()])


def lists(labels, label):
    return [[ring.tolist() for ring in polygon] for polygon in polygons(labels)[label]]


def filled_again(labels):
    canvas = np.zeros_like(labels)
    for label, pieces in polygons(labels).items():
        count = fill(canvas, [ring for piece in pieces for ring in piece], label)
        assert count == (labels == label).sum()
    return canvas


def test_a_ring_runs_clockwise_from_the_upper_left_along_pixel_edges():
    labels = drawn("... .33 .3.")
    assert lists(labels, 3) == [[[[1, 1], [3, 1], [3, 2], [2, 2], [2, 3], [1, 3]]]]


def test_a_hole_runs_the_other_way():
    outside, hole = lists(drawn("111 1.1 111"), 1)[0]
    assert outside == [[0, 0], [3, 0], [3, 3], [0, 3]]
    assert hole == [[1, 2], [2, 2], [2, 1], [1, 1]]


@pytest.mark.parametrize(
    ("picture", "pieces", "holes"),
    [
        ("1", 1, 0),
        ("12", 1, 0),
        ("1. .1", 2, 0),
        (".1 1.", 2, 0),
        ("1.1", 2, 0),
        ("11. 1.1 .11", 2, 0),
        ("11. 1.1 111", 1, 1),  # the hole meets the outside in a point
        ("111 1.1 11.", 1, 1),
        ("1111 1.11 11.1 1111", 1, 2),  # two holes that meet in a point
        ("11111 1...1 1.1.1 1...1 11111", 2, 1),  # an island in a lake
        ("11111 12221 12.21 12221 11111", 1, 1),
        ("..... .....", 0, 0),
    ],
)
def test_pieces_and_holes(picture, pieces, holes):
    labels = drawn(picture)
    found = polygons(labels).get(1, [])
    assert len(found) == pieces
    assert sum(len(polygon) - 1 for polygon in found) == holes
    np.testing.assert_array_equal(filled_again(labels), labels)


@pytest.mark.parametrize("seed", range(30))
def test_noise_comes_back_exactly_and_no_ring_meets_itself(seed):
    rng = np.random.default_rng(seed)
    size = rng.integers(1, 20, 2)
    labels = rng.integers(0, rng.integers(2, 5), size).astype(np.uint16)
    np.testing.assert_array_equal(filled_again(labels), labels)
    for pieces in polygons(labels).values():
        for outside, *holes in pieces:
            for ring in (outside, *holes):
                assert len(np.unique(ring, axis=0)) == len(ring)
            areas = [area(ring) for ring in (outside, *holes)]
            assert areas[0] > 0 > max(areas[1:], default=-1)


def area(ring):
    (x, y), (x1, y1) = ring.T, np.roll(ring, -1, axis=0).T
    return 0.5 * (x * y1 - x1 * y).sum()


@pytest.mark.parametrize("kind", KINDS)
def test_scenes_come_back_exactly(kind):
    labels = make(kind, (96, 128), np.random.default_rng(3)).truth
    np.testing.assert_array_equal(filled_again(labels), labels)


def test_labels_may_be_large_and_come_in_order():
    labels = np.array([[2**32 - 1, 0, 5]], np.uint32)
    assert list(polygons(labels)) == [5, 2**32 - 1]


def test_only_frames_are_traced():
    with pytest.raises(ValueError, match=r"expected labels of shape \(Y, X\), got \(2, 3, 4\)"):
        polygons(np.zeros((2, 3, 4), int))


def test_a_pixel_is_filled_where_its_centre_is_inside():
    canvas = np.zeros((3, 4), int)
    assert fill(canvas, [np.array([[0.6, 0.4], [3.4, 0.4], [3.4, 1.6], [0.6, 1.6]])], 9) == 4
    assert canvas.tolist() == [[0, 9, 9, 0], [0, 9, 9, 0], [0, 0, 0, 0]]


def test_neighbours_with_an_edge_through_centres_share_no_pixel():
    canvas = np.zeros((4, 4), int)
    square = np.array([[0, 0], [4, 0], [4, 4], [0, 4]])
    upper, lower = square[[0, 1, 2]], square[[0, 2, 3]]
    assert fill(canvas, [upper], 1) + fill(canvas, [lower], 2) == 16
    assert (canvas > 0).all()


def test_what_is_outside_of_the_canvas_is_left_out():
    canvas = np.zeros((3, 3), int)
    assert fill(canvas, [np.array([[-5, -1e12], [2, -1e12], [2, 1e12], [-5, 1e12]])], 1) == 6
    assert canvas.tolist() == [[1, 1, 0]] * 3
    assert fill(canvas, [np.array([[7, 0], [9, 0], [9, 3], [7, 3]])], 2) == 0
    assert fill(canvas, [np.array([[0, 7], [3, 7], [3, 9]])], 2) == 0
    assert fill(canvas, [], 2) == 0
