import csv

import numpy as np
import pytest
from roifile import ImagejRoi

from napari_touchup.io.foreign import read_foreign
from napari_touchup.io.images import ImageFile, open_image
from napari_touchup.io.mask_files import ENDINGS, write_masks
from napari_touchup.io.tiff import PixelSize

LABELS = np.zeros((2, 6, 8), np.int64)
LABELS[0, 1:4, 1:5] = 3
LABELS[1, 2:5, 4:8] = 3
LABELS[1, 0:2, 0:2] = 7
MASKS = ImageFile(LABELS, "TYX", pixel=PixelSize(0.5, 0.25))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a.tif", "T 2, Y 6, X 8, pixel 0.25 um"),
        ("a.TIFF", "T 2, Y 6, X 8, pixel 0.25 um"),
        ("a.zip", "3 outlines"),
        ("a.geojson", "3 outlines"),
        ("a.csv", "3 objects"),
    ],
)
def test_what_is_written(tmp_path, name, said):
    assert write_masks(tmp_path / name, MASKS) == said
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("ending", [".zip", ".geojson"])
def test_outlines_come_back(tmp_path, ending):
    write_masks(tmp_path / f"a{ending}", MASKS)
    found = read_foreign(tmp_path / f"a{ending}", ImageFile(LABELS, "TYX")).masks
    np.testing.assert_array_equal(found.data, LABELS)


def test_a_label_image_has_axes_and_pixel_size(tmp_path):
    write_masks(tmp_path / "a.tif", MASKS)
    with open_image(tmp_path / "a.tif") as image:
        assert (image.axes, image.pixel) == ("TYX", MASKS.pixel)
        assert image.data.dtype == np.uint16


def test_a_table_measures_the_image(tmp_path):
    write_masks(tmp_path / "a.csv", MASKS, ImageFile(LABELS * 2.0, "TYX"))
    with (tmp_path / "a.csv").open() as file:
        rows = list(csv.DictReader(file))
    columns = ("file", "t", "cell", "area_px", "intensity_mean_c1")
    assert [tuple(row[name] for name in columns) for row in rows] == [
        ("a", "0", "3", "12", "6.0"), ("a", "1", "3", "12", "6.0"), ("a", "1", "7", "4", "14.0"),
    ]  # fmt: skip


def test_planes_of_a_hyperstack_are_said_as_imagej_counts_them(tmp_path):
    image = ImageFile(np.zeros((2, 3, 6, 8)), "TCYX")
    write_masks(tmp_path / "a.zip", MASKS, image)
    rois = ImagejRoi.fromfile(tmp_path / "a.zip")
    assert [(roi.t_position, roi.position) for roi in rois] == [(1, 0), (2, 0), (2, 0)]


@pytest.mark.parametrize("name", ["a.png", "a"])
def test_other_endings_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match=f"ends in {', '.join(ENDINGS)}, got {name}"):
        write_masks(tmp_path / name, MASKS)
