"""The maps behind the masks, as layers on request."""

from napari.components import ViewerModel
from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from napari_touchup.session.session import Session
from napari_touchup.session.status import Status, explain
from napari_touchup.ui.binding import Binding
from napari_touchup.ui.forms import text_label
from napari_touchup.ui.results import kinds_of

KINDS = {
    "probability": ("Probability", "How likely a pixel is part of an object, 0-1"),
    "borders": ("Borders", "How likely a pixel lies where two objects touch, 0-1"),
    "distance": ("Distance", "Depth inside an object: 0 at its edge, 1 at its middle"),
    "weights": (
        "Weights",
        "What training will weigh each pixel with: nothing until cells are corrected or confirmed."
        " Follows the brush",
    ),
    "review": (
        "Review",
        "Outlines of the cells that teach (solid) and of those that are kept for checking (dashed),"
        " and the background that counts (tinted)",
    ),
}
LIVE = {"weights", "review"}


class LayersPanel(QWidget):
    """A checkbox for each layer: it is there, or it is not."""

    def __init__(self, viewer: ViewerModel, session: Session, binding: Binding) -> None:
        super().__init__()
        self._viewer = viewer
        self._session = session
        self._binding = binding
        self.boxes = {kind: QCheckBox(text) for kind, (text, _) in KINDS.items()}
        self.hint = text_label("Segment first: these layers show what the network found.")

        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 2, 4, 6)
        layout.addWidget(self.hint)
        for kind, box in self.boxes.items():
            box.setToolTip(KINDS[kind][1])
            layout.addWidget(box)

        for kind, box in self.boxes.items():
            box.toggled.connect(lambda on, kind=kind: self._on_view_toggled(kind, on))
        session.frame_done.connect(self._on_session_changed)
        session.events.image.connect(self._on_session_changed)
        session.events.frame.connect(self._on_session_changed)
        viewer.layers.events.inserted.connect(self._on_session_changed)
        viewer.layers.events.removed.connect(self._on_session_changed)
        self._on_session_changed()

    def _on_view_toggled(self, kind: str, on: bool) -> None:
        now = self._binding.current
        if now is None:
            return
        if not on:
            self._viewer.layers.remove(now.layers[kind])
        elif kind in LIVE:
            live = now.show_weights() if kind == "weights" else now.show_review()
            live.failed.connect(self._on_failed)
        else:
            now.show_map(kind)

    def _on_failed(self, error: BaseException) -> None:
        text = "The layer was not made."
        self._session.status = Status("failed", text, failure=explain(error))

    def _on_session_changed(self) -> None:
        now, image = self._binding.current, self._session.image
        frames = image.frames if image is not None else None
        index = self._session.frame
        possible = kinds_of(frames[index] if frames is not None and index in frames else None)
        possible |= LIVE if now is not None and now.masks is not None else set()
        for kind, box in self.boxes.items():
            made = now is not None and kind in now.layers
            with QSignalBlocker(box):
                box.setChecked(made)
            box.setEnabled(made or kind in possible)
        self.hint.setVisible(not possible)
