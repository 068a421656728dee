"""A rectangle in which everything is right."""

from collections.abc import Callable

import numpy as np
from napari.components import ViewerModel
from numpy.typing import NDArray

from napari_touchup.core.delta import Box
from napari_touchup.core.entries import Index
from napari_touchup.ui.draw_once import DrawOnce
from napari_touchup.ui.layers import Grid

NAME = "draw a rectangle in which everything is right (Esc: leave it)"


class RegionTool:
    """Lets a person draw a rectangle.

    Parameters
    ----------
    viewer : ViewerModel
    choose : callable
        Takes the index of a frame and the box of the pixels whose centres are in the rectangle.
    """

    def __init__(self, viewer: ViewerModel, choose: Callable[[Index, Box], None]) -> None:
        self._choose = choose
        self._shape: tuple[int, int] = (0, 0)
        self._rectangle = DrawOnce(viewer, NAME, "add_rectangle", self._on_rectangle)

    @property
    def waiting(self) -> bool:
        """Whether a rectangle is awaited."""
        return self._rectangle.waiting

    def start(self, grid: Grid) -> None:
        self._shape = grid.shape[grid.axes.index("Y")], grid.shape[grid.axes.index("X")]
        self._rectangle.start(grid)

    def cancel(self) -> None:
        self._rectangle.cancel()

    def _on_rectangle(self, index: Index, corners: NDArray[np.floating]) -> None:
        box = box_inside(corners, self._shape)
        if box is not None:
            self._choose(index, box)


def box_inside(corners: NDArray[np.floating], shape: tuple[int, int]) -> Box | None:
    """Box of the pixels whose centres lie between corners; None if there are none.

    >>> box_inside(np.array([[0.4, -3], [2.2, 1.0]]), (10, 10))
    (slice(1, 3, None), slice(0, 2, None))
    """
    start = np.maximum(np.ceil(corners.min(axis=0)), 0).astype(int)
    stop = np.minimum(np.floor(corners.max(axis=0)) + 1, shape).astype(int)
    if (stop <= start).any():
        return None
    return slice(int(start[0]), int(stop[0])), slice(int(start[1]), int(stop[1]))
