import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_touchup.ui.draw_once import DrawOnce, placed
from napari_touchup.ui.layers import Grid, grid_of
from napari_touchup.ui.line_tool import LineTool
from napari_touchup.ui.region_tool import RegionTool, box_inside


@pytest.fixture
def stack(shown):
    """Frame 2 of 4 of a stack with small pixels is shown; its masks are being painted."""
    viewer, hand = shown
    place = {"scale": (1, 0.5, 0.5), "translate": (0, 7, 3)}
    image = viewer.add_image(np.zeros((4, 40, 60), np.uint8), **place)
    masks = viewer.add_labels(np.zeros((4, 40, 60), np.uint16), **place)
    masks.mode = "paint"
    viewer.dims.set_current_step(0, 2)
    viewer.reset_view()
    hand.layer = masks
    return viewer, hand, masks, grid_of(image, "TYX")


def as_before(viewer, masks):
    return (
        len(viewer.layers) == 2
        and viewer.layers.selection.active is masks
        and masks.mode == "paint"
        and not masks.data.any()
    )


def test_a_line_is_given_and_the_layer_is_gone(stack, qtbot):
    viewer, hand, masks, grid = stack
    given = []
    tool = LineTool(viewer, "a line", lambda *args: given.append((as_before(viewer, masks), *args)))
    tool.start(grid)
    assert tool.waiting
    tool.start(grid)
    assert len(viewer.layers) == 3
    hand.drag((10, 12), (20, 20), (30, 41))
    qtbot.waitUntil(lambda: bool(given))
    ((restored, index, line),) = given
    assert restored
    assert index == (2,)
    np.testing.assert_allclose(line, [[10, 12], [30, 41]], atol=0.2)
    assert not tool.waiting
    assert as_before(viewer, masks)


def test_a_rectangle_becomes_a_box(stack, qtbot):
    viewer, hand, masks, grid = stack
    given = []
    tool = RegionTool(viewer, lambda *args: given.append(args))
    tool.start(grid)
    hand.drag((9.6, 11.6), (20, 20), (20.4, 70))
    qtbot.waitUntil(lambda: bool(given))
    assert given == [((2,), (slice(10, 21), slice(12, 60)))]
    assert as_before(viewer, masks)


def test_escape(stack, qtbot):
    viewer, hand, masks, grid = stack
    given = []
    tool = LineTool(viewer, "a line", lambda *args: given.append(args))
    tool.start(grid)
    hand.key(Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: as_before(viewer, masks))
    assert given == []
    tool.start(grid)
    assert tool.waiting
    tool.cancel()
    assert as_before(viewer, masks)


def test_a_click_is_no_line(stack, qtbot):
    viewer, hand, masks, grid = stack
    given = []
    LineTool(viewer, "a line", lambda *args: given.append(args)).start(grid)
    hand.drag((10, 12), (10, 12))
    qtbot.waitUntil(lambda: as_before(viewer, masks))
    assert given == []


def test_choosing_another_layer_ends_it(stack, qtbot):
    viewer, _, _, grid = stack
    tool = LineTool(viewer, "a line", pytest.fail)
    tool.start(grid)
    viewer.layers.selection.active = viewer.layers[0]
    qtbot.waitUntil(lambda: not tool.waiting)
    assert len(viewer.layers) == 2
    assert viewer.layers.selection.active is viewer.layers[0]


def test_a_person_may_delete_the_layer(stack, qtbot):
    viewer, _, _, grid = stack
    tool = LineTool(viewer, "a line", pytest.fail)
    tool.start(grid)
    viewer.layers.remove(viewer.layers[-1])
    qtbot.waitUntil(lambda: not tool.waiting)
    tool.start(grid)
    assert len(viewer.layers) == 3


def test_the_masks_may_be_gone_meanwhile(stack, qtbot):
    viewer, _, masks, grid = stack
    once = DrawOnce(viewer, "x", "add_line", pytest.fail)
    once.start(grid)
    viewer.layers.remove(masks)
    once.cancel()
    assert len(viewer.layers) == 1


@pytest.mark.parametrize(
    ("axes", "shape", "corner", "index", "place"),
    [
        ("YX", (40, 60), [3, 4.5], (), [3, 4.5]),
        ("XY", (60, 40), [4.5, 3], (), [3, 4.5]),
        ("TYX", (5, 40, 60), [1.6, 3, 4], (2,), [3, 4]),
        ("TCYX", (5, 1, 40, 60), [9, 0, 3, 4], (4,), [3, 4]),
        ("YXZ", (40, 60, 5), [3, 4, -1], (0,), [3, 4]),
    ],
)
def test_placed(axes, shape, corner, index, place):
    got = placed(np.array([corner, corner], float), Grid(axes, shape, {}))
    assert got[0] == index
    assert got[1].tolist() == [place, place]


@pytest.mark.parametrize(
    ("corners", "box"),
    [
        ([[0, 0], [9, 9]], (slice(0, 10), slice(0, 10))),
        ([[-5, 2.5], [3.5, 99]], (slice(0, 4), slice(3, 10))),
        ([[2.2, 2.2], [2.8, 5]], None),
        ([[20, 20], [30, 30]], None),
    ],
)
def test_box_inside(corners, box):
    assert box_inside(np.array(corners, float), (10, 10)) == box
