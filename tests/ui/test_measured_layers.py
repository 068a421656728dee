import numpy as np
import pytest
from napari.layers import Image, Labels

from napari_touchup.ui.measured_layers import (
    axes_of,
    image_axes,
    label_stack,
    proposed,
    same_frames,
    source_of,
)


def labels(shape, **kwargs):
    return Labels(np.zeros(shape, np.uint8), **kwargs)


def image(shape, **kwargs):
    return Image(np.zeros(shape, np.uint8), **kwargs)


@pytest.mark.parametrize(
    ("shape", "names", "axes"),
    [
        ((8, 9), None, "YX"),
        ((3, 8, 9), None, "TYX"),
        ((3, 8, 9), ("z", "y", "x"), "ZYX"),
        ((3, 8, 9), ("planes", "y", "x"), "TYX"),
        ((3, 4, 8, 9), None, "TZYX"),
        ((3, 4, 8, 9), ("z", "t", "y", "x"), "ZTYX"),
        ((3, 4, 8, 9), ("z", "", "y", "x"), "ZTYX"),
        ((3, 4, 8, 9), ("t", "t", "y", "x"), "TZYX"),
        ((3, 1, 8, 9), None, "TCYX"),
        ((1, 8, 9), None, "TYX"),
        ((3, 1, 4, 8, 9), None, "TCZYX"),
        ((2, 8, 9), ("c", "y", "x"), None),  # labels have no channels
        ((2, 2, 2, 8, 9), None, None),
    ],
)
def test_axes_of_labels(shape, names, axes):
    assert axes_of(labels(shape, axis_labels=names)) == axes


@pytest.mark.parametrize(
    ("shape", "of_image", "rgb", "axes"),
    [
        ((8, 9), (8, 9), False, "YX"),
        ((8, 9), (2, 8, 9), False, "CYX"),
        ((8, 9), (8, 9, 3), True, "YXC"),
        ((8, 9), (8, 9, 2), False, "YXC"),
        ((8, 9), (9, 9), False, None),
        ((8, 9), (30, 8, 9), False, None),  # a film: too many for channels
        ((5, 8, 9), (5, 8, 9), False, "TYX"),
        ((5, 8, 9), (5, 2, 8, 9), False, "TCYX"),
        ((5, 8, 9), (2, 5, 8, 9), False, "CTYX"),
        ((5, 8, 9), (8, 9), False, None),
        ((5, 1, 8, 9), (5, 2, 8, 9), False, "TCYX"),
        ((5, 1, 8, 9), (4, 2, 8, 9), False, None),
        ((5, 8, 9), (5, 8, 9, 4), True, "TYXC"),
    ],
)
def test_axes_of_an_image_of_the_same_frames(shape, of_image, rgb, axes):
    assert image_axes(labels(shape), image(of_image, rgb=rgb)) == axes


def test_no_source_of_unknown_axes():
    with pytest.raises(ValueError, match="expected labels with T, Z, Y, X"):
        label_stack(labels((2, 8, 9), axis_labels=("c", "y", "x")))


def test_the_image_of_the_same_name_is_proposed():
    one, two, map_ = image((8, 9), name="a"), image((8, 9), name="nuclei"), image((8, 9), name="p")
    map_.metadata["napari-touchup"] = "probability"
    assert proposed(labels((8, 9), name="nuclei masks"), [map_, one, two]) is two
    assert proposed(labels((8, 9), name="cells"), [map_, one, two]) is one
    assert proposed(labels((8, 9), name="cells"), []) is None


def test_truths():
    one, two, other = labels((8, 9)), labels((8, 9)), labels((7, 9))
    assert same_frames(one, [one, two, other, image((8, 9))]) == [two]


@pytest.mark.parametrize(
    ("kwargs", "pixel", "unit"),
    [
        ({}, None, ""),
        ({"scale": (0.5, 0.25), "units": "um"}, (0.5, 0.25), "um"),
        ({"scale": (500, 500), "units": "nm"}, (0.5, 0.5), "um"),
        ({"scale": (0.5, 0.5)}, (0.5, 0.5), "unit"),
    ],
)
def test_size_of_a_pixel(kwargs, pixel, unit):
    found = source_of(labels((8, 9), **kwargs), None)
    assert found.pixel == (pytest.approx(pixel) if pixel else None)
    assert found.unit == unit


def test_the_image_knows_the_size_of_a_pixel():
    of_image = image((2, 8, 9), scale=(1, 0.5, 0.5), units=("pixel", "um", "um"))
    assert source_of(labels((8, 9)), of_image).pixel == (0.5, 0.5)


def test_colours_without_alpha():
    found = source_of(labels((8, 9)), image((8, 9, 4), rgb=True))
    assert found.image.read(()).shape == (3, 8, 9)
