"""The versions of a project in a real window."""

import numpy as np
import pytest
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractItemView, QApplication, QFileDialog, QLineEdit

from napari_touchup.core.delta import compare
from napari_touchup.core.entries import Version
from napari_touchup.core.scores import Pair, Scores
from napari_touchup.nn.header import DEFAULT_MODEL, read_header
from napari_touchup.session.session import Session
from napari_touchup.ui.dispatch import QueuedDispatch
from napari_touchup.ui.dock import TouchUpDock
from napari_touchup.ui.versions_table import NAME, row_of, scores_text

SCORES = Scores((Pair(0.61, 0.78),) * 4, (Pair(0.9, 0.92),) * 2, old_skill=Pair(0.7, 0.69))


@pytest.fixture
def window(make_napari_viewer, fake_network, model_choice):
    """A viewer with the dock in it."""
    viewer = make_napari_viewer()
    session = Session(network=fake_network, dispatch=QueuedDispatch())
    dock = TouchUpDock(viewer, session)
    viewer.window.add_dock_widget(dock, name="Touch-Up")
    yield viewer, dock
    fake_network.gate.set()
    dock.compare.close()
    dock.binding.close()


@pytest.fixture
def panel(window, spots, model_file, qtbot):
    """Of a project with the bundled model and two that it learned; the second is in use."""
    viewer, dock = window
    viewer.add_image(spots(90, 60), name="cells")
    dock.run.segment.click()
    qtbot.waitUntil(lambda: not dock.session.running)
    tools = dock.session.tools(dock.session.image)
    after = tools.state(()).labels.copy()
    after[24:28, 40:44] = 9
    tools.stroke("brush", {(): compare(tools.state(()).labels, after)})
    qtbot.waitUntil(lambda: dock.session.project.ledger.folder is not None)
    versions = dock.session.versions
    root = versions.root(DEFAULT_MODEL)
    for _ in range(2):
        candidate = model_file("c.safetensors", training={"steps": 150})
        version = versions.add(candidate, root, 16, SCORES.as_json())
    dock.models.use(version)
    dock.model.manage.click()
    return dock.versions


def cells(panel):
    table = panel.table
    return [
        [table.item(row, column).text() for column in (0, NAME, 2, 4, 5)]
        for row in range(table.rowCount())
    ]


def select(panel, name):
    panel.table.selectRow([row[1] for row in cells(panel)].index(name))


def enabled(panel):
    return {
        name for name, button in panel.buttons.items() if button.isEnabled() and button.isVisible()
    }


def test_the_table(panel):
    assert panel.isVisible()
    assert not panel.isModal()
    assert cells(panel) == [
        ["●", "version 2", "default", "16", "0.61 → 0.78"],
        ["", "version 1", "default", "16", "0.61 → 0.78"],
        ["", "default", "–", "–", "–"],
    ]
    assert panel.bin.text() == "Bin (0)"


def test_it_fits_a_laptop(window, panel):
    viewer, _ = window
    viewer.window.resize(1280, 800)
    assert panel.minimumSizeHint().width() <= panel.width() <= 700
    assert panel.height() <= 300
    assert panel.table.horizontalHeader().length() <= panel.table.viewport().width()


def test_everything_has_a_tooltip(panel):
    panel.compare.show()
    buttons = [*panel.buttons.values(), panel.bin, panel.compare.flip, panel.compare.end]
    assert [button.text() for button in buttons if not button.toolTip()] == []
    table = panel.table
    for column in range(1, table.columnCount()):
        assert table.horizontalHeaderItem(column).toolTip()
        assert all(table.item(row, column).toolTip() for row in range(table.rowCount()))
    lines = table.item(0, 5).toolTip().splitlines()
    assert lines == [
        "Mended cells kept for checking (4): IoU 0.61 → 0.78",
        "Confirmed cells kept for checking (2): IoU 0.90 → 0.92",
        "Fewer than 10 mended cells: too few to be sure",
        "Old skill, on synthetic images: AP50 0.70 → 0.69",
    ]


def test_what_can_be_done(panel):
    panel.table.clearSelection()
    assert enabled(panel) == {"import"}
    select(panel, "version 1")
    assert enabled(panel) == {"use", "compare", "rename", "export", "import", "delete"}
    select(panel, "version 2")
    assert enabled(panel) == {"rename", "export", "import"}  # it is in use


