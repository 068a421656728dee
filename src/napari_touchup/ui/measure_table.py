"""The table of measurements: a model that reads arrays, and its view."""

from typing import Any

import numpy as np
from qtpy.QtCore import (  # type: ignore[attr-defined]
    QAbstractTableModel,
    QItemSelectionModel,
    QModelIndex,
    QSignalBlocker,
    Qt,
    Signal,
)
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from napari_touchup.core.columns import Column
from napari_touchup.session.measured import Cell
from napari_touchup.session.rows import Sort, View
from napari_touchup.ui.turning import fill_height

RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
NOWHERE = QModelIndex()
PRECISION = 16  # rows that are looked at to find the width of a column


class MeasureModel(QAbstractTableModel):
    """Rows and columns of a `View`; sorting is asked for, and done elsewhere."""

    sorted_by = Signal(object)  # a Sort

    def __init__(self) -> None:
        super().__init__()
        self.view: View | None = None
        self.columns: tuple[Column, ...] = ()

    def show(self, view: View | None) -> bool:
        """Show another view; True if the columns are others."""
        columns = () if view is None else view.table.shown()
        other = columns != self.columns
        if other or not self._rows(view) or self._rows(view) != self._rows(self.view):
            self.beginResetModel()
            self.view, self.columns = view, columns
            self.endResetModel()
        else:  # keeps the place to which a person has scrolled
            self.view = view
            last = self.index(self.rowCount() - 1, len(columns) - 1)
            self.dataChanged.emit(self.index(0, 0), last)
        return other

    @staticmethod
    def _rows(view: View | None) -> int:
        return 0 if view is None else len(view.rows)

    def rowCount(self, parent: QModelIndex = NOWHERE) -> int:  # noqa: N802 Qt's name
        return 0 if parent.isValid() else self._rows(self.view)

    def columnCount(self, parent: QModelIndex = NOWHERE) -> int:  # noqa: N802 Qt's name
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return RIGHT
        if role != Qt.ItemDataRole.DisplayRole or self.view is None:
            return None
        values = self.view.table.columns[self.columns[index.column()].key]
        return text_of(values[self.view.rows[index.row()]])

    def headerData(  # noqa: N802 Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal or section >= len(self.columns):
            return None
        column = self.columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.title
        return f"{column.told}; a click sorts" if role == Qt.ItemDataRole.ToolTipRole else None

    def sort(self, section: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        if 0 <= section < len(self.columns):
            descending = order == Qt.SortOrder.DescendingOrder
            self.sorted_by.emit(Sort(self.columns[section].key, descending))


class MeasureTable(QTableView):
    """Shows a view; says which row a person chose."""

    chosen = Signal(object)  # a Cell

    def __init__(self) -> None:
        super().__init__()
        self.rows = MeasureModel()

        self.setModel(self.rows)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        fill_height(self, 60)
        self.setToolTip("A click goes to the object; a click on a title sorts")
        down, across = self.verticalHeader(), self.horizontalHeader()
        if down is not None and across is not None:  # always: only the stubs doubt it
            down.setVisible(False)
            down.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
            down.setDefaultSectionSize(20)
            across.setHighlightSections(False)  # else all titles are bold, and wider
            across.setResizeContentsPrecision(PRECISION)
            across.setSortIndicatorClearable(True)
            across.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)

        selection = self.selectionModel()
        if selection is not None:
            selection.currentRowChanged.connect(self._on_view_row)

    def show_view(self, view: View | None, selected: Cell | None) -> None:
        if self.rows.show(view):
            self.resizeColumnsToContents()
        self.select(selected)

    def select(self, cell: Cell | None) -> None:
        """Select the row of an object, if it is shown; this is no choice of a person."""
        selection, view = self.selectionModel(), self.rows.view
        if selection is None:
            return
        row = None if cell is None or view is None else view.place(cell)
        with QSignalBlocker(selection):
            if row is None:
                selection.clear()
            else:
                index = self.rows.index(row, 0)
                flags = QItemSelectionModel.SelectionFlag
                selection.setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
                self.scrollTo(index)
        # blocked signals do not reach what draws the selection
        viewport = self.viewport()
        if viewport is not None:
            viewport.update()

    def _on_view_row(self, current: QModelIndex, _previous: QModelIndex) -> None:
        view = self.rows.view
        if view is not None and current.isValid():
            self.chosen.emit(view.table.cell(int(view.rows[current.row()])))


def text_of(value: Any) -> str:
    """Write a number so that it is read at a glance.

    >>> [text_of(value) for value in (np.int64(7), 0.12345, 1234.5, np.nan)]
    ['7', '0.1235', '1234', '']
    """
    if value != value:
        return ""
    if isinstance(value, int | np.integer):
        return str(value)
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"
