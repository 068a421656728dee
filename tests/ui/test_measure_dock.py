"""The dock in a real viewer, with a real mouse."""

import csv
from pathlib import Path

import numpy as np
import pytest
from napari.utils.colormaps import CyclicLabelColormap, DirectLabelColormap
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog

from napari_touchup.session.hits import HIT, MISS
from napari_touchup.session.measured import Cell
from napari_touchup.ui.measure_dock import MeasureDock


def cells_of():
    """1 and 2 touch; 5 is alone."""
    data = np.zeros((40, 60), np.uint16)
    data[4:12, 4:12], data[4:12, 12:22], data[24:36, 40:56] = 1, 2, 5
    return data


@pytest.fixture
def window(make_napari_viewer, qtbot):
    viewer = make_napari_viewer()
    dock = MeasureDock(viewer)
    viewer.window.add_dock_widget(dock, area="bottom")
    return Window(viewer, dock, qtbot)


class Window:
    def __init__(self, viewer, dock, qtbot):
        self.viewer, self.dock, self.qtbot = viewer, dock, qtbot

    @property
    def rows(self):
        model = self.dock.measure.table.model()
        return [model.data(model.index(row, 0)) for row in range(model.rowCount())]

    @property
    def selected(self):
        selection = self.dock.measure.table.selectionModel()
        return [index.row() for index in selection.selectedRows()]

    def until(self, condition):
        self.qtbot.waitUntil(condition, timeout=10_000)

    def add(self, data=None, **kwargs):
        layer = self.viewer.add_labels(cells_of() if data is None else data, **kwargs)
        self.until(lambda: self.dock.measuring.status.kind == "done")
        return layer

    def filter(self, text):
        self.dock.measure.filter.setText(text)
        self.dock.measure.filter.editingFinished.emit()

    def choose(self, combo, text):
        combo.setCurrentIndex(combo.findText(text))
        combo.activated.emit(combo.currentIndex())


def test_without_layers(window):
    assert window.rows == []
    assert window.dock.choice.labels is None
    assert not window.dock.measure.save.isEnabled()


def test_layers_are_offered(window):
    viewer, choice = window.viewer, window.dock.choice
    image = viewer.add_image(np.ones((40, 60)), name="cells")
    viewer.add_image(np.ones((41, 60)), name="other")
    labels = window.add(name="cells masks")
    assert (choice.labels, choice.image) == (labels, image)
    assert [choice.image_box.itemText(n) for n in range(2)] == ["No image", "cells"]
    labels.name = "nuclei"
    assert choice.labels_box.currentText() == "nuclei"
    viewer.layers.remove(image)
    assert choice.image is None
    viewer.layers.remove(labels)
    assert choice.labels is None
    window.until(lambda: window.rows == [])


def test_a_table_with_units_and_intensities(window):
    window.viewer.add_image(np.full((40, 60), 7.0), name="cells")
    window.add(name="cells masks", scale=(0.5, 0.5), units="um")
    window.until(lambda: window.rows == ["1", "2", "5"])
    model = window.dock.measure.table.model()
    titles = [column.title for column in model.columns]
    row = [model.data(model.index(2, column)) for column in range(len(titles))]
    found = dict(zip(titles, row, strict=True))
    assert found["area (µm²)"] == "48"
    assert found["mean"] == "7"
    assert window.dock.measure.status.text.text() == "3 objects, median area 20 µm²"


def test_a_click_on_a_row_goes_to_the_object(window):
    labels = window.add(scale=(2, 2))
    other = window.viewer.add_image(np.zeros((40, 60)))
    window.viewer.layers.selection.active = other
    window.dock.measure.table.selectRow(2)
    # the middle of rows 24...35 and columns 40...55
    assert window.viewer.scene.camera.center[-2:] == pytest.approx((59, 95))
    assert labels.selected_label == 5
    assert window.viewer.layers.selection.active is labels
    assert window.dock.measure.histogram.mark.value() == 12 * 16 * 4


