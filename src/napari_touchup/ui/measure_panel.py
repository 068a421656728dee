"""The Measure tab: a table of objects, a filter, a histogram, colours, a CSV."""

from pathlib import Path
from typing import Any

from qtpy.QtCore import QSignalBlocker, QTimer
from qtpy.QtWidgets import QCheckBox, QFileDialog, QLineEdit, QVBoxLayout, QWidget

from napari_touchup.io.projects import safe_name
from napari_touchup.session.measured import Cell
from napari_touchup.session.measuring import Measuring
from napari_touchup.ui.forms import narrow_combo, push_button, text_label
from napari_touchup.ui.histogram import Histogram
from napari_touchup.ui.measure_table import MeasureTable
from napari_touchup.ui.status_box import StatusBox
from napari_touchup.ui.turning import SPACING, Turning

TYPING_MS = 300  # without a key, before the filter is read
WIDE = 560  # pixels; from here on table and histogram are side by side


class MeasurePanel(QWidget):
    """Shows what `Measuring` knows."""

    def __init__(self, measuring: Measuring) -> None:
        super().__init__()
        self._measuring = measuring
        self.filter = QLineEdit()
        self.column = narrow_combo("What the histogram and the colours of the objects show")
        self.coloured = QCheckBox("Colour objects")
        self.save = push_button(
            "Save CSV…", "Save the rows that are shown, with all columns", self._save
        )
        self.trouble = text_label()
        self.table = MeasureTable()
        self.histogram = Histogram()
        self.status = StatusBox()
        self._typing = QTimer(self)

        self._lay_out()

        self._typing.timeout.connect(self._on_view_filter)
        self.filter.textEdited.connect(lambda: self._typing.start())
        self.filter.editingFinished.connect(self._on_view_filter)
        self.column.activated.connect(self._on_view_column)
        self.table.rows.sorted_by.connect(self._on_view_sort)
        self.table.chosen.connect(measuring.go)
        events = measuring.events
        events.view.connect(self._on_view)
        events.column.connect(self._on_column)
        events.selected.connect(self._on_selected)
        events.trouble.connect(self._on_trouble)
        events.status.connect(self.status.show_status)
        self._on_view()

    def _lay_out(self) -> None:
        self._typing.setSingleShot(True)
        self._typing.setInterval(TYPING_MS)
        self.filter.setPlaceholderText("Filter, such as: area > 50 and eccentricity < 0.8")
        self.filter.setToolTip(
            "Show only objects for which this holds: columns, < <= > >= = !=, numbers, “and”"
        )
        self.filter.setClearButtonEnabled(True)
        self.coloured.setToolTip("Colour the objects in the image by this column (viridis)")
        self.trouble.hide()
        acts = Turning(self.coloured, self.save, width=200)
        choice = Turning(self.column, acts, width=400, stretch=(1, 0))
        tools = Turning(self.filter, choice, width=WIDE, stretch=(1, 1))
        for row in (choice, tools):
            row.setSizePolicy(acts.sizePolicy())
        body = Turning(self.table, self.histogram, width=WIDE, stretch=(3, 1))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING)
        for widget in (tools, self.trouble, body, self.status):
            column.addWidget(widget, int(widget is body))

    def _on_view_filter(self) -> None:
        self._typing.stop()
        self._measuring.filter = self.filter.text()

    def _on_view_column(self) -> None:
        self._measuring.column = self.column.currentData()

    def _on_view_sort(self, sort: Any) -> None:
        self._measuring.sort = sort

    def _on_view(self) -> None:
        view, measuring = self._measuring.view, self._measuring
        self.table.show_view(view, measuring.selected)
        self.save.setEnabled(view is not None)
        columns = () if view is None else view.table.shown()
        if [self.column.itemData(n) for n in range(self.column.count())] != [
            column.key for column in columns
        ]:
            with QSignalBlocker(self.column):
                self.column.clear()
                for column in columns:
                    self.column.addItem(column.title, column.key)
        self._on_column()

    def _on_column(self) -> None:
        view, key = self._measuring.view, self._measuring.column
        with QSignalBlocker(self.column):
            self.column.setCurrentIndex(self.column.findData(key))
        if view is not None:
            self.histogram.show_values(view.values(key), view.span(key))
        self.histogram.setVisible(view is not None)
        self._on_selected()

    def _on_selected(self) -> None:
        view, cell = self._measuring.view, self._measuring.selected
        self.table.select(cell)
        self.histogram.show_mark(self._value(cell) if view is not None else None)

    def _value(self, cell: Cell | None) -> float | None:
        view, key = self._measuring.view, self._measuring.column
        place = None if cell is None or view is None else view.place(cell)
        if view is None or place is None:
            return None
        value = float(view.values(key)[place])
        return value if value == value else None

    def _on_trouble(self, text: str) -> None:
        self.trouble.setText(text)
        self.trouble.setVisible(bool(text))
        # an edge beside the words: colour is never the only sign
        self.filter.setStyleSheet("border: 1px solid #d55e00;" if text else "")

    def _save(self) -> None:
        source = self._measuring.source
        if source is None:
            return
        proposed = f"{safe_name(source.name)}.csv"
        name, _ = QFileDialog.getSaveFileName(self, "Save the table", proposed, "CSV (*.csv)")
        if name:
            path = Path(name)
            self._measuring.save(path if path.suffix else path.with_suffix(".csv"))
