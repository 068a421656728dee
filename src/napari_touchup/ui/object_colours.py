"""Objects of a labels layer in the colours of what is measured of them."""

from collections.abc import Generator
from typing import Any

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap
from numpy.typing import NDArray

from napari_touchup.session.job import Dispatch, Job
from napari_touchup.ui.histogram import colours

LEVELS = 64  # different colours
OTHERS = "#9999998c"  # objects without a value, or filtered out


class ObjectColours:
    """Takes the place of a layer's colours, and gives them back."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self._labels: Labels | None = None
        self._old: Any = None  # the colours that the layer had
        self._own: Any = None  # those that it has from here
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

        def events() -> Generator[DirectLabelColormap]:
            yield colormap_of(cells, values, span)  # some 10 µs for each object

        job = Job(events(), self._dispatch)
        job.progressed.connect(lambda colormap: self._on_made(run, colormap))
        job.start()

    def off(self) -> None:
        """Give the layer its colours back, unless it got others meanwhile."""
        self._run += 1
        labels, self._labels = self._labels, None
        own, self._own = self._own, None
        if labels is not None and own is not None and labels.colormap is own:
            labels.colormap = self._old

    def _on_made(self, run: int, colormap: DirectLabelColormap) -> None:
        labels = self._labels
        if run != self._run or labels is None:
            return
        if self._own is None or labels.colormap is not self._own:
            self._old = labels.colormap
        labels.colormap = colormap
        self._own = labels.colormap


def colormap_of(
    cells: NDArray[np.integer], values: NDArray[np.float64], span: tuple[float, float]
) -> DirectLabelColormap:
    """Give each object the colour of its value; what is no number is grey."""
    table = colours(np.linspace(*span, LEVELS), span)
    low, high = span
    known = np.isfinite(values)
    parts = np.clip((values[known] - low) / ((high - low) or 1), 0, 1)
    level = np.rint(parts * (LEVELS - 1)).astype(int)
    chosen = dict(zip(cells[known].tolist(), table[level], strict=True))
    return DirectLabelColormap(color_dict={None: OTHERS, 0: "transparent", **chosen})