def outlined(window):
    """Corners of the outline that is seen: lowest and highest value along each axis."""
    layer = window.dock.outline.layer
    if layer is None or not layer.visible:
        return None
    corners = np.concatenate(layer.data)
    return [*corners.min(axis=0).tolist(), *corners.max(axis=0).tolist()]


def test_the_chosen_object_is_outlined(window):
    labels = window.add(scale=(2, 2), translate=(100, 200))
    before = labels.data.copy(), labels.colormap
    window.dock.measure.table.selectRow(2)
    window.until(lambda: outlined(window) == [23.5, 39.5, 35.5, 55.5])
    layer = window.dock.outline.layer
    assert window.viewer.layers.selection.active is labels
    assert layer.data_to_world(layer.data[0][0]) == pytest.approx((147, 279))
    assert layer.edge_color.tolist() == [[0, 0, 0, 1], [1, 1, 1, 1]]  # white over black
    window.viewer.scene.camera.zoom = 4
    assert layer.edge_width == [7 / 8, 3 / 8]  # 7 and 3 pixels on the screen
    window.dock.measure.table.selectRow(0)
    window.until(lambda: outlined(window) == [3.5, 3.5, 11.5, 11.5])
    assert np.array_equal(labels.data, before[0])
    assert labels.colormap is before[1]


def test_the_outline_follows_its_object_and_goes_with_it(window):
    labels = window.add()
    window.dock.measure.table.selectRow(2)
    window.until(lambda: outlined(window) is not None)
    labels.data_setitem((np.arange(24, 36), np.full(12, 56)), 5)
    assert outlined(window) is None  # a stroke: it must not hide what is painted
    labels.undo()
    window.dock.measure.table.selectRow(1)
    window.until(lambda: outlined(window) == [3.5, 11.5, 11.5, 21.5])
    labels.data = np.where((cells_of() == 2).cumsum(axis=1) > 3, 0, cells_of())
    window.until(lambda: outlined(window) == [3.5, 11.5, 11.5, 14.5])
    labels.data = np.where(cells_of() == 2, 0, cells_of())
    window.until(lambda: outlined(window) is None)


def test_the_outline_goes_with_the_labels_and_is_back_with_others(window):
    labels = window.add()
    window.dock.measure.table.selectRow(2)
    window.until(lambda: outlined(window) is not None)
    window.viewer.layers.remove(labels)
    assert outlined(window) is None
    window.add(np.stack([cells_of()] * 2))
    window.until(lambda: len(window.rows) == 6)
    window.dock.measure.table.selectRow(5)
    window.until(lambda: outlined(window) == [1, 23.5, 39.5, 1, 35.5, 55.5])
    window.viewer.layers.remove(window.dock.outline.layer)
    assert window.dock.outline.layer is None
    window.dock.measure.table.selectRow(0)
    window.until(lambda: outlined(window) == [0, 3.5, 3.5, 0, 11.5, 11.5])


def test_an_object_with_a_hole_and_two_pieces_is_outlined_whole(window):
    data = np.zeros((12, 20), np.uint8)
    data[1:8, 1:8], data[3, 3], data[10, 15] = 4, 0, 4
    window.add(data)
    window.dock.measure.table.selectRow(0)
    window.until(lambda: outlined(window) == [0.5, 0.5, 10.5, 15.5])
    assert len(window.dock.outline.layer.data) == 2 * 3


def test_a_row_of_another_frame(window):
    data = np.stack([cells_of(), cells_of() * 0, cells_of()])
    window.add(data)
    window.until(lambda: len(window.rows) == 6)
    window.viewer.dims.set_current_step(0, 0)
    window.dock.measure.table.selectRow(5)
    assert window.viewer.dims.current_step[0] == 2
    assert window.dock.measuring.selected == Cell((2,), 5)


def test_labels_chosen_in_napari_select_their_row(window):
    labels = window.add()
    window.until(lambda: len(window.rows) == 3)
    labels.selected_label = 2
    assert window.selected == [1]
    labels.selected_label = 77
    assert window.selected == [1]


