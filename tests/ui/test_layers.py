import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels

from napari_touchup.ui.layers import forget_undo, grid_of, shown_frame, visible_window


@pytest.mark.parametrize(
    ("shape", "axes", "grid_axes", "grid_shape"),
    [
        ((8, 9), "YX", "YX", (8, 9)),
        ((5, 8, 9), "TYX", "TYX", (5, 8, 9)),
        ((2, 8, 9), "CYX", "YX", (8, 9)),
        ((2, 5, 8, 9), "CTYX", "TYX", (5, 8, 9)),
        ((5, 2, 8, 9), "TCYX", "TCYX", (5, 1, 8, 9)),
        ((5, 4, 2, 8, 9), "TZCYX", "TZCYX", (5, 4, 1, 8, 9)),
    ],
)
def test_grid(shape, axes, grid_axes, grid_shape):
    grid = grid_of(Image(np.zeros(shape)), axes)
    assert (grid.axes, grid.shape) == (grid_axes, grid_shape)


def test_grid_of_rgb():
    grid = grid_of(Image(np.zeros((5, 8, 9, 3), np.uint8), rgb=True), "TYXC")
    assert (grid.axes, grid.shape) == ("TYX", (5, 8, 9))


def test_grid_keeps_the_place():
    place = {
        "scale": (2, 0.5, 0.25),
        "translate": (0, 10, 20),
        "units": ("s", "um", "um"),
        "axis_labels": ("t", "y", "x"),
        "rotate": 0,
    }
    image = Image(np.zeros((3, 8, 9)), **place)
    labels = Labels(np.zeros((3, 8, 9), int), **grid_of(image, "TYX").place)
    assert labels.scale.tolist() == [2, 0.5, 0.25]
    assert labels.translate.tolist() == [0, 10, 20]
    assert [str(unit) for unit in labels.units] == ["second", "micrometer", "micrometer"]
    assert labels.axis_labels == ("t", "y", "x")


def test_masks_lie_under_every_channel():
    image = Image(np.zeros((5, 3, 8, 9)), scale=(1, 2, 0.5, 0.5), translate=(0, 4, 1, 1))
    grid = grid_of(image, "TCYX")
    viewer = ViewerModel()
    viewer.add_layer(image)
    labels = viewer.add_labels(np.zeros(grid.shape, int), **grid.place)
    labels.data[3, 0, 2, 2] = 7
    for channel in range(3):
        viewer.dims.set_current_step(0, 3)
        viewer.dims.set_current_step(1, channel)
        assert viewer.dims.current_step[1] == channel
        assert labels.get_value((3, 4 + 2 * channel, 2, 2), world=True) == 7
    assert viewer.dims.nsteps[:2] == (5, 3)


@pytest.mark.parametrize(
    ("axes", "shape", "index"),
    [("YX", (2, 3), ()), ("TYX", (4, 2, 3), (1,)), ("XYT", (3, 2, 4), (1,))],
)
def test_plane_is_a_view_y_x(axes, shape, index):
    grid = grid_of(Image(np.zeros(shape)), axes)
    array = np.zeros(grid.shape)
    plane = grid.plane(array, index)
    assert plane.shape == (2, 3)
    plane[:] = 1
    assert array.sum() == 6


@pytest.mark.parametrize(
    ("point", "index"), [((0, 0, 0, 0), (0,)), ((9, 1, 0, 0), (3,)), ((999, 0, 0, 0), (4,))]
)
def test_shown_frame(point, index):
    image = Image(np.zeros((5, 2, 8, 9)), scale=(3, 1, 1, 1))
    assert shown_frame(image, "TCYX", point) == index


@pytest.mark.parametrize(
    ("corners", "window"),
    [
        ([[0, 2, 3], [0, 5, 6]], (slice(2, 6), slice(3, 7))),
        ([[0, -4, 0], [0, 90, 90]], (slice(0, 8), slice(0, 9))),
    ],
)
def test_visible_window(corners, window):
    image = Image(np.zeros((5, 8, 9)))
    image.corner_pixels = np.array(corners)
    assert visible_window(image, "TYX") == window


def test_forget_undo_keeps_the_mode():
    labels = Labels(np.zeros((8, 9), int))
    labels.mode = "paint"
    labels.paint((2, 2), 3)
    forget_undo(labels)
    labels.undo()
    assert labels.data[2, 2] == 3
    assert labels.mode == "paint"
