"""The loop: corrections teach a candidate, which a person accepts or discards."""

from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal, SignalGroupDescriptor

from napari_touchup.core.entries import Index, Version
from napari_touchup.engine.lessons import (
    Candidate,
    FineTuneRequest,
    Learned,
    Preview,
    View,
)
from napari_touchup.engine.teachable import why_not
from napari_touchup.nn.header import read_header
from napari_touchup.options import NormalizeOptions, TrainOptions
from napari_touchup.session.child import Child
from napari_touchup.session.fine_tune_request import How, Models, make_request
from napari_touchup.session.fine_tune_run import FAILED, FineTuneRun, Worker
from napari_touchup.session.images import Feed, Image
from napari_touchup.session.job import Job
from napari_touchup.session.paste import Window
from napari_touchup.session.session import Session
from napari_touchup.session.sources import Source, find_sources
from napari_touchup.session.status import Status, failed
from napari_touchup.session.trial import Asked, Trial, compared
from napari_touchup.session.versions import Versions
from napari_touchup.session.wanted import chosen_feed

READING = "Reading the corrected frames"


@dataclass(frozen=True, eq=False)
class Previewed:
    """What the model in training would say now of a part of a frame."""

    image: Image
    frame: Index
    window: Window | None  # None: all of the frame
    masks: NDArray[np.unsignedinteger]


@dataclass(eq=False)
class FineTuning:
    """Trains in another process; each field has a signal in `events`."""

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()
    stepped = Signal(Learned)
    previewed = Signal(Previewed)

    session: Session
    worker: Worker = field(default_factory=Child)
    options: TrainOptions = field(default_factory=TrainOptions.fine_tuning)
    previews: bool = False  # show the visible part now and then; on where a GPU was used
    running: bool = False
    trial: Trial | None = None  # waits for Accept or Discard
    rest: int = 0  # frames whose masks are of an older model

    def __post_init__(self) -> None:
        self._asked: Asked | None = None
        self._window: Window | None = None  # of the previews
        self._run = FineTuneRun(self.worker, self.session.dispatch)
        self._run.stepped.connect(self.stepped.emit)
        self._run.previewed.connect(self._on_preview)
        self._run.said.connect(self._on_said)
        self._run.running.connect(self._on_running)
        self._run.finished.connect(self._on_finished)
        self.session.events.device.connect(self._on_session_device)

    @property
    def versions(self) -> Versions:
        return self.session.versions

    def start(self, window: Window | None = None) -> None:
        """Train a candidate with all corrections of the project, or say why not.

        Parameters
        ----------
        window : (slice, slice), optional
            What the canvas shows of the frame, for previews; by default all of it.
        """
        session = self.session
        if self.running or self.trial is not None:
            return
        session.settle.emit()
        image, model, feed = session.image, session.model, chosen_feed(session)
        if image is None or model is None or feed is None:
            text = "Choose an image and a model first, above."
            session.status = Status("ask", text)
            return
        if reason := why_not(model.header.spec):
            session.status = Status("ask", reason)
            return
        session.gallery.note_feed(image, feed)
        root = self.versions.root(model.path)
        asked = Asked(root, session.counts.teach, image, session.frame, session.instances)
        found = find_sources(session.project, session.gallery, len(feed.channels)).found
        prepare = partial(self._requests, asked, model.path, feed, found)
        self.running, self._window = True, window
        session.status = Status("busy", READING)
        job = Job(prepare(), session.dispatch)
        job.progressed.connect(partial(self._on_request, asked))
        job.failed.connect(self._on_not_started)
        job.start()

    def stop(self) -> None:
        """End within one step; the model stays as it was."""
        self._run.stop()

    def accept(self) -> None:
        """Make the candidate the current model, and show its masks in the frame."""
        trial, self.trial = self.trial, None
        if trial is None:
            return
        asked, scores = trial.asked, trial.scores.as_json()
        version = self.versions.add(trial.path, asked.root, asked.corrections, scores)
        self.session.open_model(self.versions.path(version))
        self.session.show(asked.image, asked.frame, trial.labels, trial.kept)
        self.rest = len(self._unfinished(asked))
        self.session.status = Status("done", f"{version.name.capitalize()} is the model now.")

    def discard(self) -> None:
        """Leave everything as it was before the training."""
        trial, self.trial = self.trial, None
        if trial is not None:
            with suppress(OSError):
                trial.path.unlink(missing_ok=True)
            self.session.status = Status("done", "Discarded. Model and masks are as they were.")

    def apply_to_rest(self) -> None:
        """Segment the frames again whose masks are of an older model, but those that are done."""
        if self._asked is not None and self.session.image is self._asked.image:
            self.session.segment(self._unfinished(self._asked))
            self.rest = 0

    def use(self, version: Version) -> None:
        """Go back, or forth, to a version."""
        self.session.open_model(self.versions.path(version))

    def close(self) -> None:
        """End the run and its process."""
        self._run.close()

    def _requests(
        self, asked: Asked, current: Path, feed: Feed, found: tuple[Source, ...]
    ) -> Generator[FineTuneRequest]:
        """Read what is needed; runs in a thread."""
        base, out = self.versions.path(asked.root), self.versions.new_file()
        models = Models(asked.root.name, base, current, out)
        how = How(self.options, self.session.options, self.session.instances)
        normalize = read_header(base).normalize
        request = make_request(self.session.project.ledger, found, models, how)
        yield replace(
            request,
            frame=View(feed.read(asked.frame)),
            preview=self._preview_of(feed, asked.frame, normalize) if self.previews else None,
        )

    def _preview_of(self, feed: Feed, frame: Index, how: NormalizeOptions) -> View:
        # a part is seen as it would be within the whole
        limits = feed.limits(frame, how) if self._window else None
        return View(feed.read(frame, self._window), limits)

    def _on_request(self, asked: Asked, request: FineTuneRequest) -> None:
        if self.running:
            self._asked = asked
            self._run.start(request)

    def _on_not_started(self, error: BaseException) -> None:
        self.running = False
        if isinstance(error, ValueError):  # what to do is said
            self.session.status = Status("ask", str(error))
        else:
            self.session.status = failed(error, FAILED)

    def _on_preview(self, preview: Preview) -> None:
        if self._asked is not None:
            asked = self._asked
            self.previewed.emit(Previewed(asked.image, asked.frame, self._window, preview.masks))

    def _on_session_device(self, device: str) -> None:
        self.previews = not device.startswith("CPU")

    def _on_said(self, status: Status) -> None:
        self.session.status = status

    def _on_running(self, running: bool) -> None:
        self.running = running

    def _on_finished(self, candidate: Candidate) -> None:
        asked = self._asked
        if asked is None:
            return
        state = self.session.tools(asked.image).state(asked.frame).copy()
        output = read_header(candidate.path).spec.output

        def events() -> Generator[Trial]:
            yield compared(asked, candidate, state, output)

        job = Job(events(), self.session.dispatch)
        job.progressed.connect(self._on_compared)
        job.failed.connect(lambda error: self._on_said(failed(error, FAILED)))
        job.start()

    def _on_compared(self, trial: Trial) -> None:
        self.trial = trial

    def _unfinished(self, asked: Asked) -> tuple[tuple[int, ...], ...]:
        project, key = self.session.project, asked.image.key
        return tuple(
            index
            for index in project.masked(key)
            if index != asked.frame and not project.is_done(key, index)
        )
