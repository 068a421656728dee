import numpy as np
import pytest
from skimage.measure import regionprops_table

from napari_touchup.core import moments
from napari_touchup.core.moments import intensities, shapes

OURS = {"area": "area", "y": "centroid-0", "x": "centroid-1"}
OURS |= {name: name for name in ("perimeter", "eccentricity")}


@pytest.mark.parametrize("strip", [10, 700, 1 << 18])
@pytest.mark.parametrize("shape", [(1, 40), (40, 1), (1, 1), (30, 50)])
def test_the_same_as_scikit_image_in_strips_of_every_size(strip, shape, monkeypatch):
    monkeypatch.setattr(moments, "STRIP", strip)
    rng = np.random.default_rng(3)
    labels, image = rng.integers(0, 6, shape) + 1, rng.random(shape)
    labels[rng.random(shape) < 0.3] = 0
    labels[0, 0] = 1
    cells = np.unique(labels[labels > 0])
    names = ("area", "centroid", "perimeter", "eccentricity")
    statistics = tuple(f"intensity_{name}" for name in ("mean", "min", "max", "std"))
    expected = regionprops_table(labels, image, names + statistics)
    found = shapes(labels, cells)
    for name, theirs in OURS.items():
        np.testing.assert_allclose(found[name], expected[theirs], 1e-12, 1e-9, err_msg=name)
    for name, values in intensities(labels, cells, image).items():
        np.testing.assert_allclose(values, expected[f"intensity_{name}"], 1e-12, err_msg=name)


def test_a_square_by_hand():
    labels = np.zeros((6, 7), np.uint8)
    labels[1:5, 2:6] = 9
    found = shapes(labels, np.array([9]))
    assert {name: values[0] for name, values in found.items()} == {
        "area": 16, "y": 2.5, "x": 3.5, "perimeter": 12, "length": 12, "eccentricity": 0,
    }  # fmt: skip


def test_pixels_that_are_not_square_have_the_eccentricity_of_scikit_image():
    labels = np.random.default_rng(3).integers(0, 6, (30, 50))
    expected = regionprops_table(labels, properties=("eccentricity",), spacing=(0.4, 1.1))
    found = shapes(labels, np.arange(1, 6), (0.4, 1.1))
    np.testing.assert_allclose(found["eccentricity"], expected["eccentricity"], 1e-12)


def test_an_outline_with_steps_of_all_kinds_by_hand():
    octagon = np.ones((5, 6), int)
    octagon[[0, 0, -1, -1], [0, -1, 0, -1]] = 0
    # two steps down and three across on each side, between them four diagonal ones: a pixel
    # between a straight and a diagonal step has half of each
    found = shapes(octagon, np.array([1]), (3.0, 4.0))
    assert found["perimeter"][0] == pytest.approx(2 * 2 + 2 * 3 + 4 * 2**0.5)
    assert found["length"][0] == pytest.approx(4 * 3 + 6 * 4 + 4 * 5)


def test_a_line_that_is_longer_than_a_strip_has_no_width(monkeypatch):
    monkeypatch.setattr(moments, "STRIP", 100)
    labels = np.zeros((3000, 3), np.int32)
    labels[:, 1] = 4
    found = shapes(labels, np.array([4]))
    assert found["eccentricity"].tolist() == [1.0]
    assert found["y"].tolist() == [1499.5]


def test_a_pixel_that_is_no_number_stays_with_its_object():
    labels, image = np.array([[1, 1, 2]]), np.array([[np.nan, 1, 2]])
    found = intensities(labels, np.array([1, 2]), image)
    assert all(np.isnan(values[0]) for values in found.values())
    assert [float(values[1]) for values in found.values()] == [2, 2, 2, 0]
