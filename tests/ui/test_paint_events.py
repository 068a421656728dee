from contextlib import nullcontext
from typing import NamedTuple

import numpy as np
import pytest
from napari.layers import Labels

from napari_touchup.ui.paint_events import changed_box, replay


class Atom(NamedTuple):
    """As napari's own, which is private."""

    slice_key: tuple
    mask: object = None
    old_values: object = None
    new_value: int = 1


@pytest.mark.parametrize(
    ("atoms", "box"),
    [
        ([], None),
        ([Atom((slice(2, 5), slice(0, 3)))], (slice(2, 5), slice(0, 3))),
        (
            [Atom((slice(2, 5), slice(0, 3))), Atom((slice(4, 9), slice(1, 2)))],
            (slice(2, 9), slice(0, 3)),
        ),
        ([((np.array([3, 1]), np.array([7, 7])), None, 4)], (slice(1, 4), slice(7, 8))),
        ([((np.array([], int), np.array([], int)), None, 4)], None),
        (
            [Atom((slice(0, 1), slice(0, 1))), ((np.array([5]), np.array([6])), None, 4)],
            (slice(0, 6), slice(0, 7)),
        ),
    ],
)
def test_changed_box(atoms, box):
    assert changed_box(atoms) == box


def edit_brush(layer):
    layer.brush_size = 5
    layer.paint((1, 10, 12), 3)


def edit_fill(layer):
    layer.fill((1, 10, 12), 3)


def edit_polygon(layer):
    layer.paint_polygon([(1, 8, 10), (1, 8, 14), (1, 12, 14), (1, 12, 10)], 3)


def edit_setitem(layer):
    layer.data_setitem((np.array([1, 1]), np.array([8, 12]), np.array([10, 14])), 3)


@pytest.mark.parametrize("edit", [edit_brush, edit_fill, edit_polygon, edit_setitem])
def test_the_box_holds_all_that_napari_changed(edit):
    layer = Labels(np.zeros((3, 20, 30), np.uint16))
    layer.data[1, 9:12, 11:13] = 2
    before = layer.data.copy()
    boxes = []
    layer.events.paint.connect(lambda event: boxes.append(changed_box(event.value)))
    edit(layer)
    (box,) = boxes
    changed = layer.data != before
    assert changed.any()
    assert changed[box].sum() == changed.sum()
    assert box[0] == slice(1, 2)


@pytest.mark.parametrize("edit", [edit_brush, edit_fill, edit_polygon, edit_setitem])
@pytest.mark.parametrize("in_a_stroke", [False, True])
def test_replay_gives_what_napari_writes(edit, in_a_stroke):
    layer = Labels(np.zeros((3, 20, 30), np.uint16))
    layer.data[1, 9:12, 11:13] = 2
    frames = layer.data.copy()

    def follow(event):
        for index in range(3):
            replay(event.value, (index,), frames[index])

    layer.events.paint.connect(follow)
    with layer.block_history() if in_a_stroke else nullcontext():
        edit(layer)
    assert (frames == 3).any()
    np.testing.assert_array_equal(frames, layer.data)


def test_replay_of_several_values():
    plane = np.zeros((2, 3), int)
    indices = (np.array([0, 1, 1]), np.array([0, 0, 1]), np.array([1, 2, 0]))
    replay([(indices, None, np.array([4, 5, 6]))], (1,), plane)
    assert plane.tolist() == [[0, 0, 5], [6, 0, 0]]


def test_one_stroke_is_one_event():
    layer = Labels(np.zeros((20, 30), np.uint16))
    layer.brush_size = 3
    boxes = []
    layer.events.paint.connect(lambda event: boxes.append(changed_box(event.value)))
    with layer.block_history():
        layer.paint((5, 5), 1)
        layer.paint((5, 20), 1)
    assert boxes == [(slice(4, 7), slice(4, 22))]
