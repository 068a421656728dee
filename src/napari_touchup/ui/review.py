"""What the window shows of a review: its layer, and what the selected cell is to training."""

from napari.components import ViewerModel

from napari_touchup.core.entries import NO_HAND
from napari_touchup.session.frame_state import FrameState
from napari_touchup.session.project import Changed
from napari_touchup.session.session import Session
from napari_touchup.ui.binding import Binding


class Review:
    """Shows the review layer from the first correction of an image on, unless switched off."""

    def __init__(self, viewer: ViewerModel, session: Session, binding: Binding) -> None:
        self._viewer = viewer
        self._session = session
        self._binding = binding
        self.wanted = True
        session.changed.connect(self._on_session_changed)

    def close(self) -> None:
        self._session.changed.disconnect(self._on_session_changed)

    def show(self, shown: bool) -> None:
        """Show or hide what teaches and what is kept for checking."""
        self.wanted = shown
        results = self._binding.current
        if results is None:
            return
        if shown and results.masks is not None and "review" not in results.live:
            results.show_review()
        elif not shown and "review" in results.layers:
            self._viewer.layers.remove(results.layers["review"])

    def describe_cell(self) -> str:
        """Say what the selected cell is to training, and why."""
        results = self._binding.current
        if results is None or results.masks is None:
            return ""
        label = int(results.masks.selected_label)
        state = self._session.tools(results.image).state(self._session.frame)
        return described(state, label) if (state.labels == label).any() else ""

    def _on_session_changed(self, changed: Changed) -> None:
        results = self._binding.current
        if not self.wanted or changed.kind in NO_HAND or results is None:
            return
        if changed.image == results.image.key and "review" not in results.live:
            results.show_review()


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
