import csv
from queue import Queue

import numpy as np
import pytest

from napari_touchup.core.axes import Stack
from napari_touchup.core.regions import measure
from napari_touchup.session.measured import Cell, Source, measure_frames
from napari_touchup.session.measuring import Measuring
from napari_touchup.session.rows import Sort


def plane():
    """Cells 1, 2, 5 of 4, 6, 1 pixels; 1 and 2 touch."""
    labels = np.zeros((8, 10), np.uint16)
    labels[1:3, 1:3], labels[1:4, 3:5], labels[6, 8] = 1, 2, 5
    return labels


IMAGE = np.arange(80, dtype=np.uint16).reshape(8, 10)


class Desk:
    """Makes the calls of jobs, in order, when the test says so."""

    def __init__(self):
        self.calls = Queue()
        self.measuring = Measuring(dispatch=self.calls.put)

    def until(self, condition):
        while not condition():
            self.calls.get(timeout=20)()

    def measure(self, source):
        self.measuring.measure(source)
        self.until(lambda: self.measuring.status.kind in ("done", "failed"))

    def shown(self, key="cell"):
        return self.measuring.view.values(key).tolist()


@pytest.fixture
def desk():
    desk = Desk()
    yield desk
    desk.measuring.close()


def source(labels, axes="YX", **kwargs):
    return Source("cells", Stack(labels, axes), **kwargs)


def test_a_plane(desk):
    desk.measure(source(plane(), image=Stack(IMAGE, "YX")))
    assert desk.shown() == [1, 2, 5]
    assert desk.shown("area_px") == [4, 6, 1]
    assert desk.shown("neighbours") == [1, 1, 0]
    assert desk.shown("intensity_max_c1") == [22, 34, 68]
    assert desk.measuring.status.text == "3 objects, median area 4 px"
    assert desk.measuring.column == "area_px"
    assert [column.title for column in desk.measuring.view.table.shown()] == [
        "cell", "area (px)", "perimeter (px)", "eccentricity", "neighbours",
        "mean", "min", "max", "std", "y (px)", "x (px)",
    ]  # fmt: skip


def test_physical_units(desk):
    desk.measure(source(plane(), pixel=(0.5, 0.5)))
    assert desk.shown("area_um2") == [1.0, 1.5, 0.25]
    assert desk.measuring.column == "area_um2"
    assert desk.measuring.view.table.shown()[1].title == "area (µm²)"


def test_the_column_stays_when_a_unit_comes(desk):
    desk.measure(source(plane()))
    desk.measuring.column = "perimeter_px"
    desk.measure(source(plane(), pixel=(0.5, 0.5)))
    desk.until(lambda: desk.measuring.column == "perimeter_um")
    assert "median perimeter 2 µm" in desk.measuring.status.text
    desk.measuring.column = "eccentricity"
    desk.measure(source(plane(), pixel=(2, 2)))
    desk.until(lambda: desk.measuring._job is None)
    assert desk.measuring.column == "eccentricity"


def test_a_stack_and_channels_in_another_order(desk):
    labels = np.stack([plane(), plane() * 0, np.roll(plane(), 1, axis=0)])
    image = np.stack([np.stack([IMAGE + t, IMAGE * 0 + t]) for t in range(3)])  # TCYX
    desk.measure(source(labels, "TYX", image=Stack(image, "TCYX")))
    assert desk.shown("frame") == [0, 0, 0, 2, 2, 2]
    assert desk.shown("intensity_mean_c2") == [0, 0, 0, 2, 2, 2]
    view = desk.measuring.view
    assert view.table.cell(3) == Cell((2,), 1)
    assert view.table.row(Cell((2,), 5)) == 5
    assert view.table.row(Cell((1,), 5)) is None
    assert view.table.of_frame((2,)).tolist() == [False] * 3 + [True] * 3
    assert [column.name for column in view.table.shown()][:2] == ["frame", "cell"]


def test_two_axes_of_frames(desk):
    labels = np.zeros((2, 2, 4, 4), int)
    labels[1, 0, 0, 0] = 3
    desk.measure(source(labels, "TZYX", image=Stack(np.ones((2, 4, 4)), "ZYX")))
    table = desk.measuring.view.table
    assert table.cell(0) == Cell((1, 0), 3)
    assert table.columns["frame"].tolist() == [2]
    assert [column.name for column in table.shown()][:3] == ["t", "z", "cell"]


