"""The masks that are shown, for tools that act on them."""

from collections.abc import Callable

from napari_touchup.session.frame_state import FrameState
from napari_touchup.session.session import Session
from napari_touchup.session.status import Status
from napari_touchup.session.tools import Tools
from napari_touchup.ui.binding import Binding
from napari_touchup.ui.results import Results

NO_MASKS = "There are no masks yet: press Segment first, or open an image."


class ShownMasks:
    """Gives what a tool needs; an error of a tool becomes a sentence in the status."""

    def __init__(self, session: Session, binding: Binding) -> None:
        self._session = session
        self._binding = binding

    def results(self) -> Results | None:
        """Results of the image that is chosen, with masks; None, and the status says so."""
        results = self._binding.current
        if results is None or results.masks is None:
            self.say(NO_MASKS)
            return None
        self._session.settle.emit()
        return results

    def tools(self, results: Results) -> Tools:
        return self._session.tools(results.image)

    def state(self, results: Results) -> FrameState:
        """State of the shown frame."""
        return self.tools(results).state(self._session.frame)

    def attempt(self, act: Callable[[Tools], None]) -> None:
        results = self.results()
        if results is not None:
            try:
                act(self.tools(results))
            except ValueError as error:
                self.say(str(error))

    def say(self, text: str) -> None:
        self._session.status = Status("ask", text)