def test_what_can_be_done_in_a_project_of_another_window(window, panel, monkeypatch):
    _, dock = window
    monkeypatch.setattr(dock.session.project.ledger._writer.store, "read_only", True)
    select(panel, "version 1")
    assert enabled(panel) == {"use", "compare", "export", "import"}
    assert panel.table.editTriggers() == QAbstractItemView.EditTrigger.NoEditTriggers


def test_use(window, panel):
    _, dock = window
    select(panel, "version 1")
    panel.buttons["use"].click()
    assert dock.session.model.path.name == "version-1.safetensors"
    assert dock.model.model.currentText() == "version 1"
    assert [row[0] for row in cells(panel)] == ["", "●", ""]
    dock.model.model.setCurrentIndex(dock.model.model.findText("version 2"))
    dock.model.model.activated.emit(dock.model.model.currentIndex())
    assert [row[0] for row in cells(panel)] == ["●", "", ""]


def test_rename_in_place(window, panel, qtbot):
    _, dock = window
    select(panel, "version 1")
    panel.buttons["rename"].click()
    assert panel.table.state() == QAbstractItemView.State.EditingState
    (field,) = panel.table.findChildren(QLineEdit)
    field.selectAll()
    QTest.keyClicks(field, "my cells")
    QTest.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: dock.session.versions.all()[1].name == "my cells")
    assert cells(panel)[1][1] == "my cells"
    assert dock.model.model.findText("my cells") >= 0
    assert panel.isVisible()  # Enter pressed no button


def test_an_empty_name_is_refused(window, panel):
    _, dock = window
    panel.table.item(1, NAME).setText("  ")
    assert cells(panel)[1][1] == "version 1"
    assert "expected a name" in dock.session.status.text


def test_a_name_that_was_given_elsewhere_is_shown(window, panel):
    _, dock = window
    versions = dock.session.versions
    versions.rename(versions.all()[0], "nuclei")
    assert [row[2] for row in cells(panel)] == ["nuclei", "nuclei", "–"]


def test_delete_and_take_back(window, panel):
    _, dock = window
    select(panel, "version 1")
    panel.buttons["delete"].click()
    assert [row[1] for row in cells(panel)] == ["version 2", "default"]
    assert dock.model.model.findText("version 1") == -1
    assert panel.bin.text() == "Bin (1)"
    panel.bin.click()
    assert [row[1] for row in cells(panel)] == ["version 1"]
    select(panel, "version 1")
    assert enabled(panel) == {"export", "back"}
    panel.buttons["back"].click()
    assert not panel.hint.isHidden()
    panel.bin.click()
    assert len(cells(panel)) == 3


def test_export(window, panel, tmp_path, monkeypatch):
    _, dock = window
    target = tmp_path / "for Anna"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: (str(target), ""))
    select(panel, "version 1")
    panel.buttons["export"].click()
    header = read_header(tmp_path / "for Anna.safetensors")
    assert (header.name, header.training) == ("for Anna", {"steps": 150})
    assert "for Anna.safetensors" in dock.run.status.text()


def test_import(window, panel, model_file, monkeypatch):
    _, dock = window
    answer = str(model_file("w.safetensors", name="worms")), ""
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *args: answer)
    panel.buttons["import"].click()
    assert cells(panel)[0] == ["●", "worms", "–", "–", "–"]
    assert dock.session.model.header.name == "worms"


def test_compare_flips_and_changes_nothing(window, panel, fake_network, qtbot):
    viewer, dock = window
    dock.comparison.network = lambda: fake_network
    fake_network.make_masks, shown = found_elsewhere, dock.binding.current.masks
    before, active = shown.data.copy(), viewer.layers.selection.active
    select(panel, "version 1")
    panel.buttons["compare"].click()
    qtbot.waitUntil(lambda: dock.compare.layer is not None)
    layer = dock.compare.layer
    assert layer.name == "cells version 1"
    assert (layer.visible, layer.editable, shown.visible) == (True, False, False)
    assert viewer.layers.selection.active is active
    assert panel.compare.text.text() == "With “version 1”: 2 of 3 cells change, and 1 more."
    QTest.mousePress(panel.compare.flip, Qt.MouseButton.LeftButton)
    assert (layer.visible, shown.visible) == (False, True)
    QTest.mouseRelease(panel.compare.flip, Qt.MouseButton.LeftButton)
    assert (layer.visible, shown.visible) == (True, False)
    panel.compare.end.click()
    assert layer not in viewer.layers
    assert shown.visible
    np.testing.assert_array_equal(shown.data, before)
    assert dock.session.model.path.name == "version-2.safetensors"


