"""Tools for which a person draws once: a line or a rectangle."""

import numpy as np
from napari.components import ViewerModel
from numpy.typing import NDArray

from napari_touchup.core.delta import Box
from napari_touchup.core.entries import Index
from napari_touchup.ui.line_tool import LineTool
from napari_touchup.ui.mark_brush import MarkBrush
from napari_touchup.ui.region_tool import RegionTool
from napari_touchup.ui.shown_masks import ShownMasks


class Drawing:
    """One of them at a time; no brush stays in the hand meanwhile."""

    def __init__(self, viewer: ViewerModel, shown: ShownMasks, marks: MarkBrush) -> None:
        self._shown = shown
        self._marks = marks
        self._split = LineTool(viewer, "a line through a cell", self._on_split)
        self._merge = LineTool(viewer, "a line from one cell into the other", self._on_merge)
        self._region = RegionTool(viewer, self._on_region)

    def split(self) -> None:
        """Let a person draw a line through a cell that is two."""
        self._start(self._split)

    def merge(self) -> None:
        """Let a person draw a line from one cell into another: they are one."""
        self._start(self._merge)

    def region_right(self) -> None:
        """Let a person draw a rectangle in which everything is right."""
        self._start(self._region)

    def _start(self, tool: LineTool | RegionTool) -> None:
        results = self._shown.results()
        if results is not None:
            for other in (self._split, self._merge, self._region):
                other.cancel()
            self._marks.put_down()
            tool.start(results.grid)

    def _on_split(self, index: Index, line: NDArray[np.floating]) -> None:
        self._shown.attempt(lambda tools: tools.split(index, line))

    def _on_merge(self, index: Index, line: NDArray[np.floating]) -> None:
        self._shown.attempt(lambda tools: tools.merge_along(index, line))

    def _on_region(self, index: Index, box: Box) -> None:
        self._shown.attempt(lambda tools: tools.right(index, box))
