"""Plots as they stand in the docks: small, quiet, seen in the dark and in the light theme."""

import pyqtgraph as pg

GREY = "#8f8f8f"  # of axes; seen in the dark and in the light theme


def quiet_plot() -> pg.PlotWidget:
    """Make a plot that shows, and is not played with."""
    plot = pg.PlotWidget(background=None)  # type: ignore[no-untyped-call]
    plot.setMouseEnabled(x=False, y=False)
    plot.hideButtons()
    plot.setMenuEnabled(False)
    for side in ("left", "bottom"):
        axis = plot.getAxis(side)
        axis.setPen(GREY)
        axis.setTextPen(GREY)
        axis.enableAutoSIPrefix(False)
    return plot
