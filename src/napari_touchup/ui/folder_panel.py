"""“Segment folder…”: a run over a folder of images, and what it left to look at."""

from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from napari_touchup.session.folder import FolderRequest, folder_request
from napari_touchup.session.folder_report import Finding
from napari_touchup.session.status import Status
from napari_touchup.ui.apply import Apply
from napari_touchup.ui.forms import SPACING, push_button
from napari_touchup.ui.queue_panel import QueuePanel
from napari_touchup.ui.report_list import ReportList
from napari_touchup.ui.status_box import StatusBox


class FolderPanel(QWidget):
    """Asks before it starts, tells where it stands, ends in a list."""

    def __init__(self, apply: Apply, queue: QueuePanel) -> None:
        super().__init__()
        self._apply = apply
        self._run = apply.run
        self._queue = queue
        self.segment = push_button(
            "Segment folder…",
            "Draw masks of all images of the folder, with the model and settings chosen above;"
            " images whose masks are there are skipped",
            self.propose,
        )
        self.stop = push_button(
            "Stop", "Stop before the next tile; finished images stay", self._run.stop
        )
        self.status = StatusBox()
        self.report = ReportList()

        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        for widget in (self.segment, self.stop, self.status, self.report):
            layout.addWidget(widget)

        self.report.chosen.connect(self._on_view_chosen)
        self._run.events.status.connect(self.status.show_status)
        self._run.events.running.connect(self._on_run_running)
        self._run.events.report.connect(self.report.show_report)
        self._on_run_running(self._run.running)

    def propose(self, output: Path | None = None) -> None:
        """Ask whether to segment the queue's folder; without one, ask for it first."""
        if self._apply.queue.folder is None and not self._queue.choose_folder():
            return
        request = self._request(output)
        if request is None:
            self._run.status = Status("ask", "Choose a model first, above.")
        else:
            self._run.propose(request, self._choose_output)

    def _request(self, output: Path | None) -> FolderRequest | None:
        folder, session = self._apply.queue.folder, self._apply.session
        if folder is None or session.model is None:
            return None
        output = output or self._run.output_of(folder)
        return folder_request(session, folder, output, self._apply.chosen_axes())

    def _choose_output(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Folder for the masks")
        if name:
            self.propose(Path(name))

    def _on_view_chosen(self, finding: Finding) -> None:
        self._apply.open(finding.source, finding.masks)

    def _on_run_running(self, running: bool) -> None:
        self.segment.setVisible(not running)
        self.stop.setVisible(running)
