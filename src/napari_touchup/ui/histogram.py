"""How the values of a column are spread; its bars have the colours of the objects."""

import numpy as np
import pyqtgraph as pg
from napari.utils.colormaps import ensure_colormap
from numpy.typing import NDArray
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_touchup.ui.plots import quiet_plot
from napari_touchup.ui.turning import fill_height

COLORMAP = "viridis"  # safe for the colour-blind, and ordered in grey too
BARS = 6, 32  # fewest, most
MARK = "#d55e00"  # of the selected object


class Histogram(QWidget):
    """Bars, and a line where the selected object is."""

    def __init__(self) -> None:
        super().__init__()
        self.plot = quiet_plot()
        self.bars = pg.BarGraphItem(x0=[], x1=[], height=[])  # type: ignore[no-untyped-call]
        self.mark = pg.InfiniteLine(  # type: ignore[no-untyped-call]
            pen=pg.mkPen(MARK, width=2)  # type: ignore[no-untyped-call]
        )

        fill_height(self.plot, 66)
        self.plot.getViewBox().setLimits(yMin=0)
        for item in (self.bars, self.mark):
            self.plot.addItem(item)  # type: ignore[no-untyped-call]
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot)
        self.setToolTip("How many objects have which value; the line is the selected object")
        self.mark.setVisible(False)

    def show_values(self, values: NDArray[np.float64], span: tuple[float, float]) -> None:
        """Show the values of all objects; `span` is that of the colours."""
        values = values[np.isfinite(values)]
        heights, edges = np.histogram(values, bins_of(values))
        middle = (edges[1:] + edges[:-1]) / 2
        brushes = (colours(middle, span) * 255).astype(int).tolist()
        self.bars.setOpts(  # type: ignore[no-untyped-call]
            x0=edges[:-1], x1=edges[1:], height=heights, brushes=brushes, pen=None
        )
        self.plot.setVisible(bool(values.size))

    def show_mark(self, value: float | None) -> None:
        self.mark.setVisible(value is not None)
        if value is not None:
            self.mark.setValue(value)  # type: ignore[no-untyped-call]


def bins_of(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Edges of bars: about the square root of the count; whole numbers lie in their middle.

    >>> bins_of(np.array([0.0, 1, 1, 3])).tolist()
    [-0.5, 0.5, 1.5, 2.5, 3.5]
    """
    if not values.size:
        return np.array([0.0, 1.0])
    low, high = float(values.min()), float(values.max())
    if high - low < BARS[1] and np.array_equal(values, np.rint(values)):
        return np.arange(low, high + 2) - 0.5
    if low == high:
        low, high = low - 0.5, high + 0.5
    count = int(np.clip(np.sqrt(values.size) * 1.5, *BARS))
    return np.linspace(low, high, count + 1)


def colours(values: NDArray[np.float64], span: tuple[float, float]) -> NDArray[np.float64]:
    """Colours of values, (N, 4) of 0..1: those of the span's ends for all beyond."""
    low, high = span
    parts = np.clip((values - low) / ((high - low) or 1), 0, 1)
    found = ensure_colormap(COLORMAP).map(parts)  # type: ignore[no-untyped-call]
    return np.asarray(found, np.float64)
