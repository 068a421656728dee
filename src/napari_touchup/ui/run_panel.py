"""The Segment button, and what is happening."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_touchup.core.axes import Stack
from napari_touchup.session.session import Session
from napari_touchup.session.status import Status
from napari_touchup.ui.advice_box import AdviceBox
from napari_touchup.ui.binding import Binding
from napari_touchup.ui.failure_box import FailureBox
from napari_touchup.ui.forms import push_button, text_label
from napari_touchup.ui.link_box import LinkBox

KEY = "Shift-S"
PRIMARY = """
QPushButton { font-weight: bold; font-size: 14px; color: white; background-color: #2f5bd0; }
QPushButton:hover { background-color: #4670e0; }
QPushButton:disabled { color: #c8c8c8; background-color: #6b6f78; }
"""  # white on this blue has a contrast of 5.9 : 1, in both themes
SCOPES = {
    "frame": ("This frame", "Segment the frame that is shown"),
    "all": ("All frames", "Segment every frame of the stack, one after the other"),
    "view": ("What I see", "Segment only the part of the frame that the canvas shows"),
}


class RunPanel(QWidget):
    """Segment, Stop, progress, status, questions and failures."""

    def __init__(self, session: Session, binding: Binding) -> None:
        super().__init__()
        self._session = session
        self._binding = binding
        self.scopes = {scope: _scope_button(*texts) for scope, texts in SCOPES.items()}
        self._group = QButtonGroup(self)
        self.link = LinkBox(session)
        self.segment = push_button(
            "Segment", f"Draw a mask for every object ({KEY}, with the canvas in focus)", self.run
        )
        self.stop = push_button(
            "Stop", "Stop before the next tile; finished frames stay", session.stop
        )
        self.progress = QProgressBar()
        self.status = text_label()
        self.choices = QWidget()
        self._row = QHBoxLayout(self.choices)
        self.failure = FailureBox()
        self.advice = AdviceBox(session)

        self._lay_out()

        session.events.running.connect(self._on_session_running)
        session.events.status.connect(self._on_session_status)
        session.events.image.connect(self._on_session_image)
        self._on_session_running()
        self._on_session_status(session.status)
        self._on_session_image()

    def run(self) -> None:
        """Segment what the chosen scope names."""
        image = self._session.image
        scope = next(name for name, button in self.scopes.items() if button.isChecked())
        if scope == "view":
            self._segment_view()
        elif scope == "all" and image is not None:
            self._session.segment(tuple(Stack(image.data, image.axes).frames()))
        else:
            self._session.segment()

    def _segment_view(self) -> None:
        window = self._binding.window()
        if window is None and self._session.image is not None:
            text = "The canvas shows nothing of this image. Move it into view, then press Segment."
            self._session.status = Status("ask", text)
        else:
            self._session.segment(window=window)

    def _lay_out(self) -> None:
        for button in (self.segment, self.stop):
            button.setMinimumHeight(38)
            button.setStyleSheet("font-weight: bold; font-size: 14px;")
        self.segment.setStyleSheet(PRIMARY)
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(6)
        scopes = QHBoxLayout()
        scopes.setSpacing(2)
        for button in self.scopes.values():
            self._group.addButton(button)
            scopes.addWidget(button)
        self.scopes["frame"].setChecked(True)
        self._row.setContentsMargins(0, 0, 0, 0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 2, 4, 6)
        layout.setSpacing(6)
        layout.addLayout(scopes)
        for widget in (
            self.link,
            self.segment,
            self.stop,
            self.progress,
            self.status,
            self.choices,
        ):
            layout.addWidget(widget)
        layout.addWidget(self.failure)
        layout.addWidget(self.advice)

    def _on_session_running(self) -> None:
        running = self._session.running
        self.segment.setVisible(not running)
        self.stop.setVisible(running)
        self.stop.setEnabled(True)

    def _on_session_status(self, status: Status) -> None:
        self.status.setText(status.text)
        self.status.setVisible(bool(status.text))
        self.progress.setVisible(status.kind == "busy")
        self.progress.setRange(0, status.total)
        self.progress.setValue(status.done)
        self.failure.show_failure(status.failure)
        self._show_choices(status)

    def _show_choices(self, status: Status) -> None:
        for button in self.choices.findChildren(QPushButton):
            self._row.removeWidget(button)
            button.deleteLater()
        for text, chosen in status.choices:
            self._row.addWidget(push_button(text, text, chosen))
        self.choices.setVisible(bool(status.choices))

    def _on_session_image(self) -> None:
        image = self._session.image
        count = Stack(image.data, image.axes).frame_count if image else 1
        self.scopes["all"].setVisible(count > 1)
        self.scopes["all"].setText(f"All {count}")
        self.scopes["frame"].setText("This frame" if count > 1 else "Whole image")
        if count == 1 and self.scopes["all"].isChecked():
            self.scopes["frame"].setChecked(True)


def _scope_button(text: str, tooltip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tooltip)
    button.setCheckable(True)
    button.setStyleSheet("padding: 4px 2px;")
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return button
