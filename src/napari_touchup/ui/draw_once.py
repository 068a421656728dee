"""A layer that is there for one shape, and then gone."""

from collections.abc import Callable
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Shapes
from numpy.typing import NDArray
from qtpy.QtCore import QTimer

from napari_touchup.core.entries import Index
from napari_touchup.ui.layers import Grid

YELLOW = "#f0e442"  # of Okabe and Ito: safe for the colour-blind


class DrawOnce:
    """Lets a person draw one shape, and gives back the layer that was active before.

    Escape ends it without a shape, and so does choosing another layer.

    Parameters
    ----------
    viewer : ViewerModel
    name : str
        Of the layer, which says what to draw.
    mode : str
        Of the layer, e.g. "add_line".
    done : callable
        Takes the index of the frame and the shape's corners, an (N, 2) array of y, x in pixels;
        called when the layer is gone.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        name: str,
        mode: str,
        done: Callable[[Index, NDArray[np.floating]], None],
    ) -> None:
        self._viewer = viewer
        self._name = name
        self._mode = mode
        self._done = done
        self._grid: Grid | None = None
        self._shapes: Shapes | None = None
        self._before: Any = None  # the layer that was active

    @property
    def waiting(self) -> bool:
        """Whether there is a layer to draw on."""
        return self._shapes is not None

    def start(self, grid: Grid) -> None:
        """Add the layer, on the pixels of this grid."""
        if self.waiting:
            return
        self._grid = grid
        self._before = self._viewer.layers.selection.active
        self._shapes = Shapes(
            ndim=len(grid.axes),
            name=self._name,
            edge_color=YELLOW,
            edge_width=2,
            face_color="transparent",
            **grid.place,
        )
        self._viewer.add_layer(self._shapes)
        self._shapes.mode = self._mode
        self._shapes.events.data.connect(self._on_drawn)
        self._shapes.bind_key("Escape", self._on_escape)
        self._viewer.layers.selection.events.active.connect(self._on_active)

    def cancel(self) -> None:
        """Take the layer away."""
        self._end(None)

    def _on_escape(self, _layer: Shapes) -> None:
        self._end_soon(None)

    def _on_active(self) -> None:
        if self._viewer.layers.selection.active is not self._shapes:
            self._before = self._viewer.layers.selection.active
            self._end_soon(None)

    def _on_drawn(self, event: Any) -> None:
        if self._shapes is not None and str(event.action) == "added":
            self._end_soon(np.asarray(self._shapes.data[-1]))

    def _end_soon(self, corners: NDArray[np.floating] | None) -> None:
        # the layer cannot go while napari still handles the mouse in it
        QTimer.singleShot(0, lambda: self._end(corners))

    def _end(self, corners: NDArray[np.floating] | None) -> None:
        shapes, self._shapes = self._shapes, None
        if shapes is None:
            return
        self._viewer.layers.selection.events.active.disconnect(self._on_active)
        shapes.events.data.disconnect(self._on_drawn)
        if shapes in self._viewer.layers:
            self._viewer.layers.remove(shapes)
        if self._before in self._viewer.layers:
            self._viewer.layers.selection.active = self._before
        if corners is not None and self._grid is not None:
            self._done(*placed(corners, self._grid))


def placed(corners: NDArray[np.floating], grid: Grid) -> tuple[Index, NDArray[np.floating]]:
    """Give the frame of a shape, and its corners in it.

    Parameters
    ----------
    corners : (N, D) float array
        In pixels, along the axes of `grid`.

    Returns
    -------
    index : of the frame
    (N, 2) float array
        y, x

    Examples
    --------
    >>> placed(np.array([[3, 20, 10], [3, 21, 11]]), Grid("TXY", (5, 40, 30), {}))
    ((3,), array([[10, 20],
           [11, 21]]))
    """
    axes = zip(grid.axes, grid.shape, corners[0], strict=True)
    index = tuple(min(max(round(n), 0), size - 1) for a, size, n in axes if a in "TZ")
    return index, corners[:, [grid.axes.index("Y"), grid.axes.index("X")]]
