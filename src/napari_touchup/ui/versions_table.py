"""The versions of a project, one a row."""

import time
from collections.abc import Mapping, Sequence

from qtpy.QtCore import QSignalBlocker, Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from napari_touchup.core.entries import Version
from napari_touchup.core.verdict import SCORE_FROM, SURE_FROM

IN_USE = "●"
NAME = 1  # column
COLUMNS = {
    "": f"{IN_USE} is the model in use",
    "Name": "A double-click renames it",
    "Learned from": "The version that its training began with",
    "Made": "When its training ended, or when it came into the project",
    "Cells": "Corrected and confirmed cells that taught it",
    "Held-out IoU": "Overlap (IoU, 0-1) with the mended cells that are kept for checking:"
    " before and after its training",
}
PAIRS = {
    "corrected": "Mended cells kept for checking",
    "confirmed": "Confirmed cells kept for checking",
}


class VersionsTable(QTableWidget):
    """Shows versions; says which one is selected, and which one has another name."""

    renamed = Signal(object, str)  # the Version, its new name

    def __init__(self) -> None:
        super().__init__(0, len(COLUMNS))
        self._versions: tuple[Version, ...] = ()

        for column, (text, tip) in enumerate(COLUMNS.items()):
            title = QTableWidgetItem(text)
            title.setToolTip(tip)
            self.setHorizontalHeaderItem(column, title)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        if rows is not None and columns is not None:  # always: only the stubs doubt it
            rows.setVisible(False)
            columns.setHighlightSections(False)  # else all titles are bold, and wider
            columns.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            columns.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)

        self.itemChanged.connect(self._on_view_item)

    @property
    def selected(self) -> Version | None:
        rows = [index.row() for index in self.selectedIndexes()]
        return self._versions[rows[0]] if rows else None

    def select(self, version: Version | None) -> None:
        numbers = [each.number for each in self._versions]
        if version is not None and version.number in numbers:
            self.selectRow(numbers.index(version.number))
        else:
            self.clearSelection()

    def edit_name(self) -> None:
        """Let the selected version be renamed where it stands."""
        version = self.selected
        if version is not None:
            self.editItem(self.item(self._versions.index(version), NAME))

    def allow_renaming(self, allowed: bool) -> None:
        triggers = QAbstractItemView.EditTrigger
        by_hand = triggers.DoubleClicked | triggers.EditKeyPressed
        self.setEditTriggers(by_hand if allowed else triggers.NoEditTriggers)

    def show_versions(
        self, versions: Sequence[Version], names: Mapping[int, str], current: Version | None
    ) -> None:
        """Show versions in this order; `names` are those of their parents, by number."""
        selected = self.selected
        self._versions = tuple(versions)
        # items stay: one of them may be edited just now
        with QSignalBlocker(self):
            self.setRowCount(len(versions))
            for row, version in enumerate(versions):
                for column, text in enumerate(row_of(version, names, current)):
                    self._show_cell(row, column, text, scores_text(version))
        self.select(selected)

    def _show_cell(self, row: int, column: int, text: str, scores: str) -> None:
        item = self.item(row, column)
        if item is None:
            item = QTableWidgetItem()
            self.setItem(row, column, item)
            if column != NAME:
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
        item.setText(text)
        tip = scores if column == len(COLUMNS) - 1 else text
        item.setToolTip(tip or list(COLUMNS.values())[column])

    def _on_view_item(self, item: QTableWidgetItem) -> None:
        if item.column() == NAME:
            self.renamed.emit(self._versions[item.row()], item.text())


def row_of(
    version: Version, names: Mapping[int, str], current: Version | None
) -> tuple[str, str, str, str, str, str]:
    """Give the texts of a row; a version that no training here made has few of them."""
    sign = IN_USE if current is not None and version.number == current.number else ""
    made = time.strftime("%d %b %Y, %H:%M", time.localtime(version.created))
    if version.parent == version.number:
        return sign, version.name, "–", made, "–", "–"
    parent = names.get(version.parent, "–")
    return sign, version.name, parent, made, f"{version.corrections}", score_of(version)


def score_of(version: Version) -> str:
    """Give the held-out score before and after, where there are enough cells for one.

    >>> scores = {"corrected": 4, "corrected_iou_before": 0.61, "corrected_iou_after": 0.78}
    >>> score_of(Version(1, "version 1", 0, 0.0, "", "", 16, scores))
    '0.61 → 0.78'
    """
    count = version.scores.get("corrected") or 0
    if not isinstance(count, int) or count < SCORE_FROM:
        return "cannot score"
    return _arrow(version, "corrected_iou")


def scores_text(version: Version) -> str:
    """Say all that was measured, one line each."""
    if version.parent == version.number:
        return "No training in this project made it"
    lines = []
    for name, title in PAIRS.items():
        if count := version.scores.get(name):
            lines.append(f"{title} ({count}): IoU {_arrow(version, f'{name}_iou')}")
    count = version.scores.get("corrected") or 0
    if isinstance(count, int) and count < SURE_FROM:
        lines.append(
            f"Fewer than {SCORE_FROM} mended cells: cannot score"
            if count < SCORE_FROM
            else f"Fewer than {SURE_FROM} mended cells: too few to be sure"
        )
    if deleted := version.scores.get("deleted"):
        lines.append(
            f"Deleted, predicted again: {version.scores.get('deleted_again')} of {deleted}"
        )
    if "old_skill_after" in version.scores:
        lines.append(f"Old skill, on synthetic images: AP50 {_arrow(version, 'old_skill')}")
    return "\n".join(lines)


def _arrow(version: Version, name: str) -> str:
    before, after = (version.scores.get(f"{name}_{when}") for when in ("before", "after"))
    if not isinstance(before, float | int) or not isinstance(after, float | int):
        return "–"
    return f"{before:.2f} → {after:.2f}"
