"""The loss of a running training, as a curve."""

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_touchup.ui.plots import GREY, quiet_plot

HEIGHT = 110  # pixels
EVERY_MS = 100  # at most ten drawings a second
SMOOTH = 0.9  # of the exponential mean: single steps scatter
FAINT, CLEAR = "#56b4e966", "#56b4e9"  # the steps, and their mean


class LossCurve(QWidget):
    """Grows step by step; is drawn now and then."""

    def __init__(self) -> None:
        super().__init__()
        self._losses: list[float] = []
        self._means: list[float] = []
        self.plot = quiet_plot()
        self._timer = QTimer(self)

        self._timer.setSingleShot(True)
        self._timer.setInterval(EVERY_MS)
        self.plot.setFixedHeight(HEIGHT)
        self.plot.setLabel("left", "loss", color=GREY)
        faint, clear = pg.mkPen(FAINT, width=1), pg.mkPen(CLEAR, width=2)  # type: ignore[no-untyped-call]
        self._steps = self.plot.plot(pen=faint)
        self._mean = self.plot.plot(pen=clear)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot)
        self.setToolTip("Training loss of each step (faint) and its running mean; lower is better")

        self._timer.timeout.connect(self._draw)

    def clear(self) -> None:
        self._losses, self._means = [], []
        self._draw()

    def add(self, loss: float) -> None:
        before = self._means[-1] if self._means else loss
        self._losses.append(loss)
        self._means.append(SMOOTH * before + (1 - SMOOTH) * loss)
        if not self._timer.isActive():
            self._timer.start()

    def _draw(self) -> None:
        steps = np.arange(1, len(self._losses) + 1)
        self._steps.setData(steps, np.array(self._losses))
        self._mean.setData(steps, np.array(self._means))
