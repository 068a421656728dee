"""What the buttons and keys of the *Correct* fold do to the shown frame."""

from collections.abc import Callable

import numpy as np
from napari.components import ViewerModel
from numpy.typing import NDArray

from napari_touchup.core.delta import Box
from napari_touchup.session.frame_state import FrameState
from napari_touchup.session.frames import Index
from napari_touchup.session.project import Changed
from napari_touchup.session.session import Session
from napari_touchup.session.status import Status
from napari_touchup.session.tools import Tools
from napari_touchup.ui.binding import Binding
from napari_touchup.ui.line_tool import LineTool
from napari_touchup.ui.mark_brush import Kind, MarkBrush
from napari_touchup.ui.region_tool import RegionTool
from napari_touchup.ui.results import Results

ROOM = 8.0  # a cell that is looked at has so many times its size around it
NO_MASKS = "There are no masks yet: press Segment first, or open an image."
NO_CELL = "Choose a cell first: click it with the pick tool (5), or start a stroke on it."


class Correct:
    """Acts on the selected cell; an error of a tool becomes a sentence in the status."""

    def __init__(self, viewer: ViewerModel, session: Session, binding: Binding) -> None:
        self._viewer = viewer
        self._session = session
        self._binding = binding
        self.marks = MarkBrush(viewer, binding)
        self._split = LineTool(viewer, "a line through a cell", self._on_split)
        self._merge = LineTool(viewer, "a line from one cell into the other", self._on_merge)
        self._region = RegionTool(viewer, self._on_region)
        self.shows_review = True  # from the first correction on
        session.changed.connect(self._on_session_changed)

    def close(self) -> None:
        self.marks.close()
        self._session.changed.disconnect(self._on_session_changed)

    def new_cell(self) -> None:
        """Take the brush; a stroke makes a new cell."""
        results = self._results()
        if results is not None and results.masks is not None:
            self.marks.put_down()
            self._viewer.layers.selection.active = results.masks
            results.masks.selected_label = self._state(results).free_label()
            results.masks.mode = "paint"

    def confirm(self) -> None:
        self._on_cell(lambda tools, label: tools.confirm(self._session.frame, [label]))

    def unconfirm(self) -> None:
        self._on_cell(lambda tools, label: tools.unconfirm(self._session.frame, [label]))

    def delete(self) -> None:
        self._on_cell(lambda tools, label: tools.delete(self._session.frame, [label]))

    def smooth(self) -> None:
        self._on_cell(lambda tools, label: tools.smooth(self._session.frame, label))

    def split(self) -> None:
        """Let a person draw a line through a cell."""
        self._draw(self._split)

    def merge(self) -> None:
        """Let a person draw a line from one cell into another."""
        self._draw(self._merge)

    def region_right(self) -> None:
        """Let a person draw a rectangle in which everything is right."""
        self._draw(self._region)

    def frame_right(self) -> None:
        """Confirm all that the frame shows, background too."""
        results = self._results()
        if results is not None:
            self._tools(results).right(self._session.frame)

    def finish(self) -> None:
        """End the review of the frame, or take it up again."""
        results = self._results()
        if results is not None:
            done = self._session.project.is_done(results.image.key, self._session.frame)
            self._tools(results).finish(self._session.frame, not done)

    def take_marks(self, kind: Kind) -> None:
        """Take a brush that paints no cell, or put it down if it is in the hand."""
        if self.marks.kind == kind:
            self.marks.put_down()
        elif self._results() is not None:
            self.marks.take(kind)

    def next_cell(self) -> None:
        """Select and show the next cell that nobody reviewed."""
        results = self._results()
        if results is None or results.masks is None:
            return
        state = self._state(results)
        reviewed = [label for label, known in state.objects.items() if known.reviewed]
        left = np.setdiff1d(np.unique(state.labels), [0, *reviewed])
        if not left.size:
            self._say("All cells of this frame are reviewed.")
            return
        above = left[left > results.masks.selected_label]
        label = int(above[0] if above.size else left[0])
        results.masks.selected_label = label
        box = state.box_of([label])
        if box is not None:
            self._binding.look_at(results.masks, box, ROOM)

    def show_review(self, shown: bool) -> None:
        """Show or hide what teaches and what is kept for checking."""
        self.shows_review = shown
        results = self._binding.current
        if results is None:
            return
        if shown and results.masks is not None and "review" not in results.live:
            results.show_review()
        elif not shown and "review" in results.layers:
            self._viewer.layers.remove(results.layers["review"])

    def outlines_only(self, only: bool) -> None:
        results = self._binding.current
        if results is not None and results.masks is not None:
            results.masks.contour = int(only)

    def describe_cell(self) -> str:
        """Say what the selected cell is to training, and why."""
        results = self._binding.current
        if results is None or results.masks is None:
            return ""
        label = int(results.masks.selected_label)
        state = self._state(results)
        return described(state, label) if (state.labels == label).any() else ""

    def _draw(self, tool: LineTool | RegionTool) -> None:
        results = self._results()
        if results is not None:
            for other in (self._split, self._merge, self._region):
                other.cancel()
            self.marks.put_down()
            tool.start(results.grid)

    def _on_split(self, index: Index, line: NDArray[np.floating]) -> None:
        self._try(lambda tools: tools.split(index, line))

    def _on_merge(self, index: Index, line: NDArray[np.floating]) -> None:
        self._try(lambda tools: tools.merge_along(index, line))

    def _on_region(self, index: Index, box: Box) -> None:
        self._try(lambda tools: tools.right(index, box))

    def _on_session_changed(self, changed: Changed) -> None:
        results = self._binding.current
        if not self.shows_review or changed.kind == "predicted" or results is None:
            return
        if changed.image == results.image.key and "review" not in results.live:
            results.show_review()

    def _on_cell(self, act: Callable[[Tools, int], None]) -> None:
        results = self._results()
        if results is None or results.masks is None:
            return
        label = int(results.masks.selected_label)
        if not (self._state(results).labels == label).any():
            self._say(NO_CELL)
            return
        self._try(lambda tools: act(tools, label))

    def _try(self, act: Callable[[Tools], None]) -> None:
        results = self._results()
        if results is not None:
            try:
                act(self._tools(results))
            except ValueError as error:
                self._say(str(error))

    def _results(self) -> Results | None:
        results = self._binding.current
        if results is None or results.masks is None:
            self._say(NO_MASKS)
            return None
        self._session.settle.emit()
        return results

    def _tools(self, results: Results) -> Tools:
        return self._session.tools(results.image)

    def _state(self, results: Results) -> FrameState:
        return self._tools(results).state(self._session.frame)

    def _say(self, text: str) -> None:
        self._session.status = Status("ask", text)


def described(state: FrameState, label: int) -> str:
    """Say what a cell is to training, and why."""
    known = state.objects.get(label)
    if known is None:
        return f"Cell {label}: not reviewed, so it does not teach."
    if known.state == "untouched":
        return f"Cell {label}: taken back, so it does not teach."
    if known.held_out:
        return f"Cell {label}: {known.state}, kept for checking (one of five); it never teaches."
    return f"Cell {label}: {known.state}, teaches, with the ring around it."
