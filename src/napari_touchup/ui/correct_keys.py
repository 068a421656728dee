"""The keys of the *Correct* and *Fine-tune* folds, for as long as the dock lives."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from napari.components import ViewerModel

from napari_touchup.session.session import Session
from napari_touchup.ui.correct import Correct
from napari_touchup.ui.correct_tools import tools_of
from napari_touchup.ui.keys import BoundKeys
from napari_touchup.ui.undo_keys import REDO, UNDO, UndoKeys

FLIP = "H"  # held down: the old masks


class CorrectKeys:
    """Binds the keys of the tools; undo and redo over napari's own."""

    def __init__(
        self,
        viewer: ViewerModel,
        session: Session,
        correct: Correct,
        flips: Sequence[Callable[[bool], None]],  # each shows old masks, or new ones again
    ) -> None:
        self._viewer = viewer
        self._flips = flips
        tools = [tool for tool in tools_of(correct, session) if tool.key not in ("", UNDO, REDO)]
        self._keys = BoundKeys(viewer, {tool.key: tool.act for tool in tools})
        self._undo = UndoKeys(viewer, session.undo, session.redo)
        viewer.bind_key(FLIP, self._on_flip, overwrite=True)

    def close(self) -> None:
        """Give the keys back."""
        self._viewer.bind_key(FLIP, None)
        self._undo.close()
        self._keys.close()

    def _on_flip(self, _viewer: Any) -> Iterator[None]:
        for flip in self._flips:
            flip(True)
        yield
        for flip in self._flips:
            flip(False)