def test_a_click_on_the_canvas_selects_the_row(shown, qtbot):
    viewer, hand = shown
    dock = MeasureDock(viewer)
    viewer.window.add_dock_widget(dock, area="bottom")
    hand.layer = viewer.add_labels(cells_of())
    window = Window(viewer, dock, qtbot)
    window.until(lambda: len(window.rows) == 3)
    viewer.add_image(np.zeros((40, 60)), opacity=0.1)  # active: it need not be the labels layer
    viewer.reset_view()
    centre = viewer.scene.camera.center
    hand.drag((30, 48))
    window.until(lambda: window.selected == [2])
    assert viewer.scene.camera.center == centre
    hand.drag((8, 8), (20, 30))  # moves the image, and is no click
    assert window.selected == [2]
    hand.drag((38, 2))  # background
    assert window.selected == []
    window.until(lambda: outlined(window) is None)
    hand.drag((8, 8))
    window.until(lambda: outlined(window) == [3.5, 3.5, 11.5, 11.5])
    viewer.layers.selection.active = hand.layer
    hand.layer.mode = "paint"
    hand.layer.selected_label = 5
    assert window.selected == [2]
    hand.drag((8, 8))  # a stroke
    assert window.selected == [2]


def test_filter(window):
    window.add()
    window.filter("area > 70 and neighbours = 1")
    assert window.rows == ["2"]
    assert window.dock.measure.status.text.text().startswith("1 of 3 objects")
    window.filter("aera > 70")
    assert window.rows == ["2"]
    assert not window.dock.measure.trouble.isHidden()
    assert window.dock.measure.trouble.text() == "There is no column “aera”; did you mean “area”?"
    window.filter("")
    assert window.rows == ["1", "2", "5"]
    assert window.dock.measure.trouble.isHidden()


def test_the_filter_is_read_while_one_types(window):
    window.add()
    field = window.dock.measure.filter
    window.qtbot.keyClicks(field, "cell > 1")
    window.until(lambda: window.rows == ["2", "5"])


def test_titles_sort(window):
    window.add()
    window.dock.measure.table.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    assert window.rows == ["5", "2", "1"]


def test_colours_come_and_go(window):
    labels = window.add()
    before = labels.colormap
    window.dock.measure.coloured.setChecked(True)
    window.until(lambda: isinstance(labels.colormap, DirectLabelColormap))
    colours = np.array([labels.get_color(label) for label in (1, 2, 5)])
    np.testing.assert_allclose(colours[0, :3], [0.267, 0.005, 0.329], atol=0.01)  # viridis
    np.testing.assert_allclose(colours[2, :3], [0.993, 0.906, 0.144], atol=0.01)
    window.filter("area > 70")
    window.until(lambda: labels.get_color(1)[0] == pytest.approx(0.6))  # grey
    window.choose(window.dock.measure.column, "neighbours")
    window.until(lambda: labels.get_color(2)[0] > 0.9)
    window.dock.measure.coloured.setChecked(False)
    assert labels.colormap is before


def test_colours_are_those_of_the_frame(window):
    data = np.stack([cells_of(), np.where(cells_of() == 5, 1, 0)])
    labels = window.add(data)
    window.viewer.dims.set_current_step(0, 0)
    window.dock.measure.coloured.setChecked(True)
    window.until(lambda: isinstance(labels.colormap, DirectLabelColormap))
    assert labels.get_color(1)[0] < 0.3
    window.viewer.dims.set_current_step(0, 1)
    window.until(lambda: labels.get_color(1)[0] > 0.9)


def test_other_labels_give_the_colours_back(window):
    first = window.add(name="first")
    second = window.viewer.add_labels(cells_of(), name="second")
    window.dock.measure.coloured.setChecked(True)
    window.until(lambda: isinstance(first.colormap, DirectLabelColormap))
    window.choose(window.dock.choice.labels_box, "second")
    window.until(lambda: isinstance(second.colormap, DirectLabelColormap))
    assert isinstance(first.colormap, CyclicLabelColormap)


