import numpy as np
import pytest
from skimage.measure import regionprops_table

from napari_touchup.core.regions import measure
from napari_touchup.core.synth import make

SAMPLE = make("nuclei", (96, 128), np.random.default_rng(0))
COLUMNS = {
    "cell": "label",
    "area_px": "area",
    "y_px": "centroid-0",
    "x_px": "centroid-1",
    "perimeter_px": "perimeter",
    "eccentricity": "eccentricity",
    "solidity": "solidity",
    "intensity_mean_c1": "intensity_mean-0",
    "intensity_min_c1": "intensity_min-0",
    "intensity_max_c1": "intensity_max-0",
    "intensity_std_c1": "intensity_std-0",
    "intensity_mean_c2": "intensity_mean-1",
    "intensity_min_c2": "intensity_min-1",
    "intensity_max_c2": "intensity_max-1",
    "intensity_std_c2": "intensity_std-1",
}
ASKED = {name.split("-")[0]: None for name in COLUMNS.values()}


def test_every_column_is_what_scikit_image_measures():
    image = np.stack([SAMPLE.image, SAMPLE.image[::-1]])
    expected = regionprops_table(SAMPLE.truth, np.moveaxis(image, 0, -1), tuple(ASKED))
    found = measure(SAMPLE.truth, image)
    assert len(found["cell"]) > 5
    assert set(found) - {"neighbours"} == set(COLUMNS)
    for name, theirs in COLUMNS.items():
        np.testing.assert_allclose(found[name], expected[theirs], 1e-9, 1e-9, err_msg=name)
    assert found["area_px"].dtype.kind == "i"
    assert found["intensity_max_c2"].dtype == SAMPLE.image.dtype


def test_without_solidity():
    assert set(measure(SAMPLE.truth)) - set(measure(SAMPLE.truth, solidity=False)) == {"solidity"}


def test_physical_units():
    found = measure(SAMPLE.truth, None, (0.5, 0.5), "nm")
    same = {"area_nm2": 0.25, "y_nm": 0.5, "x_nm": 0.5, "perimeter_nm": 0.5}
    for name, factor in same.items():
        pixels = found[name.replace("nm2", "px").replace("nm", "px")]
        np.testing.assert_allclose(found[name], pixels * factor)
    assert list(found)[-4:] == list(same)


def test_pixels_that_are_not_square():
    found = measure(np.ones((3, 5), int), None, (2.0, 0.5))
    # through the middles of the outer pixels: 2 x 2 steps of 2.0 down, 2 x 4 of 0.5 across
    assert (found["perimeter_px"][0], found["perimeter_um"][0]) == (12.0, 12.0)
    assert (found["area_um2"][0], found["x_um"][0]) == (15.0, 1.0)


def test_a_circle_whose_pixels_are_three_times_as_high_as_wide():
    y, x = np.mgrid[-20:21, -60:61]
    disc = ((3 * y) ** 2 + x**2 <= 50**2).astype(int)
    found = measure(disc, None, (3.0, 1.0))
    # steps between the middles of pixels make a circle of square ones 4 % too long, too
    assert found["perimeter_um"][0] == pytest.approx(1.098 * 2 * np.pi * 50, rel=1e-3)
    assert found["eccentricity"][0] < 0.05
    assert measure(disc)["eccentricity"][0] == pytest.approx((1 - 1 / 9) ** 0.5, abs=0.01)


def test_small_and_thin_objects():
    labels = np.zeros((9, 9), np.uint16)
    labels[0, 0], labels[3, 3:8], labels[7, 7], labels[8, 8] = 1, 2, 3, 3
    found = measure(labels)
    assert found["area_px"].tolist() == [1, 5, 2]
    assert found["eccentricity"].tolist() == [0, 1, 1]
    assert (found["solidity"] <= 1).all()


def test_labels_may_be_large_and_leave_no_background():
    labels = np.array([[2**32 - 1, 7]], np.uint32)
    assert measure(labels)["cell"].tolist() == [7, 2**32 - 1]


def test_a_frame_without_objects():
    found = measure(np.zeros((4, 5), int), np.zeros((1, 4, 5)), (1, 1))
    assert set(map(len, found.values())) == {0}
    assert {"area_um2", "intensity_std_c1"} < set(found)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.float16, np.float32])
def test_intensities_of_every_kind(dtype):
    image = np.array([[[0, 1, 1]]], dtype)
    found = measure(np.array([[3, 3, 3]]), image)
    values = [found[f"intensity_{name}_c1"][0] for name in ("mean", "min", "max", "std")]
    assert values == pytest.approx([2 / 3, 0, 1, 2**0.5 / 3], rel=1e-3)


def test_an_image_of_another_shape():
    with pytest.raises(ValueError, match=r"expected an image \(C, \*\(2, 2\)\), got \(1, 3, 3\)"):
        measure(np.ones((2, 2), int), np.zeros((1, 3, 3)))
