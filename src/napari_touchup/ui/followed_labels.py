"""A labels layer whose changes are told, a little later."""

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

from napari.components import ViewerModel
from napari.layers import Image, Labels
from qtpy.QtCore import QTimer

from napari_touchup.core.entries import Index
from napari_touchup.ui.layers import level_0, shown_frame
from napari_touchup.ui.measured_layers import axes_of
from napari_touchup.ui.paint_events import changed_box

PAUSE_MS = 250  # without a change, before it is told


class FollowedLabels:
    """Watches one layer for strokes, undo and new data, and its image for new data.

    Parameters
    ----------
    viewer : ViewerModel
    changed : callable
        Takes the frames that may have changed.
    replaced : callable
        Called when data or scale are others.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        changed: Callable[[set[Index]], object],
        replaced: Callable[[], object],
    ) -> None:
        self._viewer = viewer
        self._changed = changed
        self._replaced = replaced
        self._labels: Labels | None = None
        self._image: Image | None = None
        self._data: Any = None  # of the labels, as it was when last looked
        self._frames: set[Index] = set()  # are told after a pause
        self._all = False  # everything is another
        self._number = 0  # of the last change; a pause that began before it tells nothing

    def watch(self, labels: Labels | None, image: Image | None = None) -> None:
        """Watch these from now on."""
        self.close()
        self._labels, self._image = labels, image
        if labels is not None:
            self._data = level_0(labels)
        for event, slot in self._connections():
            event.connect(slot)

    def close(self) -> None:
        """Let go of the layers."""
        self._number += 1
        self._frames.clear()
        for event, slot in self._connections():
            event.disconnect(slot)
        self._labels, self._image, self._data = None, None, None

    def _connections(self) -> list[tuple[Any, Callable[..., None]]]:
        found: list[tuple[Any, Callable[..., None]]] = []
        if self._labels is not None:
            events = self._labels.events
            found = [(events.paint, self._on_paint), (events.set_data, self._on_redrawn)]
            found += [(event, self._on_replaced) for event in (events.scale, events.units)]
        if self._image is not None:
            found.append((self._image.events.data, self._on_replaced))
        return found

    def _on_paint(self, event: Any) -> None:
        box, axes = changed_box(event.value), self._axes()
        if box is not None:
            spans = [
                range(s.start, s.stop)
                for s, letter in zip(box, axes, strict=False)
                if letter in "TZ"
            ]
            self._note(set(product(*spans)))

    def _on_redrawn(self) -> None:
        """Undo, redo and new data come without a paint event; so does another frame."""
        if self._labels is None:
            return
        if level_0(self._labels) is not self._data:
            self._on_replaced()
        else:
            self._note({shown_frame(self._labels, self._axes(), self._viewer.dims.point)})

    def _on_replaced(self) -> None:
        self._all = True
        self._note(set())

    def _note(self, frames: set[Index]) -> None:
        self._frames |= frames
        self._number += 1
        QTimer.singleShot(PAUSE_MS, partial(self._tell, self._number))

    def _tell(self, number: int) -> None:
        if number != self._number:
            return
        frames, self._frames = self._frames, set()
        everything, self._all = self._all, False
        if self._labels is not None:
            self._data = level_0(self._labels)
        if everything:
            self._replaced()
        else:
            self._changed(frames)

    def _axes(self) -> str:
        return "" if self._labels is None else axes_of(self._labels) or ""
