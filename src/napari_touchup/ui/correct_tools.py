"""The tools of the *Correct* fold in one table: button, key, and what each does."""

from collections.abc import Callable
from dataclasses import dataclass

from napari_touchup.session.session import Session
from napari_touchup.ui.correct import Correct
from napari_touchup.ui.mark_brush import Kind
from napari_touchup.ui.undo_keys import REDO, UNDO


@dataclass(frozen=True)
class Tool:
    """A button of the fold.

    Attributes
    ----------
    key : that does the same; "" where there is none. None of them is one of napari's
    checkable : it stays in the hand until it is put down
    """

    name: str
    title: str
    tooltip: str
    act: Callable[[], None]
    key: str = ""
    checkable: bool = False


def tools_of(correct: Correct, session: Session) -> tuple[Tool, ...]:
    def marks(kind: Kind) -> Callable[[], None]:
        return lambda: correct.take_marks(kind)

    return (
        Tool("new", "New cell", "Paint a cell that is missing", correct.new_cell, "N"),
        Tool(
            "split", "Split", "Draw a line through a cell that is two", correct.drawing.split, "Q"
        ),
        Tool(
            "merge", "Merge",
            "Draw a line from one cell into the other: they are one. Alt+click does the same",
            correct.drawing.merge, "G",
        ),
        Tool("confirm", "Confirm", "The selected cell is right: it teaches", correct.confirm, "K"),
        Tool(
            "unconfirm", "Take back", "The selected cell shall not teach", correct.unconfirm, "U"
        ),
        Tool(
            "delete", "Delete",
            "The selected cell is none; its place teaches background. Ctrl+click does the same",
            correct.delete, "Delete",
        ),
        Tool(
            "smooth", "Smooth", "Fill the holes of the selected cell and smooth its outline",
            correct.smooth, "W",
        ),
        Tool(
            "next", "Next cell", "Show the next cell that nobody reviewed", correct.next_cell, "J"
        ),
        Tool(
            "background", "Background", "Brush: what it paints is background, and teaches",
            marks("background"), checkable=True,
        ),
        Tool(
            "ignore", "Ignore", "Brush: what it paints does not count in training",
            marks("ignore"), checkable=True,
        ),
        Tool(
            "region", "Region right",
            "Draw a rectangle in which everything is right, cells and background",
            correct.drawing.region_right,
        ),
        Tool(
            "right", "All right", "Everything in this frame is right, cells and background",
            correct.frame_right,
        ),
        Tool(
            "done", "Done", "End the review of this frame: new masks will leave it as it is",
            correct.finish,
        ),
        Tool("undo", "Undo", "Take the last correction back, in whatever frame", session.undo,
             UNDO),
        Tool("redo", "Redo", "Do again what was taken back", session.redo, REDO),
    )  # fmt: skip
