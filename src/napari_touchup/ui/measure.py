"""A line across a cell gives the diameter."""

from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Shapes
from qtpy.QtCore import QTimer

from napari_touchup.session.session import Session
from napari_touchup.ui.binding import Binding

NAME = "draw a line across a cell"


class Measure:
    """Adds a layer to draw one line on, takes its length, and removes the layer."""

    def __init__(self, viewer: ViewerModel, session: Session, binding: Binding) -> None:
        self._viewer = viewer
        self._session = session
        self._binding = binding
        self._lines: Shapes | None = None
        self._before: Any = None  # the layer that was active

    def start(self) -> None:
        now = self._binding.current
        if now is None or (self._lines is not None and self._lines in self._viewer.layers):
            return
        self._before = self._viewer.layers.selection.active
        plane = [now.grid.axes.index("Y"), now.grid.axes.index("X")]
        plane.sort()
        self._lines = Shapes(
            ndim=2,
            name=NAME,
            edge_color="#f0e442",
            edge_width=2,
            scale=now.grid.place["scale"][plane],
            translate=now.grid.place["translate"][plane],
            units=[now.grid.place["units"][n] for n in plane],
            axis_labels=[now.grid.place["axis_labels"][n] for n in plane],
        )
        self._viewer.add_layer(self._lines)
        self._lines.mode = "add_line"
        self._lines.events.data.connect(self._on_drawn)

    def _on_drawn(self, event: Any) -> None:
        if self._lines is None or str(event.action) != "added":
            return
        line = np.asarray(self._lines.data[-1])
        length = float(np.linalg.norm(line[-1] - line[0]))
        # the layer cannot go while napari still handles the mouse in it
        QTimer.singleShot(0, self._remove)
        if length >= 1:
            update = {"diameter": round(length, 1)}
            self._session.options = self._session.options.model_copy(update=update)

    def _remove(self) -> None:
        lines, self._lines = self._lines, None
        if lines is not None and lines in self._viewer.layers:
            self._viewer.layers.remove(lines)
        if self._before in self._viewer.layers:
            self._viewer.layers.selection.active = self._before
