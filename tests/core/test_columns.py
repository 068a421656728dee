import numpy as np
import pytest

from napari_touchup.core.columns import named, shown
from napari_touchup.core.regions import measure

LABELS = np.array([[1, 1, 0, 2]])


def names(*args):
    return [column.title for column in shown(measure(*args, solidity=False))]


def test_titles_of_what_is_measured():
    assert names(LABELS) == [
        "cell", "area (px)", "perimeter (px)", "eccentricity", "neighbours", "y (px)", "x (px)",
    ]  # fmt: skip


def test_sizes_in_pixels_give_way_to_those_in_a_unit():
    titles = names(LABELS, None, (0.5, 0.5))
    assert "area (µm²)" in titles
    assert "x (µm)" in titles
    assert not any("px" in title for title in titles)


def test_sizes_of_pixels_that_are_not_square_have_units_too():
    titles = names(LABELS, None, (0.5, 2.0), "nm")
    assert {"area (nm²)", "perimeter (nm)"} < set(titles)


def test_channels_are_counted_where_there_are_several():
    image = np.zeros((1, 1, 4))
    assert {"mean", "min", "max", "std"} < set(names(LABELS, image))
    assert {"mean_c1", "std_c2"} < set(names(LABELS, np.concatenate([image, image])))


@pytest.mark.parametrize(
    ("word", "key"),
    [
        ("area", "area_um2"),
        ("AREA_PX", "area_px"),
        ("mean", "intensity_mean_c1"),
        ("Intensity_Mean_C1", "intensity_mean_c1"),
        ("cell", "cell"),
    ],
)
def test_what_a_person_means(word, key):
    found = named(word, ["cell", "area_px", "area_um2", "intensity_mean_c1"])
    assert found is not None
    assert found.key == key


def test_nothing_of_that_name():
    assert named("length", ["cell"]) is None


def test_every_column_says_what_it_is():
    table = measure(LABELS, np.zeros((2, 1, 4)), (1, 1))
    assert all(" " in column.told or column.told == "Area" for column in shown(table))
    assert shown(["intensity_std_c1", "intensity_std_c2"])[1].told.endswith(", channel 2")
