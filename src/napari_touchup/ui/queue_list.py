"""The images of a queue, one below the other, each with its mark."""

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import QListWidget, QListWidgetItem

from napari_touchup.session.image_queue import ImageQueue, Mark

# shapes, not colours; `counted` names them
SIGNS: dict[Mark, str] = {"to do": "○", "corrected": "◐", "done": "●"}
HEIGHT = 114  # pixels, six rows
TIP = "The images, each with its mark: ○ to do, ◐ corrected, ● done. A click opens one."


class QueueList(QListWidget):
    """Follows a queue; a click moves it."""

    def __init__(self, queue: ImageQueue) -> None:
        super().__init__()
        self._queue = queue

        self.setToolTip(TIP)
        self.setFixedHeight(HEIGHT)
        self.setUniformItemSizes(True)
        self.setStyleSheet("QListWidget::item { padding: 2px; }")
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # else arrow keys and letters typed here would open image after image
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

        self.itemClicked.connect(self._on_view_clicked)
        queue.events.items.connect(self._on_queue_items)
        queue.events.marks.connect(self._on_queue_marks)
        queue.events.position.connect(self._on_queue_position)
        self._on_queue_items()
        self._on_queue_marks()
        self._on_queue_position()

    def _on_view_clicked(self, item: QListWidgetItem) -> None:
        self._queue.go(self.row(item))

    def _on_queue_items(self) -> None:
        with QSignalBlocker(self):
            self.clear()
            for item in self._queue.items:
                row = QListWidgetItem(item.name)
                row.setToolTip(f"{item.path or item.name}")
                self.addItem(row)
        self.setVisible(bool(self._queue.items))

    def _on_queue_marks(self) -> None:
        for number, (item, mark) in enumerate(
            zip(self._queue.items, self._queue.marks, strict=False)
        ):
            row, text = self.item(number), f"{SIGNS[mark]}  {item.name}"
            if row is not None and row.text() != text:
                row.setText(text)

    def _on_queue_position(self) -> None:
        with QSignalBlocker(self):
            self.setCurrentRow(self._queue.position)
        row = self.item(self._queue.position)
        if row is not None:
            self.scrollToItem(row)


def counted(queue: ImageQueue) -> str:
    """Say where a queue stands, and what its signs mean."""
    if not queue.items:
        return ""
    place = f"{queue.position + 1} of {len(queue.items)}"
    marks = [
        f"{sign} {queue.marks.count(mark)} {mark}"
        for mark, sign in SIGNS.items()
        if mark in queue.marks
    ]
    return "   ".join([place if queue.position >= 0 else f"{len(queue.items)} images", *marks])
