"""What the window says: where the work stands, what was found, what went wrong."""

import platform
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Literal

from napari_touchup.core.measure import median_diameter
from napari_touchup.session.run import Summary

SAFE = "your image, your corrections, and all masks that were finished before."
Kind = Literal["idle", "busy", "done", "ask", "failed"]
Choice = tuple[str, Callable[[], None]]  # what the button says and does


@dataclass(frozen=True)
class Failure:
    """A failure, for people: what happened, what is safe, what to do, and a report to send."""

    what: str
    safe: str
    todo: str
    report: str


@dataclass(frozen=True)
class Status:
    kind: Kind = "idle"
    text: str = ""
    done: int = 0
    total: int = 0  # 0: unknown
    choices: tuple[Choice, ...] = ()
    failure: Failure | None = None


def found(summaries: Sequence[Summary], threshold: float) -> str:
    """Say what was found, or what to try where nothing was.

    >>> found([Summary((100, 120), 0.9)], 0.5)
    '2 cells, median 12 px'
    """
    sizes = [size for summary in summaries for size in summary.sizes]
    frames = f"{len(summaries)} frames, " if len(summaries) > 1 else ""
    if not sizes:
        return frames + nothing_found(max((s.highest for s in summaries), default=0), threshold)
    cells = "1 cell" if len(sizes) == 1 else f"{len(sizes)} cells"
    return f"{frames}{cells}, median {median_diameter(sizes):.0f} px"


def nothing_found(highest: float, threshold: float) -> str:
    """Propose what to try, in the order of what most often helps."""
    advice = "no cells found. Try another channel, or set the diameter of a cell (Advanced)"
    if 0.1 <= highest < threshold:
        return (
            f"{advice}, or a threshold below {highest:.2f} (Masks): the model is nowhere more"
            " certain than that."
        )
    if highest < 0.1:
        return (
            f"{advice}. A lower threshold will not help: the model sees nothing here that looks"
            " like a cell."
        )
    return f"{advice}, or a smaller minimum size (Masks): what was found is smaller than that."


def done_question(done: int, leave: Callable[[], None], change: Callable[[], None]) -> Status:
    """Ask before frames are changed whose review is ended."""
    frames, them = ("This frame is", "it") if done == 1 else (f"{done} frames are", "them")
    text = f"{frames} done. Corrected and confirmed cells stay in any case."
    return Status("ask", text, choices=((f"Leave {them}", leave), (f"Change {them} too", change)))


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def time_left(done: int, total: int, seconds: float) -> str:
    """Say how long the rest will take; nothing before there is something to go by.

    >>> time_left(1, 4, 10.0)
    ', 30 s left'
    """
    if not 0 < done < total:
        return ""
    left = seconds / done * (total - done)
    return f", {left:.0f} s left" if left < 100 else f", {left / 60:.0f} min left"


def failed(error: BaseException, text: str = "This did not work.") -> Status:
    return Status("failed", text, failure=explain(error))


def explain(error: BaseException) -> Failure:
    """Turn an exception into what a person can use."""
    text = str(error) or type(error).__name__
    what, todo = text, "Try again. If it fails again, copy the report and send it to us."
    if isinstance(error, MemoryError) or "out of memory" in text.lower():
        what = "There was not enough memory."
        todo = (
            "Set a smaller tile, or the device cpu (both under Advanced), or segment only"
            " “What I see”."
        )
    elif type(error).__name__ == "ModelFileError":
        todo = "Choose another model file, or the default model."
    elif isinstance(error, ImportError):
        what = f"A library could not be loaded: {text}"
        todo = "Install napari-touchup again in this environment (pip install napari-touchup)."
    elif isinstance(error, OSError):
        todo = "Check that the file is still there and can be read."
    elif not isinstance(error, ValueError | RuntimeError):  # those are written for people
        what = f"Something unexpected happened ({type(error).__name__}: {text})."
    return Failure(what, SAFE, todo, report(error))


def report(error: BaseException) -> str:
    """Text for a bug report: versions and the traceback, no data."""
    versions = [
        f"{name} {version(name)}" for name in ("napari-touchup", "napari", "torch", "numpy")
    ]
    lines = [f"Python {platform.python_version()} on {platform.platform()}", ", ".join(versions)]
    return "\n".join([*lines, "", *traceback.format_exception(error)])
