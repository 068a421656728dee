"""What a person's hand has in a masks layer: the smart brush, and clicks with a key held."""

from functools import partial

from napari.layers import Labels

from napari_touchup.core.entries import Index
from napari_touchup.core.pieces import pieces
from napari_touchup.options import BrushOptions
from napari_touchup.session.images import Image
from napari_touchup.session.session import Session
from napari_touchup.session.status import Status
from napari_touchup.session.tools import Tools
from napari_touchup.ui.brush import SmartBrush
from napari_touchup.ui.gestures import Gestures
from napari_touchup.ui.layers import Grid


class Hand:
    """Takes up brush and gestures with a masks layer, as the session's options say."""

    def __init__(self, session: Session, image: Image, grid: Grid) -> None:
        self._session = session
        self._image = image
        self._grid = grid
        self._masks: Labels | None = None
        self.brush: SmartBrush | None = None
        self._gestures: Gestures | None = None
        session.events.brush.connect(self._on_session_brush)

    def take(self, masks: Labels) -> None:
        self.release()
        self.brush = SmartBrush(masks, self._grid, self._unused)
        self.brush.stroke_ended.connect(self._on_stroke)
        self.brush.changed.connect(self._on_view_brush)
        self._gestures = Gestures(masks, self._grid, self._delete, self._merge, self._tell)
        self._masks = masks
        masks.events.selected_label.connect(self._on_selected)
        self._on_session_brush(self._session.brush)

    def release(self) -> None:
        """Let go of the layer."""
        brush, gestures, self.brush, self._gestures = self.brush, self._gestures, None, None
        if brush is not None and gestures is not None:
            gestures.close()
            brush.close()
        if self._masks is not None:
            self._masks.events.selected_label.disconnect(self._on_selected)
            self._masks = None

    def _on_session_brush(self, options: BrushOptions) -> None:
        if self.brush is not None and self._gestures is not None:
            self.brush.on = options.smart
            self.brush.over_neighbours = options.over_neighbours
            self._gestures.preset = options.preset

    def _on_view_brush(self) -> None:
        """Follow napari's own "preserve labels", which is the same as not over neighbours."""
        if self.brush is not None:
            update = {"smart": self.brush.on, "over_neighbours": self.brush.over_neighbours}
            self._session.brush = self._session.brush.model_copy(update=update)

    def _on_selected(self) -> None:
        if self._masks is not None and self._session.image is self._image:
            self._session.cell = int(self._masks.selected_label)

    def _tools(self) -> Tools:
        return self._session.tools(self._image)

    def _unused(self, index: Index) -> int:
        return self._tools().state(index).free_label()

    def _delete(self, index: Index, label: int) -> None:
        self._tools().delete(index, [label])

    def _merge(self, index: Index, keep: int, gone: int) -> None:
        self._tools().merge(index, keep, gone)

    def _tell(self, text: str) -> None:
        self._session.status = Status("done", text)

    def _on_stroke(self, touched: tuple[int, ...]) -> None:
        """Offer to make cells of the pieces of one that a stroke cut."""
        index = self._session.frame
        labels = self._tools().state(index).labels
        for label in touched:
            if (labels == label).any() and (count := len(pieces(labels, label))) > 1:
                make = ("Make separate cells", partial(self._separate, index, label))
                leave = ("Leave it", self._drop_question)
                text = f"Cell {label} is in {count} pieces now."
                self._session.status = Status("ask", text, choices=(make, leave))

    def _separate(self, index: Index, label: int) -> None:
        self._drop_question()
        self._tools().separate(index, label)

    def _drop_question(self) -> None:
        self._session.status = Status()