def test_colours_that_a_person_chose_meanwhile_stay(window):
    labels = window.add()
    window.dock.measure.coloured.setChecked(True)
    window.until(lambda: isinstance(labels.colormap, DirectLabelColormap))
    labels.new_colormap()
    chosen = labels.colormap
    window.dock.measure.coloured.setChecked(False)
    assert labels.colormap is chosen


def test_the_table_follows_edits(window):
    labels = window.add()
    labels.data_setitem((np.array([38, 38]), np.array([1, 2])), 9)
    window.until(lambda: window.rows == ["1", "2", "5", "9"])
    labels.undo()
    window.until(lambda: window.rows == ["1", "2", "5"])
    labels.data = np.where(cells_of() == 2, 0, cells_of())
    window.until(lambda: window.rows == ["1", "5"])
    labels.scale = (3, 3)
    window.until(lambda: "unit²" in window.dock.measure.status.text.text())


def test_an_edit_in_a_frame_that_is_not_shown(window):
    data = np.stack([cells_of()] * 3)
    labels = window.add(data)
    window.viewer.dims.set_current_step(0, 0)
    labels.data_setitem((np.array([2, 2]), np.array([38, 38]), np.array([1, 2])), 9)
    window.until(lambda: len(window.rows) == 10)


def test_the_csv_is_the_table(window, monkeypatch, tmp_path):
    window.viewer.add_image(np.arange(2400.0).reshape(40, 60), name="cells")
    window.add(name="cells masks")
    window.filter("area > 70")
    path = tmp_path / "table"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: (str(path), ""))
    window.dock.measure.save.click()
    window.until(lambda: window.dock.measuring.status.text == "Wrote 2 rows to table.csv")
    with Path(f"{path}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    view = window.dock.measuring.view
    assert [row["cell"] for row in rows] == window.rows
    for key in view.table.columns:
        assert [float(row[key]) for row in rows] == view.values(key).tolist()


def test_a_layer_that_is_removed_while_it_is_measured(window):
    labels = window.viewer.add_labels(np.stack([cells_of()] * 200))
    window.viewer.layers.remove(labels)
    assert window.dock.choice.labels is None
    window.qtbot.wait(300)
    assert window.rows == []


def test_score(window):
    labels = window.add(name="masks")
    truth = cells_of()
    truth[truth == 1] = 0
    truth[20:23, 2:30] = 8
    window.viewer.add_labels(truth, name="truth")
    dock = window.dock
    assert dock.choice.labels is labels
    dock.tabs.setCurrentIndex(1)
    window.choose(dock.score.truth, "truth")
    window.until(lambda: dock.scoring.scored is not None)
    values = {
        dock.score.table.item(row, 0).text(): dock.score.table.item(row, 1).text()
        for row in range(dock.score.table.rowCount())
    }
    expected = {"AP50": "0.500", "F1": "0.667", "precision": "0.667", "SEG": "0.667"}
    assert expected.items() <= values.items()
    assert "warping error" not in values
    assert [label.text().split("> ")[-1] for label in dock.score.legend.values()] == [
        "2 hits (solid)", "1 missed (dashed)", "1 false (dotted)",
    ]  # fmt: skip
    dock.score.warping.setChecked(True)
    window.until(lambda: dock.score.table.rowCount() == 16)


def test_hits_and_misses_come_and_go(window):
    window.add(name="masks")
    truth = cells_of()
    truth[20:23, 2:30] = 8
    window.viewer.add_labels(truth, name="truth")
    dock, layers = window.dock, window.viewer.layers
    dock.tabs.setCurrentIndex(1)
    window.choose(dock.score.truth, "truth")
    window.until(lambda: dock.score.outlines.isEnabled())
    active = layers.selection.active
    dock.score.outlines.setChecked(True)
    layer = layers["masks hits and misses"]
    assert layers.selection.active is active
    assert set(np.unique(layer.data)) == {0, HIT, MISS}
    assert dock.choice.labels_box.findText(layer.name) < 0
    layers["masks"].data_setitem((np.array([38]), np.array([1])), 9)
    window.until(lambda: layer.data[38, 1] != 0)  # a false object
    dock.score.outlines.setChecked(False)
    assert layer not in layers
    dock.score.outlines.setChecked(True)
    layers.remove("masks hits and misses")
    assert not dock.score.outlines.isChecked()


def test_frames_are_scored_alone_or_together(window):
    window.add(np.stack([cells_of(), cells_of()]), name="masks")
    window.viewer.add_labels(np.stack([cells_of(), cells_of() * 0]), name="truth")
    dock = window.dock
    window.viewer.dims.set_current_step(0, 0)
    dock.tabs.setCurrentIndex(1)
    window.choose(dock.score.truth, "truth")
    window.until(lambda: dock.scoring.scored is not None)
    assert dock.scoring.status.text == "3 hits, 0 misses, 0 false objects"
    window.viewer.dims.set_current_step(0, 1)
    window.until(lambda: dock.scoring.status.text == "0 hits, 0 misses, 3 false objects")
    window.choose(dock.score.frames, "All frames")
    window.until(lambda: dock.scoring.status.text == "3 hits, 0 misses, 3 false objects")
    assert not dock.score.warping.isEnabled()


def test_stacks_are_scored_as_volumes(window):
    stack = np.stack([cells_of(), cells_of()])
    half = np.stack([cells_of(), cells_of() * 0])
    labels = window.add(half, name="masks", axis_labels=("z", "y", "x"))
    truth = window.viewer.add_labels(stack, name="truth", axis_labels=("z", "y", "x"))
    dock = window.dock
    dock.tabs.setCurrentIndex(1)
    window.choose(dock.score.truth, "truth")
    window.choose(dock.score.frames, "All frames")
    window.until(lambda: dock.scoring.status.text == "3 hits, 3 misses, 0 false objects")
    window.choose(dock.score.frames, "All as volumes (Z)")
    window.until(lambda: dock.scoring.status.text == "3 hits, 0 misses, 0 false objects")
    dock.score.outlines.setChecked(True)
    assert dock.score.hits.layer.data[0].any()
    # a film has no volumes
    for layer in (labels, truth):
        window.viewer.layers.remove(layer)
    window.add(stack, name="film", axis_labels=("t", "y", "x"))
    assert dock.score.frames.findText("All as volumes (Z)") == -1


def test_a_truth_that_is_removed(window):
    window.add(name="masks")
    window.viewer.add_labels(cells_of(), name="truth")
    dock = window.dock
    dock.tabs.setCurrentIndex(1)
    window.choose(dock.score.truth, "truth")
    window.until(lambda: dock.scoring.scored is not None)
    window.viewer.layers.remove("truth")
    assert dock.scoring.scored is None
    assert dock.score.table.rowCount() == 0


def test_a_closed_dock_lets_go(window):
    labels = window.add()
    window.dock.measure.coloured.setChecked(True)
    window.until(lambda: isinstance(labels.colormap, DirectLabelColormap))
    window.dock.measure.table.selectRow(2)
    window.until(lambda: outlined(window) is not None)
    window.viewer.window.remove_dock_widget(window.dock)
    with window.qtbot.waitSignal(window.dock.destroyed):
        window.dock.deleteLater()
    window.until(lambda: isinstance(labels.colormap, CyclicLabelColormap))
    assert list(window.viewer.layers) == [labels]
    window.viewer.add_labels(cells_of())
    labels.data_setitem((np.array([38]), np.array([1])), 9)
    window.qtbot.wait(400)


def test_tooltips(window):
    dock = window.dock
    controls = (
        dock.choice.labels_box, dock.choice.image_box, dock.measure.filter, dock.measure.column,
        dock.measure.coloured, dock.measure.save, dock.score.truth, dock.score.frames,
        dock.score.warping, dock.score.outlines,
    )  # fmt: skip
    assert all(control.toolTip() for control in controls)
