"""A failure, in the dock, until the next thing is tried."""

from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QFrame, QVBoxLayout

from napari_touchup.session.status import Failure
from napari_touchup.ui.forms import push_button, text_label


class FailureBox(QFrame):
    """What happened, what is safe, what to do, and a report to copy."""

    def __init__(self) -> None:
        super().__init__()
        self._report = ""
        self.text = text_label()
        self.copy = push_button(
            "Copy report",
            "Copy what we need to find the cause: versions and where it failed; no image data",
            self._on_copy,
        )

        self.setObjectName("touchup_failure")
        # an edge beside the words: colour is never the only sign
        self.setStyleSheet("#touchup_failure { border-left: 3px solid #d55e00; }")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 2, 2, 2)
        layout.addWidget(self.text)
        layout.addWidget(self.copy)

    def show_failure(self, failure: Failure | None) -> None:
        self.setVisible(failure is not None)
        if failure is not None:
            self._report = failure.report
            self.text.setText(
                f"What happened: {failure.what}\n\n"
                f"What is safe: {failure.safe}\n\nWhat to do: {failure.todo}"
            )

    def _on_copy(self) -> None:
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self._report)
