"""The measures of a score, one a row, each with what it says."""

from collections.abc import Mapping

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from napari_touchup.ui.measure_table import RIGHT
from napari_touchup.ui.turning import fill_height

MEASURES = {
    "ap50": ("AP50", "Hits / (hits + misses + false), a hit from IoU 0.5 on"),
    "ap75": ("AP75", "The same, a hit from IoU 0.75 on"),
    "mean_ap": ("mean AP", "Mean of the same at IoU 0.5, 0.55 … 0.95"),
    "precision": ("precision", "Part of the objects that are hits"),
    "recall": ("recall", "Part of the true objects that are hit"),
    "f1": ("F1", "Harmonic mean of precision and recall"),
    "pq": ("PQ", "Panoptic quality: F1 × mean IoU of the hits"),
    "seg": ("SEG", "Mean IoU of all true objects (Cell Tracking Challenge)"),
    "iou": ("IoU", "Overlap of the foreground, whatever the objects"),
    "dice": ("Dice", "The same, as 2 × shared / sum"),
    "pixel_error": ("pixel error", "Part of the pixels that differ; less is better"),
    "are": ("ARE", "Adapted Rand error: splits and mergers of areas; less is better"),
    "v_rand": ("V_rand", "Pairs of pixels together in both (ISBI 2012)"),
    "v_info": ("V_info", "Shared information of the two partitions (ISBI 2012)"),
    "vi": ("VI", "Variation of information, bits; less is better, 0 is equal"),
    "warping_error": (
        "warping error",
        "Part of the pixels that split or merge objects, whatever the outlines; less is better",
    ),
}
COLUMNS = ("Measure", "Value", "What it says")


class ScoreTable(QTableWidget):
    """Shows scores."""

    def __init__(self) -> None:
        super().__init__(0, len(COLUMNS))

        self.setHorizontalHeaderLabels(COLUMNS)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        fill_height(self, 60)
        self.setToolTip("All measures but VI are 0 to 1")
        down, across = self.verticalHeader(), self.horizontalHeader()
        if down is not None and across is not None:  # always: only the stubs doubt it
            down.setVisible(False)
            down.setDefaultSectionSize(20)
            across.setHighlightSections(False)
            across.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            across.setStretchLastSection(True)
            across.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)

    def show_values(self, values: Mapping[str, float]) -> None:
        self.setRowCount(len(values))
        for row, (name, value) in enumerate(values.items()):
            title, told = MEASURES[name]
            for column, text in enumerate((title, f"{value:.3f}", told)):
                item = QTableWidgetItem(text)
                item.setToolTip(f"{title}: {told}")
                if column == 1:
                    item.setTextAlignment(RIGHT)
                self.setItem(row, column, item)
