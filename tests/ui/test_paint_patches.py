"""Property: the data before a stroke, with its patches written in, are the data after it."""

from contextlib import nullcontext

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_touchup.ui.layers import Grid
from napari_touchup.ui.paint_events import patches

SHAPES = {
    "YX": (24, 30),
    "XY": (30, 24),
    "TYX": (3, 24, 30),
    "YXT": (24, 30, 3),
    "TCXY": (3, 1, 30, 24),
    "TZYX": (2, 4, 24, 30),
    "ZTYX": (4, 2, 24, 30),
}


class Strokes:
    """A labels layer in a viewer without a window, and what its paint events said."""

    def __init__(self, axes, seed=0):
        self.rng = np.random.default_rng(seed)
        self.grid = Grid(axes, SHAPES[axes], {})
        data = self.rng.integers(0, 4, self.grid.shape).astype(np.uint16)
        viewer = ViewerModel()
        self.layer = viewer.add_labels(data)
        viewer.dims.order = [n for n, a in enumerate(axes) if a not in "YX"] + [
            axes.index("Y"),
            axes.index("X"),
        ]
        viewer.dims.point = self.place()
        self.told = []
        self.layer.events.paint.connect(
            lambda event: self.told.append(patches(event.value, self.layer.data, self.grid))
        )

    def place(self):
        return [int(self.rng.integers(0, n)) for n in self.grid.shape]

    def label(self):
        return int(self.rng.integers(0, 6))

    def brush(self):
        self.layer.brush_size = int(self.rng.integers(1, 9))
        self.layer.paint(self.place(), self.label())

    def deep_brush(self):
        self.layer.n_edit_dimensions = self.layer.ndim
        self.brush()
        self.layer.n_edit_dimensions = 2

    def fill(self):
        self.layer.contiguous = bool(self.rng.integers(0, 2))
        self.layer.fill(self.place(), self.label())

    def polygon(self):
        start = self.place()
        corners = [list(start) for _ in range(4)]
        for corner in corners:
            for axis in (self.grid.axes.index("Y"), self.grid.axes.index("X")):
                corner[axis] = int(self.rng.integers(0, self.grid.shape[axis]))
        self.layer.paint_polygon(corners, self.label())

    def setitem(self):
        count = int(self.rng.integers(1, 40))
        flat = self.rng.choice(self.layer.data.size, count, replace=False)
        values = self.rng.integers(0, 6, count) if count % 2 else self.label()
        self.layer.data_setitem(np.unravel_index(flat, self.grid.shape), values)

    def keep_neighbours(self):
        self.layer.preserve_labels = not self.layer.preserve_labels

    def any(self):
        self.rng.choice(
            [
                self.brush,
                self.deep_brush,
                self.fill,
                self.polygon,
                self.setitem,
                self.keep_neighbours,
            ]
        )()


def write(patch, plane):
    np.testing.assert_array_equal(plane[patch.box], patch.before)
    plane[patch.box] = patch.after


@pytest.mark.parametrize("axes", SHAPES)
@pytest.mark.parametrize("edits", [1, 12])
@pytest.mark.parametrize("seed", range(6))
def test_patches_lead_from_before_to_after(axes, edits, seed):
    strokes = Strokes(axes, seed)
    before = strokes.layer.data.copy()
    with strokes.layer.block_history() if edits > 1 else nullcontext():
        for _ in range(edits):
            strokes.any()
    for told in strokes.told:
        for index, patch in told.items():
            write(patch, strokes.grid.plane(before, index))
            assert patch.before.dtype == patch.after.dtype == np.uint16
    np.testing.assert_array_equal(before, strokes.layer.data)


def plane_of(values):
    strokes = Strokes("YX")
    strokes.layer.data[:] = values
    return strokes


def test_a_stroke_that_crosses_itself():
    strokes = plane_of(7)
    strokes.layer.brush_size = 1
    with strokes.layer.block_history():
        strokes.layer.paint((4, 4), 1)
        strokes.layer.paint((4, 5), 1)
        strokes.layer.paint((4, 4), 2)
    (told,) = strokes.told
    patch = told[()]
    assert (patch.box, patch.before.tolist(), patch.after.tolist()) == (
        (slice(4, 5), slice(4, 6)),
        [[7, 7]],
        [[2, 1]],
    )


def test_a_stroke_that_changes_nothing_in_the_end():
    strokes = plane_of(7)
    with strokes.layer.block_history():
        strokes.layer.paint((4, 4), 1)
        strokes.layer.paint((4, 4), 7)
    assert strokes.told == [{}]


def test_a_brush_through_frames_tells_of_each():
    strokes = Strokes("TYX")
    strokes.layer.data[:] = 0
    strokes.layer.n_edit_dimensions = 3
    strokes.layer.brush_size = 3
    strokes.layer.paint((1, 10, 12), 5)
    (told,) = strokes.told
    assert sorted(told) == [(0,), (1,), (2,)]
    # a ball of radius 1.5: a cross above and below, a square in the middle
    assert [int(told[(n,)].changed.sum()) for n in range(3)] == [5, 9, 5]


def test_a_plane_that_lies_the_other_way_round():
    strokes = Strokes("XY")
    strokes.layer.data[:] = 0
    strokes.layer.data_setitem((np.array([20, 21]), np.array([3, 3])), 9)
    assert strokes.told[0][()].box == (slice(3, 4), slice(20, 22))
    assert strokes.told[0][()].after.tolist() == [[9, 9]]


def test_a_whole_frame_is_filled():
    strokes = Strokes("TYX")
    strokes.layer.data[:] = 0
    strokes.layer.fill((1, 2, 2), 3)
    (told,) = strokes.told
    assert list(told) == [(1,)]
    assert told[(1,)].changed.all()
    assert told[(1,)].box == (slice(0, 24), slice(0, 30))


def test_indices_that_count_from_the_end():
    strokes = plane_of(0)
    strokes.layer.data_setitem((np.array([-1]), np.array([-2])), 9)
    assert strokes.told[0][()].box == (slice(23, 24), slice(28, 29))
