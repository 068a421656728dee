"""A line across a cell gives the diameter."""

import numpy as np
from napari.components import ViewerModel
from numpy.typing import NDArray

from napari_touchup.core.entries import Index
from napari_touchup.session.session import Session
from napari_touchup.ui.binding import Binding
from napari_touchup.ui.draw_once import DrawOnce

NAME = "draw a line across a cell"


class Measure:
    """Takes the length of a line."""

    def __init__(self, viewer: ViewerModel, session: Session, binding: Binding) -> None:
        self._session = session
        self._binding = binding
        self._line = DrawOnce(viewer, NAME, "add_line", self._on_line)

    def start(self) -> None:
        now = self._binding.current
        if now is not None:
            self._line.start(now.grid)

    def _on_line(self, _index: Index, line: NDArray[np.floating]) -> None:
        length = float(np.linalg.norm(line[-1] - line[0]))
        if length >= 1:
            update = {"diameter": round(length, 1)}
            self._session.options = self._session.options.model_copy(update=update)
