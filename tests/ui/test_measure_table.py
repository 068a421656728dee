import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_touchup.core.axes import Stack
from napari_touchup.session.measured import Cell, Table, joined
from napari_touchup.session.rows import Sort, View
from napari_touchup.ui.measure_table import MeasureTable, text_of


def table(labels):
    from napari_touchup.core.regions import measure

    stack = Stack(labels, "TYX")
    return joined({index: measure(labels[index]) for index in stack.frames()}, stack)


LABELS = np.zeros((2, 6, 8), int)
LABELS[0, 1:3, 1:4], LABELS[0, 5, 5], LABELS[1, 2, 2] = 4, 7, 4


@pytest.fixture
def shown(qtbot):
    widget = MeasureTable()
    qtbot.addWidget(widget)
    widget.show_view(View(table(LABELS), np.array([2, 0, 1])), None)
    return widget


def cells(widget):
    model = widget.model()
    return [
        [model.data(model.index(row, column)) for column in range(3)]
        for row in range(model.rowCount())
    ]


def test_rows_and_titles(shown):
    assert cells(shown) == [["1", "4", "1"], ["0", "4", "6"], ["0", "7", "1"]]
    across, role = Qt.Orientation.Horizontal, Qt.ItemDataRole
    titles = [shown.rows.headerData(n, across) for n in range(3)]
    assert titles == ["frame", "cell", "area (px)"]
    assert shown.rows.headerData(4, across, role.ToolTipRole).startswith("0 of a circle")
    assert shown.rows.headerData(0, Qt.Orientation.Vertical) is None


def test_a_click_on_a_title_asks_for_another_order(shown, qtbot):
    with qtbot.waitSignal(shown.rows.sorted_by) as sort:
        shown.sortByColumn(2, Qt.SortOrder.DescendingOrder)
    assert sort.args == [Sort("area_px", True)]


def test_a_row_that_a_person_chooses(shown, qtbot):
    with qtbot.waitSignal(shown.chosen) as chosen:
        shown.selectRow(0)
    assert chosen.args == [Cell((1,), 4)]


def test_a_row_that_is_selected_from_outside(shown, qtbot):
    with qtbot.assertNotEmitted(shown.chosen):
        shown.select(Cell((0,), 7))
        assert selected(shown) == [2]
        shown.select(Cell((1,), 7))
        assert selected(shown) == []


def test_the_selection_stays_with_its_object(shown, qtbot):
    with qtbot.assertNotEmitted(shown.chosen):
        shown.show_view(View(table(LABELS), np.array([0, 1])), Cell((0,), 7))
        assert selected(shown) == [1]
        shown.show_view(None, None)
    assert shown.model().rowCount() == 0


def test_a_frame_without_objects_that_is_measured_again_has_no_cells_that_change(shown, qtbot):
    shown.show_view(View(table(LABELS), np.zeros(0, int)), None)
    with qtbot.assertNotEmitted(shown.rows.dataChanged):
        shown.show_view(View(table(LABELS), np.zeros(0, int)), None)


def selected(widget):
    return [index.row() for index in widget.selectionModel().selectedRows()]


def test_numbers():
    assert [text_of(value) for value in (np.float32(0.25), 12345.6, -0.0001, 3)] == [
        "0.25", "12346", "-0.0001", "3",
    ]  # fmt: skip


def test_no_table():
    assert len(Table({"cell": np.zeros(0, int)})) == 0