def test_filter_and_sort(desk):
    desk.measure(source(plane()))
    desk.measuring.sort = Sort("area_px", True)
    assert desk.shown() == [2, 1, 5]
    desk.measuring.filter = "area < 5"
    assert desk.shown() == [1, 5]
    assert desk.measuring.status.text == "2 of 3 objects, median area 2.5 px"
    desk.measuring.filter = "aera < 5"
    assert desk.shown() == [1, 5]
    assert desk.measuring.trouble == "There is no column “aera”; did you mean “area”?"
    desk.measuring.filter = ""
    assert desk.measuring.trouble == ""
    desk.measuring.sort = Sort()
    assert desk.shown() == [1, 2, 5]


def test_only_what_changed_is_measured_again(desk, monkeypatch):
    labels = np.stack([plane()] * 3)
    desk.measure(source(labels, "TYX"))
    view = desk.measuring.view
    desk.measuring.look_again([(1,)])
    desk.until(lambda: desk.measuring._job is None)
    assert desk.measuring.view is view  # nothing changed
    labels[1, 7, 0] = 9
    measured = []

    def spy(*args, **kwargs):
        measured.append(args)
        return measure(*args, **kwargs)

    monkeypatch.setattr("napari_touchup.session.measured.measure", spy)
    desk.measuring.look_again()
    desk.until(lambda: desk.measuring.view is not view)
    assert desk.shown("frame") == [0, 0, 0, 1, 1, 1, 1, 2, 2, 2]
    assert len(measured) == 1


def test_a_change_while_it_measures_is_seen(desk):
    labels = plane()
    desk.measuring.measure(source(labels))
    labels[7, 0] = 9
    desk.measuring.look_again()
    desk.until(lambda: desk.measuring._job is None)
    assert desk.shown() == [1, 2, 5, 9]


def test_other_labels_while_it_measures(desk):
    desk.measuring.measure(source(np.stack([plane()] * 20), "TYX"))
    desk.measure(source(plane()))
    assert desk.shown() == [1, 2, 5]
    desk.measuring.measure(None)
    assert desk.measuring.view is None
    assert desk.measuring.status.text == ""


def test_a_selected_object_that_is_gone(desk):
    labels = plane()
    desk.measure(source(labels))
    seen = []
    desk.measuring.visited.connect(seen.append)
    desk.measuring.go(Cell((), 5))
    assert seen == [Cell((), 5)]
    labels[labels == 5] = 0
    desk.measuring.look_again()
    desk.until(lambda: desk.shown() == [1, 2])
    assert desk.measuring.selected is None


def test_no_objects(desk):
    desk.measure(source(np.zeros((4, 4), int), pixel=(1, 1)))
    assert desk.measuring.status.text == "No objects"
    assert desk.shown() == []


def test_a_failure_is_told(desk):
    desk.measure(source(plane(), image=Stack(IMAGE[:4], "YX")))
    assert desk.measuring.status.kind == "failed"
    assert "expected an image" in desk.measuring.status.failure.what
    assert desk.measuring.view is None
    desk.measure(source(plane()))
    assert desk.shown() == [1, 2, 5]


def test_the_csv_is_the_table(desk, tmp_path):
    desk.measure(source(plane(), image=Stack(IMAGE, "YX"), pixel=(0.5, 0.5)))
    desk.measuring.filter = "area > 0.5"
    desk.measuring.sort = Sort("area_um2", True)
    desk.measuring.save(tmp_path / "cells.csv")
    desk.until(lambda: "Wrote" in desk.measuring.status.text)
    assert desk.measuring.status.text == "Wrote 2 rows to cells.csv"
    with (tmp_path / "cells.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == ["cells", "cells"]
    assert [row["cell"] for row in rows] == ["2", "1"]
    for key in desk.measuring.view.table.columns:
        assert [float(row[key]) for row in rows] == desk.shown(key), key


def test_a_csv_that_cannot_be_written(desk, tmp_path):
    desk.measure(source(plane()))
    desk.measuring.save(tmp_path / "no folder" / "cells.csv")
    desk.until(lambda: desk.measuring.status.kind == "failed")
    assert desk.measuring.status.text == "Nothing was saved."
    assert desk.shown() == [1, 2, 5]


def test_events_of_a_job():
    events = list(measure_frames(source(np.stack([plane()] * 2), "TYX"), [(0,), (1,)], {}))
    assert [event.index for event in events] == [(0,), (1,)]
    again = list(measure_frames(source(plane()), [()], {(): events[0].checksum}))
    assert again[0].columns is None
