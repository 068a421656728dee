"""What a person does in a masks layer, told to the session; nothing that changes it is missed."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

from napari.components import ViewerModel
from napari.layers import Labels
from qtpy.QtCore import QTimer

from napari_touchup.core.entries import Index
from napari_touchup.session.images import Image
from napari_touchup.session.session import Session
from napari_touchup.ui.layers import Grid, shown_frame
from napari_touchup.ui.paint_events import patches

KINDS = {"paint": "brush", "erase": "erase", "fill": "fill", "polygon": "draw"}  # of layer modes


class Strokes:
    """Listens to the masks layer of one image.

    Of brush, eraser, bucket and polygon napari tells by an event. Of undo, redo and of what other
    code writes it does not: the shown frame is compared with the project whenever it is drawn
    anew, and when another one is shown.
    """

    def __init__(self, viewer: ViewerModel, session: Session, image: Image, grid: Grid) -> None:
        self._viewer = viewer
        self._session = session
        self._image = image
        self._grid = grid
        self._masks: Labels | None = None
        self._quiet = False  # what changes now comes from the project
        self._last: Index = ()  # the frame that was shown when last looked

    def watch(self, masks: Labels) -> None:
        self.release()
        self._masks, self._last = (
            masks,
            shown_frame(masks, self._grid.axes, self._viewer.dims.point),
        )
        masks.events.paint.connect(self._on_paint)
        masks.events.set_data.connect(self.catch)
        masks.mouse_drag_callbacks.append(self._watch_stroke)

    def release(self) -> None:
        """Let go of the layer."""
        masks, self._masks = self._masks, None
        self._end_stroke()
        if masks is not None:
            masks.events.paint.disconnect(self._on_paint)
            masks.events.set_data.disconnect(self.catch)
            masks.mouse_drag_callbacks.remove(self._watch_stroke)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Write into the layer what the project holds: no person did it."""
        before, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = before

    def catch(self) -> None:
        """Find an edit that no event told of, in the frame that was shown until now."""
        masks = self._masks
        if masks is None or self._quiet or self._session.painting is self._image:
            return
        if masks.data.shape == self._grid.shape:  # else it holds other data, and is none of ours
            plane = self._grid.plane(masks.data, self._last)
            self._session.tools(self._image).catch(self._last, plane)
        self._last = shown_frame(masks, self._grid.axes, self._viewer.dims.point)

    def check_stroke(self) -> None:
        """End a stroke whose end is not told: that of a layer that is not active any more."""
        if self._viewer.layers.selection.active is not self._masks:
            self._end_stroke()

    def _on_paint(self, event: Any) -> None:
        masks = self._masks
        if masks is None or self._quiet or masks.data.shape != self._grid.shape:
            return
        changed = patches(event.value, masks.data, self._grid)
        kind = KINDS.get(str(masks.mode), "outside")
        with self.writing():
            self._session.tools(self._image).stroke(kind, changed)

    def _watch_stroke(self, _layer: Labels, event: Any) -> Generator[None]:
        self._session.painting = self._image
        yield
        while event.type == "mouse_move":
            yield
        # napari ends the stroke in this same release
        QTimer.singleShot(0, self._end_stroke)

    def _end_stroke(self) -> None:
        if self._session.painting is self._image:
            self._session.painting = None
