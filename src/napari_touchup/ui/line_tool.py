"""A line that a person draws on the cells of a frame."""

from collections.abc import Callable

import numpy as np
from napari.components import ViewerModel
from numpy.typing import NDArray

from napari_touchup.core.entries import Index
from napari_touchup.ui.draw_once import DrawOnce
from napari_touchup.ui.layers import Grid


class LineTool:
    """Lets a person draw a line.

    Parameters
    ----------
    viewer : ViewerModel
    what : str
        Is to be drawn, such as "a line through a cell".
    done : callable
        Takes the index of a frame and the line, a (2, 2) array of y, x in pixels.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        what: str,
        done: Callable[[Index, NDArray[np.floating]], None],
    ) -> None:
        self._call = done
        self._line = DrawOnce(viewer, f"draw {what} (Esc: leave it)", "add_line", self._on_line)

    @property
    def waiting(self) -> bool:
        """Whether a line is awaited."""
        return self._line.waiting

    def start(self, grid: Grid) -> None:
        self._line.start(grid)

    def cancel(self) -> None:
        self._line.cancel()

    def _on_line(self, index: Index, line: NDArray[np.floating]) -> None:
        if np.linalg.norm(line[-1] - line[0]) >= 1:  # a mere click is no line
            self._call(index, line)
