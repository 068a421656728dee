import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_touchup.ui.brush import SmartBrush
from napari_touchup.ui.layers import Grid
from napari_touchup.ui.results import unused_label

RIGHT = Qt.MouseButton.RightButton


@pytest.fixture
def painter(shown):
    """Cells 1 and 2, 12 px wide, 8 px apart, in the middle one of three frames that is shown."""
    viewer, hand = shown
    data = np.zeros((3, 60, 80), np.uint16)
    data[1, 20:40, 20:32] = 1
    data[1, 20:40, 40:52] = 2
    data[0] = 77
    layer = viewer.add_labels(data, scale=(1, 0.5, 0.5))
    viewer.dims.set_current_step(0, 1)
    viewer.reset_view()
    layer.brush_size = 3
    grid = Grid("TYX", data.shape, {})
    brush = SmartBrush(layer, grid, lambda index: unused_label(grid.plane(layer.data, index)))
    layer.mode = "paint"
    return layer, hand, brush


def test_a_stroke_on_background_makes_a_new_cell(painter):
    layer, hand, _ = painter
    layer.selected_label = 1
    hand.drag((50, 20), (50, 30))
    assert layer.data[1, 50, 20:31].tolist() == [3] * 11
    hand.drag((8, 20), (8, 30))
    assert layer.data[1, 8, 20:31].tolist() == [4] * 11


def test_a_stroke_on_a_cell_extends_it_and_keeps_off_the_neighbour(painter):
    layer, hand, _ = painter
    hand.drag((30, 30), (30, 45))
    assert layer.data[1, 30, 32:40].tolist() == [1] * 8
    assert layer.data[1, 30, 40:46].tolist() == [2] * 6


def test_over_neighbours(painter):
    layer, hand, brush = painter
    brush.over_neighbours = True
    hand.drag((30, 30), (30, 45))
    assert layer.data[1, 30, 32:46].tolist() == [1] * 14


def test_a_stroke_comes_in_from_beside_the_frame(painter):
    layer, hand, _ = painter
    hand.drag((30, -5), (30, 10))
    assert layer.data[1, 30, :11].tolist() == [3] * 11


def test_off(painter):
    layer, hand, brush = painter
    brush.on = False
    layer.selected_label = 9
    hand.drag((30, 30), (30, 45))
    assert layer.data[1, 30, 30:46].tolist() == [9] * 16


def test_it_survives_changes_of_mode(painter):
    layer, hand, _ = painter
    for mode in ("pan_zoom", "erase", "fill", "pick", "paint"):
        layer.mode = mode
    hand.drag((30, 30), (30, 36))
    assert layer.data[1, 30, 33] == 1


def test_the_eraser_erases_any_cell(painter):
    layer, hand, _ = painter
    layer.mode = "erase"
    hand.drag((30, 30), (30, 45))
    assert not layer.data[1, 30, 30:46].any()


def test_a_brush_with_the_label_0_erases(painter):
    layer, hand, brush = painter
    brush.over_neighbours = True
    layer.selected_label = 0
    hand.drag((30, 30), (30, 45))
    assert layer.selected_label == 0
    assert not layer.data[1, 30, 30:46].any()


def encircle(hand, around):
    hand.press(around[0], button=RIGHT)
    hand.release(around[0])
    for place in (*around[1:], around[0]):
        hand.move(place)


def test_encircling_from_background_draws_a_new_cell(painter):
    layer, hand, _ = painter
    layer.selected_label = 1
    encircle(hand, [(5, 5), (5, 18), (15, 18), (15, 5)])
    assert layer.data[1, 10, 10] == 3
    assert (layer.data[1] == 3).sum() > 100
    assert layer.selected_label == 3


def test_encircling_from_a_cell_extends_it(painter):
    layer, hand, _ = painter
    encircle(hand, [(38, 24), (50, 14), (55, 24), (50, 34)])
    assert layer.data[1, 48, 24] == 1
    assert set(np.unique(layer.data[1])) == {0, 1, 2}


def test_encircling_takes_no_other_cell(painter):
    layer, hand, _ = painter
    encircle(hand, [(10, 36), (10, 58), (48, 58), (48, 36)])
    assert (layer.data[1, 20:40, 40:52] == 2).all()
    assert layer.data[1, 15, 45] == 3


def polygon(hand, corners):
    for corner in corners:
        hand.drag(corner, corner)
    hand.drag(corners[0], corners[0])
    hand.double_click(corners[0])


@pytest.mark.parametrize(("start", "label"), [((45, 5), 3), ((38, 22), 1)])
def test_a_polygon_has_the_label_of_where_it_starts(painter, start, label):
    layer, hand, _ = painter
    layer.selected_label = 2
    layer.mode = "polygon"
    polygon(hand, [start, (45, 30), (57, 30), (57, 5)])
    assert layer.data[1, 50, 20] == label


def test_naparis_preserve_labels_is_the_persons_in_other_modes(painter):
    layer, _, brush = painter
    assert layer.preserve_labels
    layer.mode = "fill"
    assert not layer.preserve_labels
    layer.mode = "polygon"
    assert layer.preserve_labels
    brush.on = False
    assert not layer.preserve_labels
    brush.on = True
    brush.close()
    assert not layer.preserve_labels


def test_a_person_may_switch_it_in_naparis_controls(painter):
    layer, _, brush = painter
    told = []
    brush.changed.connect(lambda: told.append(brush.over_neighbours))
    layer.preserve_labels = False
    layer.preserve_labels = True
    assert told == [True, False]
    layer.mode = "fill"
    layer.preserve_labels = True
    assert told == [True, False]


def test_what_a_stroke_touched(painter, qtbot):
    layer, hand, brush = painter
    brush.over_neighbours = True
    seen = []
    brush.stroke_ended.connect(seen.append)
    hand.drag((30, 24), (30, 45))
    layer.mode = "erase"
    hand.drag((35, 50), (35, 51))
    qtbot.waitUntil(lambda: len(seen) == 2)
    assert seen == [(1, 2), (2,)]


def test_a_polygon_is_written_when_it_is_told(painter, qtbot):
    layer, hand, brush = painter
    layer.mode = "polygon"
    seen = []
    brush.stroke_ended.connect(lambda touched: seen.append((touched, layer.data[1, 50, 20])))
    polygon(hand, [(45, 5), (45, 30), (57, 30), (57, 5)])
    qtbot.waitUntil(lambda: bool(seen))
    assert seen == [((3,), 3)]


def test_what_tools_write_is_no_stroke(painter, qtbot):
    layer, hand, brush = painter
    seen = []
    brush.stroke_ended.connect(seen.append)
    layer.data_setitem((np.array([1]), np.array([50]), np.array([50])), 9)
    hand.drag((50, 20), (50, 24))
    qtbot.waitUntil(lambda: bool(seen))
    assert seen == [(10,)]
