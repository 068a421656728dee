"""What a run over a folder left to look at; a click opens the image."""

from qtpy.QtCore import Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QListWidget, QListWidgetItem

from napari_touchup.session.folder_report import Finding, FolderReport

FAILED = "failed: "
ROW = 50  # pixels, three lines
HEIGHT = 150  # pixels at most
TIP = (
    "Images that failed, images without cells, and unusual counts: more than 3 robust deviations"
    " (MAD) of the logarithm away from the median of these images. A click opens one, with its"
    " masks."
)


class ReportList(QListWidget):
    """Two lines for each finding, as file names are long and docks narrow."""

    chosen = Signal(object)  # a Finding

    def __init__(self) -> None:
        super().__init__()
        self._findings: tuple[Finding, ...] = ()

        self.setToolTip(TIP)
        self.setWordWrap(True)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setResizeMode(QListWidget.ResizeMode.Adjust)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setStyleSheet("QListWidget::item { padding: 2px; border-bottom: 1px solid gray; }")

        self.itemClicked.connect(lambda item: self.chosen.emit(self._findings[self.row(item)]))
        self.show_report(None)

    def show_report(self, report: FolderReport | None) -> None:
        self._findings = report.findings if report is not None else ()
        self.clear()
        for finding in self._findings:
            why = f"{FAILED if finding.kind == 'failed' else ''}{finding.reason}"
            row = QListWidgetItem(f"{finding.source.name}\n{why}")
            row.setToolTip(f"{finding.source}\n{why}")
            self.addItem(row)
        self.setVisible(bool(self._findings))
        self.setFixedHeight(min(ROW * len(self._findings), HEIGHT))
