"""What a piece of work says: progress, words, questions and failures."""

from typing import Any

from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_touchup.session.status import Status
from napari_touchup.ui.failure_box import FailureBox
from napari_touchup.ui.forms import SPACING, push_button, text_label


class StatusBox(QWidget):
    """Takes no room while there is nothing to say."""

    def __init__(self) -> None:
        super().__init__()
        self.progress = QProgressBar()
        self.text = text_label()
        self.choices = QWidget()
        self._row = QHBoxLayout(self.choices)
        self.failure = FailureBox()

        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(6)
        self._row.setContentsMargins(0, 0, 0, 0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        for widget in (self.progress, self.text, self.choices, self.failure):
            layout.addWidget(widget)
        self.show_status(Status())

    @property
    def buttons(self) -> list[QPushButton]:
        """The answers to a question."""
        items = (self._row.itemAt(n) for n in range(self._row.count()))
        widgets = (item.widget() for item in items if item is not None)
        return [widget for widget in widgets if isinstance(widget, QPushButton)]

    def show_status(self, status: Status) -> None:
        self.text.setText(status.text)
        self.text.setVisible(bool(status.text))
        self.progress.setVisible(status.kind == "busy")
        self.progress.setRange(0, status.total)
        self.progress.setValue(status.done)
        self.failure.show_failure(status.failure)
        for button in self.buttons:
            self._row.removeWidget(button)
            button.deleteLater()
        for text, chosen in status.choices:
            self._row.addWidget(push_button(text, text, chosen))
        self.choices.setVisible(bool(status.choices))
        self.setVisible(bool(status.text))
        self._fit_text()

    def resizeEvent(self, event: Any) -> None:  # noqa: N802 Qt's name
        super().resizeEvent(event)
        self._fit_text()

    def _fit_text(self) -> None:
        """Keep the lines from being squeezed: a scroll area asks for no height for a width."""
        self.text.setMinimumHeight(max(self.text.heightForWidth(self.width()), 0))
