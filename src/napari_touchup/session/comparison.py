"""The masks of another version beside those that are shown; nothing is changed by it."""

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from psygnal import SignalGroupDescriptor

from napari_touchup.core.changes import compare, count_changed, renumbered
from napari_touchup.core.entries import Index, Version
from napari_touchup.nn.header import Header, read_header
from napari_touchup.session import run
from napari_touchup.session.corrections import predicted
from napari_touchup.session.fine_tuning import FineTuning
from napari_touchup.session.frame_state import FrameState
from napari_touchup.session.images import Image
from napari_touchup.session.job import Job
from napari_touchup.session.network import TorchNetwork
from napari_touchup.session.progress import Progress
from napari_touchup.session.status import Status, failed
from napari_touchup.session.wanted import fit_level, missing, request

NOT_COMPARED = "The models were not compared."


@dataclass(frozen=True, eq=False)
class Compared:
    """A frame as it would be with another version.

    Attributes
    ----------
    labels : (Y, X) masks; cells that stay keep their numbers, and hand work stays
    changed, of : how many of how many cells that are shown would change
    gained : cells that would come
    """

    version: Version
    image: Image
    frame: Index
    labels: NDArray[np.int32]
    changed: int
    of: int
    gained: int

    @property
    def text(self) -> str:
        more = f", and {self.gained} more" if self.gained else ""
        return f"With “{self.version.name}”: {self.changed} of {self.of} cells change{more}."


@dataclass(eq=False)
class Comparison:
    """Runs another version over the shown frame; each field has a signal in `events`."""

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    tuning: FineTuning
    network: Callable[[], run.Network] = TorchNetwork  # a second one: the model in use stays loaded
    running: bool = False
    shown: Compared | None = None

    def __post_init__(self) -> None:
        self._job: Job | None = None
        session = self.tuning.session
        for name in ("image", "frame", "model", "project"):
            session.events[name].connect(self.end)
        session.events.running.connect(self._on_running)
        self.tuning.events.trial.connect(self.end)

    def start(self, version: Version) -> None:
        """Segment the shown frame with a version, or say in the status why not."""
        self.end()
        session = self.tuning.session
        session.settle.emit()
        try:
            header = read_header(session.versions.path(version))
        except ValueError as error:
            session.status = failed(error, NOT_COMPARED)
            return
        problem = missing(session) or self._unfit(version, header)
        if problem or session.image is None:
            session.status = Status("ask", problem or "")
            return
        self._run(version, header, session.image)

    def end(self) -> None:
        """Show nothing any more."""
        job, self._job = self._job, None
        if job is not None:
            job.stop()
            self.running = False
            self.tuning.session.status = Status()
        self.shown = None

    def close(self) -> None:
        """Stop; nothing is heard of it afterwards."""
        job, self._job = self._job, None
        if job is not None:
            job.stop()

    def _on_running(self, running: bool) -> None:
        if running:  # new masks would come unseen, below those that are compared
            self.end()

    def _unfit(self, version: Version, header: Header) -> str | None:
        session, takes = self.tuning.session, header.spec.in_channels
        if self.tuning.trial is not None:
            return "Accept or discard the new model first, under Fine-tune."
        if session.image is None or session.frame not in session.project.masked(session.image.key):
            return "Segment this frame first: then there is something to compare with."
        if takes != len(session.channels):
            return f"“{version.name}” takes {takes} channels, the model in use another number."
        return None

    def _run(self, version: Version, header: Header, image: Image) -> None:
        session, frame = self.tuning.session, self.tuning.session.frame
        wish = replace(
            request(session, (frame,), None, even_done=True),
            model=session.versions.path(version),
            normalize=header.normalize,
            options=fit_level(session.options, header),
        )
        state = session.tools(image).state(frame).copy()
        progress = Progress(image, 1, wish.instances.threshold)
        job = self._job = Job(self._events(wish, version, image, state), session.dispatch)
        job.progressed.connect(partial(self._on_event, job, progress))
        job.failed.connect(partial(self._on_failed, job))
        job.ended.connect(partial(self._on_ended, job))
        self.running = True
        session.status = Status("busy", f"Loading “{version.name}”")
        job.start()

    def _events(
        self, wish: run.Request, version: Version, image: Image, state: FrameState
    ) -> Generator[run.Event | Compared]:
        for event in run.segment_frames(wish, self.network()):
            if isinstance(event, run.FrameDone):
                yield compared(version, image, event, state)
            else:
                yield event

    def _on_event(self, job: Job, progress: Progress, event: run.Event | Compared) -> None:
        if job is not self._job:
            return
        if isinstance(event, Compared):
            self.tuning.session.status = Status("done", event.text)
            self.shown = event
        elif status := progress.count(event):
            self.tuning.session.status = status

    def _on_failed(self, job: Job, error: BaseException) -> None:
        if job is self._job:
            self.tuning.session.status = failed(error, NOT_COMPARED)

    def _on_ended(self, job: Job) -> None:
        if job is self._job:
            self._job = None
            self.running = False


def compared(version: Version, image: Image, done: run.FrameDone, state: FrameState) -> Compared:
    """Set the masks of a version against those of a frame's state, which is a copy."""
    shown = state.labels.copy()
    state.apply(predicted(state, done.masks))
    labels = renumbered(state.labels, shown).astype(np.int32)
    changes = compare(shown, labels)
    cells = np.setdiff1d(np.unique(shown), [0]).tolist()
    gained = sum(len(change.new) for change in changes if change.kind == "gained")
    return Compared(
        version, image, done.index, labels, count_changed(changes, cells), len(cells), gained
    )
