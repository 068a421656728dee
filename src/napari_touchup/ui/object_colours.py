"""Objects of a labels layer in the colours of what is measured of them."""

from collections.abc import Generator
from typing import Any, TypeAlias

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap
from numpy.typing import NDArray

from napari_touchup.session.job import Dispatch, Job
from napari_touchup.ui.histogram import colours

LEVELS = 64  # different colours
OTHERS = "#9999998c"  # objects without a value, or filtered out
Levels: TypeAlias = dict[int, int]  # of objects, 0 to LEVELS - 1


class ObjectColours:
    """Takes the place of a layer's colours, and gives them back."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self._labels: Labels | None = None
        self._old: Any = None  # the colours that the layer had
        self._own: Any = None  # those that it has from here
        self._levels: Levels = {}  # what they show
        self._run = 0  # generation: colours for older values are dropped

    def show(
        self,
        labels: Labels,
        cells: NDArray[np.integer],
        values: NDArray[np.float64],
        span: tuple[float, float],
    ) -> None:
        """Colour some objects of a layer by their values, the others grey."""
        if labels is not self._labels:
            self.off()
            self._labels = labels
        self._run += 1
        run = self._run
        # napari takes 0.1 s and more for other colours of a large layer
        shown = self._levels if self._own is not None and labels.colormap is self._own else None

        def events() -> Generator[tuple[Levels, DirectLabelColormap]]:
            levels = levels_of(cells, values, span)
            if levels != shown:
                yield levels, colormap_of(levels)  # some 10 µs for each object

        job = Job(events(), self._dispatch)
        job.progressed.connect(lambda made: self._on_made(run, *made))
        job.start()

    def off(self) -> None:
        """Give the layer its colours back, unless it got others meanwhile."""
        self._run += 1
        labels, self._labels = self._labels, None
        own, self._own = self._own, None
        if labels is not None and own is not None and labels.colormap is own:
            labels.colormap = self._old

    def _on_made(self, run: int, levels: Levels, colormap: DirectLabelColormap) -> None:
        labels = self._labels
        if run != self._run or labels is None:
            return
        if self._own is None or labels.colormap is not self._own:
            self._old = labels.colormap
        labels.colormap = colormap
        self._own, self._levels = labels.colormap, levels


def levels_of(
    cells: NDArray[np.integer], values: NDArray[np.float64], span: tuple[float, float]
) -> Levels:
    """Give each object the level of its value; what is no number has none.

    >>> levels_of(np.array([5, 7, 9, 11]), np.array([0.5, np.nan, 4, 1]), (0, 1))
    {5: 32, 9: 63, 11: 63}
    """
    low, high = span
    known = np.isfinite(values)
    parts = np.clip((values[known] - low) / ((high - low) or 1), 0, 1)
    levels = np.rint(parts * (LEVELS - 1)).astype(int)
    return dict(zip(cells[known].tolist(), levels.tolist(), strict=True))


def colormap_of(levels: Levels) -> DirectLabelColormap:
    """Colour objects by their levels; those without one are grey."""
    table = colours(np.linspace(0, 1, LEVELS), (0, 1))
    chosen = {cell: table[level] for cell, level in levels.items()}
    return DirectLabelColormap(color_dict={None: OTHERS, 0: "transparent", **chosen})
