from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from napari_touchup.io.images import ImageFile
from napari_touchup.io.tiff import PixelSize
from napari_touchup.session.opened import Opened
from napari_touchup.ui.file_layers import image_layer, saved_masks_layer
from napari_touchup.ui.open_images import axes_of


def opened(shape, axes, *, rgb=False, pixel=None, masks=None, mask_axes="YX"):
    image = ImageFile(np.zeros(shape, np.uint8), axes, rgb, pixel)
    labels = None if masks is None else ImageFile(np.zeros(masks, np.uint16), mask_axes)
    return Opened(Path("plate/a.tif"), image, labels, ExitStack())


@pytest.mark.parametrize(
    ("shape", "axes", "rgb", "shown"),
    [
        ((4, 5), "YX", False, "YX"),
        ((2, 3, 2, 14, 15), "TZCYX", False, "TZCYX"),
        ((14, 15, 3), "YXC", True, "YXC"),
        ((3, 14, 15), "CYX", True, "YXC"),  # colours go where napari wants them
        ((2, 3, 14, 15), "TCYX", True, "TYXC"),
    ],
)
def test_axes(shape, axes, rgb, shown):
    layer = image_layer(opened(shape, axes, rgb=rgb))
    assert (layer.rgb, axes_of(layer)) == (rgb, shown)
    assert layer.name == "a"
    assert Path(layer.source.path) == Path("plate/a.tif")


@pytest.mark.parametrize(
    ("pixel", "scale", "units"),
    [
        (None, [1, 1, 1], ["pixel"] * 3),
        (PixelSize(0.5, 0.25, 2), [2, 0.5, 0.25], ["micrometer"] * 3),
        (PixelSize(0.5, 0.25), [1, 0.5, 0.25], ["pixel", "micrometer", "micrometer"]),
        (PixelSize(1 / 72, 1 / 72, unit="inch"), [1, 1, 1], ["pixel"] * 3),  # a size on paper
    ],
)
def test_pixel_size(pixel, scale, units):
    layer = image_layer(opened((3, 4, 5), "ZYX", pixel=pixel))
    assert layer.scale.tolist() == scale
    assert [str(unit) for unit in layer.units] == units


@pytest.mark.parametrize(
    ("shape", "axes", "masks", "mask_axes", "fits"),
    [
        ((4, 5), "YX", (4, 5), "YX", True),
        ((3, 2, 4, 5), "TCYX", (3, 4, 5), "TYX", True),
        ((4, 5), "YX", (5, 4), "YX", False),
        ((3, 4, 5), "ZYX", (3, 4, 5), "TYX", False),
    ],
)
def test_masks_only_where_they_fit(shape, axes, masks, mask_axes, fits):
    layer = saved_masks_layer(opened(shape, axes, masks=masks, mask_axes=mask_axes))
    assert (layer is not None) == fits
    if layer is not None:
        assert not layer.editable


def test_without_masks():
    assert saved_masks_layer(opened((4, 5), "YX")) is None
