"""What a run over a folder left to look at; a click opens the image."""

from qtpy.QtCore import Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from napari_touchup.session.folder_report import Finding, FolderReport

TITLES = {"failed": "failed: ", "empty": "", "unusual": ""}
IMAGE_WIDTH = 96  # pixels
HEIGHT = 150  # pixels
TIP = (
    "Images that failed, images without cells, and unusual counts: more than 3 robust deviations"
    " (MAD) of the logarithm away from the median of these images. A click opens one, with its"
    " masks."
)


class ReportTable(QTableWidget):
    """A row for each finding."""

    chosen = Signal(object)  # a Finding

    def __init__(self) -> None:
        super().__init__(0, 2)
        self._findings: tuple[Finding, ...] = ()

        self.setHorizontalHeaderLabels(["Image", "Why"])
        self.setToolTip(TIP)
        self.setMaximumHeight(HEIGHT)
        self.setWordWrap(True)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._lay_out_columns()

        self.itemClicked.connect(lambda item: self.chosen.emit(self._findings[item.row()]))
        self.show_report(None)

    def show_report(self, report: FolderReport | None) -> None:
        self._findings = report.findings if report is not None else ()
        self.setRowCount(len(self._findings))
        for row, finding in enumerate(self._findings):
            why = f"{TITLES[finding.kind]}{finding.reason}"
            for column, text in enumerate((finding.source.name, why)):
                cell = QTableWidgetItem(text)
                cell.setToolTip(f"{finding.source}\n{why}")
                self.setItem(row, column, cell)
        self.setVisible(bool(self._findings))

    def _lay_out_columns(self) -> None:
        columns, rows = self.horizontalHeader(), self.verticalHeader()
        if columns is None or rows is None:
            return
        columns.setMinimumSectionSize(40)
        columns.resizeSection(0, IMAGE_WIDTH)
        columns.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        rows.setVisible(False)
        rows.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
