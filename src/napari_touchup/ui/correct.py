"""What the buttons and keys of the *Correct* fold do to the shown frame."""

from collections.abc import Callable

import numpy as np
from napari.components import ViewerModel

from napari_touchup.session.session import Session
from napari_touchup.session.tools import Tools
from napari_touchup.ui.binding import Binding
from napari_touchup.ui.drawing import Drawing
from napari_touchup.ui.mark_brush import Kind, MarkBrush
from napari_touchup.ui.review import Review
from napari_touchup.ui.shown_masks import ShownMasks

ROOM = 8.0  # a cell that is looked at has so many times its size around it
NO_CELL = "Choose a cell first: click it with the pick tool (5), or start a stroke on it."


class Correct:
    """Acts on the selected cell, or on the whole frame."""

    def __init__(self, viewer: ViewerModel, session: Session, binding: Binding) -> None:
        self._viewer = viewer
        self._session = session
        self._binding = binding
        self._shown = ShownMasks(session, binding)
        self.marks = MarkBrush(viewer, binding)
        self.drawing = Drawing(viewer, self._shown, self.marks)
        self.review = Review(viewer, session, binding)

    def close(self) -> None:
        self.marks.close()
        self.review.close()

    def new_cell(self) -> None:
        """Take the brush; a stroke makes a new cell."""
        results = self._shown.results()
        if results is not None and results.masks is not None:
            self.marks.put_down()
            self._viewer.layers.selection.active = results.masks
            results.masks.selected_label = self._shown.state(results).free_label()
            results.masks.mode = "paint"

    def confirm(self) -> None:
        self._on_cell(lambda tools, label: tools.confirm(self._session.frame, [label]))

    def unconfirm(self) -> None:
        self._on_cell(lambda tools, label: tools.unconfirm(self._session.frame, [label]))

    def delete(self) -> None:
        self._on_cell(lambda tools, label: tools.delete(self._session.frame, [label]))

    def smooth(self) -> None:
        self._on_cell(lambda tools, label: tools.smooth(self._session.frame, label))

    def frame_right(self) -> None:
        """Confirm all that the frame shows, background too."""
        self._shown.attempt(lambda tools: tools.right(self._session.frame))

    def finish(self) -> None:
        """End the review of the frame, or take it up again."""
        results = self._shown.results()
        if results is not None:
            done = self._session.project.is_done(results.image.key, self._session.frame)
            self._shown.tools(results).finish(self._session.frame, not done)

    def take_marks(self, kind: Kind) -> None:
        """Take a brush that paints no cell, or put it down if it is in the hand."""
        if self.marks.kind == kind:
            self.marks.put_down()
        elif self._shown.results() is not None:
            self.marks.take(kind)

    def next_cell(self) -> None:
        """Select and show the next cell that nobody reviewed."""
        results = self._shown.results()
        if results is None or results.masks is None:
            return
        state = self._shown.state(results)
        reviewed = [label for label, known in state.objects.items() if known.reviewed]
        left = np.setdiff1d(np.unique(state.labels), [0, *reviewed])
        if not left.size:
            self._shown.say("All cells of this frame are reviewed.")
            return
        above = left[left > results.masks.selected_label]
        label = int(above[0] if above.size else left[0])
        results.masks.selected_label = label
        box = state.box_of([label])
        if box is not None:
            self._binding.look_at(results.masks, box, ROOM)

    def outlines_only(self, only: bool) -> None:
        results = self._binding.current
        if results is not None and results.masks is not None:
            results.masks.contour = int(only)

    def _on_cell(self, act: Callable[[Tools, int], None]) -> None:
        results = self._shown.results()
        if results is None or results.masks is None:
            return
        label = int(results.masks.selected_label)
        if (self._shown.state(results).labels == label).any():
            self._shown.attempt(lambda tools: act(tools, label))
        else:
            self._shown.say(NO_CELL)