def found_elsewhere(maps, output, instances):
    masks = np.zeros(maps.shape[1:], np.uint16)
    masks[16:24, 50:60] = 1
    return masks


@pytest.mark.parametrize("how", ["close", "layer", "key"])
def test_a_comparison_ends(window, panel, fake_network, qtbot, how):
    viewer, dock = window
    dock.comparison.network = lambda: fake_network
    select(panel, "version 1")
    panel.buttons["compare"].click()
    qtbot.waitUntil(lambda: dock.compare.layer is not None)
    match how:
        case "close":
            panel.reject()
        case "layer":
            viewer.layers.remove(dock.compare.layer)
        case "key":
            QTest.keyClick(panel, Qt.Key.Key_Escape)
    assert dock.comparison.shown is None
    assert dock.compare.layer is None
    assert dock.binding.current.masks.visible


def test_the_key_flips_too(window, panel, fake_network, qtbot):
    viewer, dock = window
    dock.comparison.network = lambda: fake_network
    select(panel, "version 1")
    panel.buttons["compare"].click()
    qtbot.waitUntil(lambda: dock.compare.layer is not None)
    key = next(binding for binding in viewer.keymap if str(binding).lower() == "h")
    held = viewer.keymap[key](viewer)
    next(held)
    assert not dock.compare.layer.visible
    next(held, None)
    assert dock.compare.layer.visible


def drop(viewer, *paths):
    """Drop files on the canvas."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    event = QDropEvent(
        QPointF(50, 50), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    viewer.window._qt_viewer.dropEvent(event)
    QApplication.processEvents()


def test_a_model_that_is_dropped_on_napari(window, panel, model_file):
    viewer, dock = window
    layers = len(viewer.layers)
    drop(viewer, model_file("w.safetensors", name="worms"))
    assert cells(panel)[0][:2] == ["●", "worms"]
    assert len(viewer.layers) == layers
    assert dock.session.model.path.parent == dock.session.project.ledger.folder / "models"


def test_what_is_dropped_without_a_project_is_opened(window, model_file):
    viewer, dock = window
    path = model_file("w.safetensors", name="worms")
    drop(viewer, path)
    assert dock.session.model.path == path
    assert dock.model.model.currentText() == "worms"


def test_a_bad_file_that_is_dropped(window, tmp_path):
    viewer, dock = window
    (tmp_path / "bad.safetensors").write_bytes(b"PK\x03\x04")
    drop(viewer, tmp_path / "bad.safetensors")
    assert "bad.safetensors is a pickled file" in dock.run.failure.text.text()
    assert dock.model.model.currentText() == "default"


def test_a_drop_opens_the_dock(make_napari_viewer, model_file):
    viewer = make_napari_viewer()
    drop(viewer, model_file("w.safetensors", name="worms"))
    (dock,) = viewer.window.dock_widgets.values()
    assert dock.session.model.header.name == "worms"
    dock.binding.close()


@pytest.mark.parametrize(
    ("scores", "shown", "told"),
    [
        ({}, "cannot score", "Fewer than 3 mended cells: cannot score"),
        (Scores((Pair(0.2, 0.4),) * 2).as_json(), "cannot score",
         "Mended cells kept for checking (2): IoU 0.20 → 0.40\n"
         "Fewer than 3 mended cells: cannot score"),
        (Scores((Pair(0.2, 0.4),) * 10).as_json(), "0.20 → 0.40",
         "Mended cells kept for checking (10): IoU 0.20 → 0.40"),
        (Scores((Pair(0.2, 0.4),) * 10, deleted=(Pair(0.6, 0.7), Pair(0.6, 0))).as_json(),
         "0.20 → 0.40",
         "Mended cells kept for checking (10): IoU 0.20 → 0.40\n"
         "Deleted, predicted again: 1 of 2"),
    ],
)  # fmt: skip
def test_scores(scores, shown, told):
    version = Version(2, "v", 0, 0.0, "", "", 7, scores)
    assert row_of(version, {0: "root"}, version)[-1] == shown
    assert row_of(version, {0: "root"}, version)[:3] == ("●", "v", "root")
    assert scores_text(version) == told
