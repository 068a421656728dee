"""Whether a cell keeps one label through the frames."""

from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import QFormLayout, QWidget

from napari_touchup.session.session import Session
from napari_touchup.ui.forms import add_row, narrow_combo

TOOLTIP = (
    "Give a cell one label in all frames: what overlaps from frame to frame is the same cell."
    " Only labels change, no pixel and no correction, and Ctrl+Z takes it back. It is done now,"
    " after each Segment, before an export, and for the images of a folder"
)


class LinkBox(QWidget):
    """Is there for stacks only."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.axis = narrow_combo(TOOLTIP)

        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        add_row(form, "Link cells", self.axis)

        self.axis.activated.connect(self._on_view_axis)
        session.events.image.connect(self._on_session_image)
        session.events.link.connect(self._on_session_link)
        self._on_session_image()

    def _on_view_axis(self, row: int) -> None:
        self._session.link = self.axis.itemData(row)

    def _on_session_image(self) -> None:
        image = self._session.image
        sizes = zip(image.axes, image.data.shape, strict=False) if image is not None else ()
        axes = [letter for letter, size in sizes if letter in "TZ" and size > 1]
        with QSignalBlocker(self.axis):
            self.axis.clear()
            self.axis.addItem("no", None)
            for letter in sorted(axes):
                self.axis.addItem(f"through {letter}", letter)
        self.setVisible(bool(axes))
        self._on_session_link()

    def _on_session_link(self) -> None:
        with QSignalBlocker(self.axis):
            self.axis.setCurrentIndex(max(self.axis.findData(self._session.link), 0))
