"""The tools of the Correct fold, on a viewer without a window."""

import numpy as np
import pytest
from napari.layers import Shapes

from napari_touchup.session.project import Counts
from napari_touchup.session.teaching import RING, WIPED
from napari_touchup.ui.correct import Correct


@pytest.fixture
def correct(bound):
    correct = Correct(bound.viewer, bound.session, bound.binding)
    yield correct
    correct.close()


@pytest.fixture
def cells(bound, correct, spots):
    """Three cells of 8 x 8 px, at rows 8-15 and columns 4-11, 20-27, 36-43."""
    layer = bound.viewer.add_image(spots(90, 60, 70), name="cells")
    bound.segment()
    return layer


def labels(bound):
    state = bound.session.tools(bound.session.image).state(())
    np.testing.assert_array_equal(bound.masks.data, state.labels)
    return state.labels


def states(bound):
    objects = bound.session.project.objects(bound.session.image.key, ())
    return {label: known.state for label, known in objects.items()}


def review(bound):
    live = bound.binding.current.live["review"]
    bound.until(lambda: () in live._true)
    return live.layer


def draw(bound, qtbot, line):
    """Draw in the temporary layer, which then goes."""
    shapes = bound.viewer.layers.selection.active
    assert isinstance(shapes, Shapes)
    if shapes.mode == "add_line":
        shapes.add_lines(np.array(line))
    else:
        shapes.add_rectangles(np.array(line))
    qtbot.waitUntil(lambda: shapes not in bound.viewer.layers)


def test_without_masks_it_says_what_to_do(bound, correct, spots):
    bound.viewer.add_image(spots(90), name="cells")
    correct.confirm()
    assert "press Segment first" in bound.session.status.text


def test_without_a_cell_it_says_what_to_do(bound, correct, cells):
    bound.masks.selected_label = 99
    correct.delete()
    assert "Choose a cell first" in bound.session.status.text


@pytest.mark.parametrize(
    ("act", "expected"),
    [("confirm", {2: "confirmed"}), ("delete", {-2: "deleted"}), ("unconfirm", {})],
)
def test_tools_act_on_the_selected_cell(bound, correct, cells, act, expected):
    bound.masks.selected_label = 2
    getattr(correct, act)()
    assert states(bound) == expected
    assert labels(bound).any()


def test_smooth_fills_holes(bound, correct, cells):
    bound.masks.data[11:13, 23:25] = 0
    bound.masks.refresh()
    bound.masks.selected_label = 2
    correct.smooth()
    assert (labels(bound)[11:13, 23:25] == 2).all()


def test_split_by_a_line(bound, correct, cells, qtbot):
    correct.drawing.split()
    draw(bound, qtbot, [[4, 24], [20, 24]])
    assert sorted(np.unique(labels(bound)[8:16, 20:28]).tolist()) == [2, 4]
    assert states(bound) == {2: "corrected", 4: "corrected"}
    assert bound.viewer.layers.selection.active is bound.masks


def test_merge_by_a_line(bound, correct, cells, qtbot):
    correct.drawing.merge()
    draw(bound, qtbot, [[12, 6], [12, 26]])
    assert len(np.unique(labels(bound))) == 3
    assert list(states(bound).values()) == ["corrected"]


def test_a_line_that_meets_nothing_is_told(bound, correct, cells, qtbot):
    correct.drawing.split()
    draw(bound, qtbot, [[28, 4], [28, 30]])
    assert "crosses no cell" in bound.session.status.text
    assert states(bound) == {}


def test_a_rectangle_in_which_all_is_right(bound, correct, cells, qtbot):
    correct.drawing.region_right()
    draw(bound, qtbot, [[2, 1], [2, 30], [20, 30], [20, 1]])
    assert states(bound) == {1: "confirmed", 2: "confirmed"}


def test_all_of_the_frame_is_right(bound, correct, cells):
    correct.frame_right()
    assert states(bound) == dict.fromkeys((1, 2, 3), "confirmed")
    assert bound.session.counts == Counts(teach=3)


def test_done_is_a_switch(bound, correct, cells):
    key = bound.session.image.key
    correct.finish()
    assert bound.session.project.is_done(key, ())
    correct.finish()
    assert not bound.session.project.is_done(key, ())


def test_next_goes_through_what_nobody_reviewed(bound, correct, cells):
    bound.masks.selected_label = 1
    correct.confirm()
    seen = []
    for _ in range(3):
        correct.next_cell()
        seen.append(bound.masks.selected_label)
    assert seen == [2, 3, 2]
    assert bound.viewer.scene.camera.center[1:] == pytest.approx((11.5, 23.5))
    correct.frame_right()
    correct.next_cell()
    assert bound.session.status.text == "All cells of this frame are reviewed."


def test_the_review_comes_with_the_first_correction(bound, correct, cells):
    assert "cells review" not in bound.names
    correct.new_cell()
    with bound.masks.block_history():
        bound.masks.paint((28, 30), 4)
    assert "cells review" in bound.names
    correct.review.show(False)
    assert "cells review" not in bound.names
    bound.masks.selected_label = 1
    correct.confirm()
    assert "cells review" not in bound.names


@pytest.mark.parametrize(("kind", "shown"), [("background", RING), ("ignore", WIPED)])
def test_brushes_that_paint_no_cell(bound, correct, cells, kind, shown):
    correct.take_marks(kind)
    layer = review(bound)
    assert bound.viewer.layers.selection.active is layer
    assert layer.editable
    with layer.block_history():
        layer.paint((12, 8), layer.selected_label)
    state = bound.session.tools(bound.session.image).state(())
    assert (state.marks[10:14, 6:10] == (1 if kind == "background" else 2)).all()
    assert (labels(bound)[12, 8] == 0) == (kind == "background")
    assert layer.data[12, 8] == shown
    correct.take_marks(kind)
    assert not layer.editable
    assert bound.viewer.layers.selection.active is bound.masks


def test_another_layer_puts_the_brush_down(bound, correct, cells):
    correct.take_marks("ignore")
    bound.viewer.layers.selection.active = cells
    assert correct.marks.kind is None
    assert not review(bound).editable


def test_what_a_cell_is_and_why(bound, correct, cells):
    bound.masks.selected_label = 2
    assert correct.review.describe_cell() == "Cell 2: not reviewed, so it does not teach."
    correct.confirm()
    assert correct.review.describe_cell() == "Cell 2: confirmed, teaches, with the ring around it."
    correct.unconfirm()
    assert correct.review.describe_cell() == "Cell 2: taken back, so it does not teach."
    bound.masks.selected_label = 99
    assert correct.review.describe_cell() == ""
