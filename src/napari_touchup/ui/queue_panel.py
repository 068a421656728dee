"""Many images, one after the other."""

from pathlib import Path

from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from napari_touchup.io.outputs import OutputError
from napari_touchup.session.status import Status, capital
from napari_touchup.ui.apply import NEXT, PREVIOUS, Apply
from napari_touchup.ui.forms import (
    SPACING,
    add_row,
    narrow_combo,
    narrow_form,
    push_button,
    text_label,
)
from napari_touchup.ui.queue_list import QueueList, counted
from napari_touchup.ui.status_box import StatusBox

CHOOSE = "Choose folder…"


class QueuePanel(QWidget):
    """A folder of images or the frames of a stack; previous, next."""

    def __init__(self, apply: Apply) -> None:
        super().__init__()
        self._session = apply.session
        self._queue = queue = apply.queue
        self._images = apply.images
        self.source = narrow_combo(
            "What to go through: the frames of the open image, or the images of a folder"
        )
        self.list = QueueList(queue)
        self.previous = push_button(
            f"◀ Previous ({PREVIOUS})", "Open the image before this one", queue.previous
        )
        self.next = push_button(f"Next ({NEXT}) ▶", "Open the image after this one", queue.next)
        self.place = text_label()
        self.status = StatusBox()

        self._lay_out()

        self.source.activated.connect(self._on_view_source)
        for name in ("folder", "items"):
            queue.events[name].connect(self._on_queue_items)
        for name in ("position", "marks"):
            queue.events[name].connect(self._on_queue_place)
        queue.events.status.connect(self.status.show_status)
        apply.session.events.image.connect(self._on_queue_items)
        self._on_queue_items()
        self._on_queue_place()

    def choose_folder(self) -> bool:
        """Ask for a folder and queue its images; False if there is none now."""
        name = QFileDialog.getExistingDirectory(self, "Open a folder of images")
        return bool(name) and self.open_folder(Path(name))

    def open_folder(self, folder: Path) -> bool:
        """Queue the images of a folder; False, and the reason in the dock, if there are none."""
        try:
            self._queue.open_folder(folder)
        except OutputError as error:
            self._queue.status = Status("ask", f"{capital(str(error))}.")
            return False
        return True

    def _lay_out(self) -> None:
        top = QWidget()
        form = narrow_form(top)
        form.setContentsMargins(0, 0, 0, 0)
        add_row(form, "Go through", self.source)
        self._row = QWidget()
        row = QHBoxLayout(self._row)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for button in (self.previous, self.next):
            button.setStyleSheet("padding: 4px 2px;")
            row.addWidget(button, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        for widget in (top, self.list, self._row, self.place, self.status):
            layout.addWidget(widget)

    def _on_view_source(self, row: int) -> None:
        source = self.source.itemData(row)
        if source == CHOOSE:
            if self.choose_folder():
                self._queue.go(0)
        elif source is None:
            self._images.show_frames()
        self._on_queue_items()

    def _on_queue_items(self) -> None:
        folder, count = self._queue.folder, len(self._queue.items)
        image = self._session.image
        frames = "no folder" if image is None else f"frames of {image.name}"
        with QSignalBlocker(self.source):
            self.source.clear()
            self.source.addItem(frames, None)
            if folder is not None:
                self.source.addItem(folder.name, folder)
            self.source.addItem(CHOOSE, CHOOSE)
            self.source.setCurrentIndex(0 if folder is None else 1)
        self._row.setVisible(count > 0)
        self._on_queue_place()

    def _on_queue_place(self) -> None:
        text = counted(self._queue)
        if not text:
            text = "To go through many images, choose a folder."
        self.place.setText(text)
        self.previous.setEnabled(self._queue.position > 0)
        self.next.setEnabled(self._queue.position < len(self._queue.items) - 1)
