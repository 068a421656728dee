"""The masks of an image linked through its frames, in a thread: one cell, one label.

Only the numbers change under which objects are shown: no pixel, no state, no role, and what was
done before can still be undone. Each frame is one entry of the ledger, all of them one step.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from napari_touchup.core.axes import Stack
from napari_touchup.core.entries import Index
from napari_touchup.core.link import Links
from napari_touchup.session.frame_state import rebuild
from napari_touchup.session.images import Image
from napari_touchup.session.job import Job
from napari_touchup.session.ledger import Ledger
from napari_touchup.session.project import Project
from napari_touchup.session.run import FrameDone
from napari_touchup.session.session import Session
from napari_touchup.session.status import Status, failed

Axis = Literal["T", "Z"]


@dataclass(frozen=True, slots=True)
class FrameLinked:
    """What the objects of a frame shall be called.

    Attributes
    ----------
    index : of the frame
    newest : number of the last entry that was looked at; after a newer one this is stale
    numbers : labels before and after, of those that change
    objects : different ones so far, in all frames
    """

    index: Index
    newest: int
    numbers: tuple[tuple[int, int], ...]
    objects: int


def link_frames(
    ledger: Ledger, image: Image, frames: Sequence[Index], axis: Axis
) -> Generator[FrameLinked]:
    """Give numbers to the objects of frame after frame, as `napari_touchup.core.link.Links` does.

    Parameters
    ----------
    frames : that have masks, in their order
    axis : one of those of the image, along which an object keeps its label
    """
    along = Stack(image.data, image.axes).frame_axes.index(axis)
    links, objects = Links(), 0
    for index in frames:
        entries = ledger.entries(image.key, index)
        labels = rebuild(image.plane_shape, (entry.delta for entry in entries)).labels
        numbers = links.follow(labels, (*index[:along], *index[along + 1 :]))
        objects = max(objects, 0, *numbers.values())
        changed = tuple((old, new) for old, new in numbers.items() if old != new)
        yield FrameLinked(index, entries[-1].number, changed, objects)


@dataclass(eq=False)
class _Pass:
    """One time through all frames."""

    image: Image
    project: Project
    axis: Axis
    frames: tuple[Index, ...]
    text: str  # is said before how it ended
    done: int = 0
    objects: int = 0
    stale: bool = False  # a frame changed while it was looked at
    begun: bool = False  # its step of undo


class Linking:
    """Links the open image as `session.link` says: when it is set, after a run, and when asked to.

    A frame that changed while it was looked at is left alone, and all are linked once more.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._job: Job | None = None
        self._waiting: Image | None = None  # is linked next, when nobody paints in it
        self._fresh: set[Index] = set()  # frames with new masks
        self._text = ""  # what was said of the run whose masks are linked
        self._then: list[Callable[[], None]] = []
        session.frame_done.connect(self._on_frame_done)
        session.remade.connect(self._on_remade)
        session.events.link.connect(self._on_session_link)
        session.events.running.connect(self._on_session_running)
        session.events.painting.connect(self._go_on)

    def link(self, then: Callable[[], None] | None = None) -> None:
        """Link the masks; `then` is called afterwards, at once where there is nothing to link."""
        self._then += [then] if then else []
        self._fresh.clear()
        self._waiting = self._session.image
        self._go_on()

    def close(self) -> None:
        """Stop; nothing is heard of it afterwards."""
        self._waiting = None
        self._then.clear()
        job, self._job = self._job, None
        if job is not None:
            job.stop()

    def _go_on(self) -> None:
        image = self._waiting
        if self._job is not None or (image is not None and image is self._session.painting):
            return
        self._waiting = None
        run = None if image is None else self._pass(image)
        if run is None:
            self._end()
            return
        self._session.settle.emit()
        events = link_frames(run.project.ledger, run.image, run.frames, run.axis)
        job = self._job = Job(events, self._session.dispatch)
        job.progressed.connect(partial(self._on_linked, job, run))
        job.failed.connect(partial(self._on_failed, job))
        job.ended.connect(partial(self._on_ended, job, run))
        job.start()

    def _pass(self, image: Image) -> _Pass | None:
        """Tell what is to be done; None where there is nothing to link."""
        axis, project = self._session.link, self._session.project
        text, self._text = self._text, ""
        frames = project.masked(image.key)
        if axis is None or axis not in image.axes or len(frames) < 2:
            return None
        return _Pass(image, project, axis, frames, text)

    def _end(self) -> None:
        then, self._then = self._then, []
        for call in then:
            call()

    def _say(self, status: Status) -> None:
        if not self._session.running:
            self._session.status = status

    def _on_linked(self, job: Job, run: _Pass, event: FrameLinked) -> None:
        session, project, key = self._session, run.project, run.image.key
        if job is not self._job or session.project is not project:
            return
        run.done, run.objects = run.done + 1, event.objects
        if project.newest(key, event.index) != event.newest or session.painting is run.image:
            run.stale = True
        elif event.numbers:
            session.tools(run.image).renumber(event.index, event.numbers, join=run.begun)
            run.begun = True
        self._say(Status("busy", f"Linking through {run.axis}", run.done, len(run.frames)))

    def _on_failed(self, job: Job, error: BaseException) -> None:
        if job is self._job:
            self._then.clear()
            self._session.status = failed(error, "The masks were not linked.")

    def _on_ended(self, job: Job, run: _Pass) -> None:
        if job is not self._job:
            return
        self._job = None
        if run.stale and self._waiting is None:
            self._waiting = run.image
        if run.done == len(run.frames):
            text = f"Linked through {run.axis}: {_cells(run.objects)} in {run.done} frames"
            self._say(Status("done", "\n".join(filter(None, [run.text, text]))))
        self._go_on()

    def _on_frame_done(self, image: Image, done: FrameDone) -> None:
        if image is self._session.image:
            self._fresh.add(done.index)

    def _on_session_link(self) -> None:
        self.link()

    def _on_session_running(self, running: bool) -> None:
        if not running and self._fresh:
            self._text = self._session.status.text
            self.link()

    def _on_remade(self) -> None:
        # a slider makes those of the shown frame anew many times a second
        if len(self._fresh) > 1:
            self.link()


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count} cells"
