import csv

import numpy as np
import pytest

from napari_touchup.core.regions import measure
from napari_touchup.io.images import ImageFile
from napari_touchup.io.measurements import measure_file, summary, write_cells, write_summary
from napari_touchup.io.tiff import PixelSize


def film(axes="TYX"):
    labels = np.zeros((3, 8, 9), np.uint16)
    labels[0, 1:4, 1:5] = 4
    labels[2, 2:5, 2:6], labels[2, 6, 6] = 4, 9
    return ImageFile(labels, axes)


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_frame_is_measured_by_itself():
    found = measure_file(film())
    assert list(found)[:4] == ["frame", "t", "cell", "area_px"]
    assert found["frame"].tolist() == found["t"].tolist() == [0, 2, 2]
    assert found["cell"].tolist() == [4, 4, 9]
    last = measure(film().data[2])
    for name, values in last.items():
        np.testing.assert_array_equal(found[name][1:], values)


def test_frames_of_two_axes():
    labels = np.zeros((2, 3, 4, 4), np.uint8)
    labels[1, 2, 0, 0] = 1
    found = measure_file(ImageFile(labels, "TZYX"))
    assert [found[name].tolist() for name in ("frame", "t", "z")] == [[5], [1], [2]]


def test_what_a_person_said_of_objects():
    states = {(0,): {4: "confirmed"}, (2,): {9: "corrected"}}
    found = measure_file(film(), states=states)
    assert found["state"].tolist() == ["confirmed", "model", "corrected"]
    counts = summary(found, film())
    assert {name: counts[name] for name in ("cells", "model", "corrected", "confirmed")} == {
        "cells": 3, "model": 1, "corrected": 1, "confirmed": 1,
    }  # fmt: skip


def test_masks_of_unknown_origin_have_no_state():
    found = measure_file(film())
    assert "state" not in found
    assert "model" not in summary(found, film())


@pytest.mark.parametrize("axes", ["TCYX", "ZCYX"])
def test_intensities_of_the_same_frame(axes):
    raw = np.random.default_rng(0).integers(0, 99, (3, 2, 8, 9))
    found = measure_file(film("TYX"), ImageFile(raw, axes))
    assert found["intensity_mean_c2"][2] == raw[2, 1, 6, 6]
    assert found["intensity_max_c1"][0] == raw[0, 0, 1:4, 1:5].max()


def test_axes_in_another_order():
    raw = np.random.default_rng(0).integers(0, 99, (4, 3, 2, 5))  # Y T Z X
    labels = np.zeros((3, 2, 4, 5), np.uint8)
    labels[2, 1, 3, 4] = 1
    found = measure_file(ImageFile(labels, "TZYX"), ImageFile(raw, "YTZX"))
    assert found["intensity_mean_c1"].tolist() == [raw[3, 2, 1, 4]]


@pytest.mark.parametrize(
    ("shape", "axes"),
    [((1, 1, 1, 8, 9), "TZCYX"), ((8, 9), "YX"), ((1, 8, 9), "ZYX"), ((8, 9, 1), "YXC")],
)
def test_axes_of_one_place_are_no_matter(shape, axes):
    labels = ImageFile(film().data[:1], "TYX")
    found = measure_file(labels, ImageFile(np.ones(shape), axes))
    assert found["intensity_mean_c1"].tolist() == [1.0]


@pytest.mark.parametrize(
    ("shape", "axes", "told"),
    [
        ((3, 8, 8), "TYX", "T 3, Y 8, X 9 and T 3, Y 8, X 8"),
        ((2, 8, 9), "TYX", "T 3, Y 8, X 9 and T 2, Y 8, X 9"),
        ((8, 9), "YX", "T 3, Y 8, X 9 and Y 8, X 9"),
        ((3, 3, 8, 9), "TZYX", "T 3, Y 8, X 9 and T 3, Z 3, Y 8, X 9"),
    ],
)
def test_an_image_of_other_frames(shape, axes, told):
    with pytest.raises(ValueError, match=f"expected an image of the frames .*, got {told}"):
        measure_file(film(), ImageFile(np.zeros(shape), axes))


def test_alpha_is_no_colour():
    labels = ImageFile(np.ones((2, 2), int), "YX")
    found = measure_file(labels, ImageFile(np.zeros((2, 2, 4), np.uint8), "YXC", rgb=True))
    assert "intensity_mean_c3" in found
    assert "intensity_mean_c4" not in found


def test_the_pixel_size_is_that_of_the_masks_or_else_of_the_image():
    labels, size = np.ones((2, 3), int), PixelSize(0.5, 0.5)
    raw = ImageFile(np.zeros((2, 3)), "YX", pixel=PixelSize(2, 2, unit="nm"))
    assert measure_file(ImageFile(labels, "YX", pixel=size), raw)["area_um2"] == [1.5]
    assert measure_file(ImageFile(labels, "YX"), raw)["area_nm2"] == [24]


def test_summary():
    found = summary(measure_file(film()), film())
    assert (found["frames"], found["cells"], found["median_area_px"]) == (3, 3, 12)
    assert found["covered"] == pytest.approx(25 / 216)
    assert found["mean_area_px"] == pytest.approx(25 / 3)
    assert not {"mean_frame", "mean_cell", "mean_y_px"} & set(found)


def test_tables_say_the_same_as_the_numbers(tmp_path):
    raw = ImageFile(np.random.default_rng(0).random((3, 8, 9)), "TYX")
    tables = {"a.tif": measure_file(film(), raw), "b.tif": measure_file(film())}
    write_cells(tmp_path / "cells.csv", tables)
    rows = read(tmp_path / "cells.csv")
    assert list(rows[0])[:5] == ["file", "frame", "t", "cell", "area_px"]
    assert [row["file"] for row in rows] == ["a.tif"] * 3 + ["b.tif"] * 3
    for name, values in tables["a.tif"].items():
        assert [float(row[name]) for row in rows[:3]] == values.tolist()
    assert {row["intensity_mean_c1"] for row in rows[3:]} == {""}
    assert rows[0]["area_px"] == "12"


def test_no_numbers_are_empty(tmp_path):
    blank = ImageFile(np.zeros((4, 4), int), "YX")
    hole = ImageFile(np.full((4, 4), np.nan), "YX")
    full = ImageFile(np.ones((4, 4), int), "YX")
    rows = {name: summary(measure_file(m, hole), m) for name, m in (("a", blank), ("b", full))}
    write_summary(tmp_path / "images.csv", rows)
    first, second = read(tmp_path / "images.csv")
    assert (first["file"], first["cells"], first["mean_area_px"]) == ("a", "0", "")
    assert (second["mean_area_px"], second["mean_intensity_mean_c1"]) == ("16.0", "")
    write_cells(tmp_path / "cells.csv", {"a": measure_file(blank)})
    assert read(tmp_path / "cells.csv") == []
    assert (tmp_path / "cells.csv").read_text().startswith("file,frame,cell,area_px,")
