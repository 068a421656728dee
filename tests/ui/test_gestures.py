import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_touchup.ui.brush import SmartBrush
from napari_touchup.ui.gestures import MODES, NEXT, NO_CELL, Gestures
from napari_touchup.ui.layers import Grid

ALT, CTRL = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.ControlModifier
ONE, TWO, NOWHERE = (30, 26), (30, 46), (10, 10)


class Cells:
    """Cells 1 and 2, 12 px wide, 8 px apart, in frame 1 of 3; and what the gestures asked for."""

    def __init__(self, viewer, hand):
        self.viewer, self.hand = viewer, hand
        data = np.zeros((3, 60, 80), np.uint16)
        data[1, 20:40, 20:32] = 1
        data[1, 20:40, 40:52] = 2
        self.layer = viewer.add_labels(data)
        viewer.dims.set_current_step(0, 1)
        viewer.reset_view()
        self.layer.brush_size = 3
        self.layer.selected_label = 9
        self.before = data.copy()
        self.asked, self.told = [], []
        grid = Grid("TYX", data.shape, {})
        self.brush = SmartBrush(self.layer, grid, lambda index: 3)
        self.gestures = Gestures(
            self.layer,
            grid,
            lambda *args: self.asked.append(("delete", *args)),
            lambda *args: self.asked.append(("merge", *args)),
            self.told.append,
        )

    def click(self, place, keys):
        self.hand.drag(place, place, keys=keys)

    @property
    def untouched(self):
        return np.array_equal(self.layer.data, self.before)


@pytest.fixture
def cells(shown):
    return Cells(*shown)


@pytest.mark.parametrize("mode", MODES)
def test_ctrl_click_deletes(cells, mode):
    cells.layer.mode = mode
    cells.click(TWO, CTRL)
    assert cells.asked == [("delete", (1,), 2)]
    assert cells.untouched
    assert cells.layer.selected_label == 9


@pytest.mark.parametrize("mode", MODES)
def test_alt_click_merges_with_the_cell_touched_last(cells, mode):
    cells.layer.mode = mode
    cells.click(ONE, ALT)
    assert (cells.asked, cells.told) == ([], [NEXT])
    cells.click(TWO, ALT)
    assert cells.asked == [("merge", (1,), 1, 2)]
    assert cells.untouched


def test_a_stroke_touches(cells):
    cells.layer.mode = "paint"
    cells.hand.drag((30, 22), (30, 26))
    cells.click(TWO, ALT)
    assert cells.asked == [("merge", (1,), 1, 2)]


def test_there_is_no_cell(cells):
    cells.click(NOWHERE, CTRL)
    cells.click((-5, -5), ALT)
    assert (cells.asked, cells.told) == ([], [NO_CELL, NO_CELL])


@pytest.mark.parametrize("keys", [ALT, CTRL])
def test_a_drag_is_no_click_and_draws_nothing(cells, keys):
    cells.layer.mode = "paint"
    cells.hand.drag(ONE, TWO, keys=keys)
    assert (cells.asked, cells.told) == ([], [])
    assert cells.untouched


@pytest.mark.parametrize("keys", [CTRL | ALT, CTRL | Qt.KeyboardModifier.ShiftModifier])
def test_two_keys_are_no_gesture(cells, keys):
    cells.click(ONE, keys)
    assert (cells.asked, cells.told) == ([], [])


def test_after_a_gesture_the_brush_paints(cells):
    cells.layer.mode = "paint"
    for _ in range(3):
        cells.click(ONE, CTRL)
    cells.layer.mode = "erase"
    cells.layer.mode = "paint"
    cells.click(ONE, CTRL)
    cells.hand.drag((50, 20), (50, 30))
    assert (cells.layer.data[1, 50, 20:31] == 3).all()
    drawers = [f.__name__ for f in cells.layer.mouse_drag_callbacks if hasattr(f, "__name__")]
    assert drawers.count("draw") == 1


def test_alt_still_changes_the_size_of_the_brush(cells):
    cells.layer.mode = "paint"
    cells.hand.move((30, 20), ALT)
    cells.hand.move((30, 30), ALT)
    assert cells.layer.brush_size == pytest.approx(13, abs=1)


def test_dragging_still_pans_and_alt_drag_still_zooms(cells, qtbot):
    camera = cells.viewer.scene.camera
    center, zoom = camera.center, camera.zoom
    cells.hand.drag((30, 20), (30, 24), (30, 30))
    qtbot.waitUntil(lambda: camera.center != center)  # it follows when the canvas is drawn
    cells.hand.drag((22, 22), (30, 30), (38, 38), keys=ALT)
    qtbot.waitUntil(lambda: camera.zoom > 1.5 * zoom)
    assert cells.asked == []


def test_a_stroke_that_encircles_is_not_disturbed(cells):
    cells.layer.mode = "paint"
    cells.hand.press((5, 5), button=Qt.MouseButton.RightButton)
    cells.hand.release((5, 5))
    cells.hand.move((5, 20))
    cells.click(ONE, CTRL)
    assert cells.asked == []


def test_qupath_alt_subtracts_from_the_cell_it_starts_on(cells):
    cells.gestures.preset = "qupath"
    cells.layer.mode = "paint"
    cells.hand.move((30, 22), ALT)
    cells.hand.drag((30, 26), (30, 46), keys=ALT)
    assert cells.layer.brush_size == 3
    assert not cells.layer.data[1, 30, 26:32].any()
    assert (cells.layer.data[1, 30, 40:52] == 2).all()
    assert cells.layer.selected_label == 1
    cells.hand.drag((30, 22), (30, 30))
    assert (cells.layer.data[1, 30, 20:30] == 1).all()


def test_qupath_alt_from_outside_subtracts_from_the_cell_touched_last(cells):
    cells.gestures.preset = "qupath"
    cells.brush.over_neighbours = True
    cells.layer.mode = "paint"
    cells.hand.drag((30, 36), (30, 46), keys=ALT)
    assert cells.told == [NO_CELL]
    assert cells.untouched
    cells.layer.selected_label = 2
    cells.hand.drag((35, 36), (35, 46), keys=ALT)
    assert not cells.layer.data[1, 35, 40:47].any()
    assert not cells.layer.preserve_labels
    assert cells.brush.over_neighbours


def test_qupath_alt_click_still_merges_in_other_modes(cells):
    cells.gestures.preset = "qupath"
    cells.click(ONE, ALT)
    cells.click(TWO, ALT)
    assert cells.asked == [("merge", (1,), 1, 2)]


def test_closed(cells):
    cells.gestures.close()
    cells.click(ONE, CTRL)
    assert cells.asked == []
