"""One run of fine-tuning in the worker process; told as signals and in words."""

from collections.abc import Generator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from psygnal import Signal

from napari_touchup.engine.lessons import (
    Candidate,
    Checked,
    Event,
    FineTuneRequest,
    Learned,
    Placed,
    Preview,
    Told,
)
from napari_touchup.session.job import Dispatch, Job
from napari_touchup.session.status import Status, failed, time_left

TASK = "fine_tune"
STARTING = "Starting the training (first time, about 10 s)"
WARM = "Reading the model"
STOPPING = "Stopping after this step"
STOPPED = "Stopped. The model is as it was."
FAILED = "Fine-tuning did not work. The model is as it was."
PARTS = 1000  # of the progress


class Worker(Protocol):
    """What is needed of `Child`."""

    @property
    def running(self) -> bool: ...

    def events(self, task: str, request: object) -> Generator[Any]: ...

    def stop(self) -> None: ...

    def close(self) -> None: ...


class FineTuneRun:
    """Serves one request at a time; its signals come where `dispatch` makes its calls."""

    running = Signal(bool)
    said = Signal(Status)
    device = Signal(str)  # what it is trained on, and why
    stepped = Signal(Learned)
    previewed = Signal(Preview)
    finished = Signal(Candidate)

    def __init__(self, child: Worker, dispatch: Dispatch) -> None:
        self._child = child
        self._dispatch = dispatch
        self._number = 0  # generation: events of an older run are dropped
        self._job: Job | None = None
        self._notes: list[str] = []
        self._candidate: Candidate | None = None
        self._failed = False

    def start(self, request: FineTuneRequest) -> None:
        """Begin.

        Raises
        ------
        RuntimeError
            If a run is going on.
        """
        if self._job is not None:
            raise RuntimeError("expected the end of the run before, got another start()")
        self._number += 1
        self._notes, self._candidate, self._failed = [], None, False
        job = self._job = Job(self._child.events(TASK, request), self._dispatch)
        job.progressed.connect(partial(self._on_event, self._number))
        job.failed.connect(partial(self._on_failed, self._number))
        job.ended.connect(partial(self._on_ended, self._number, request.out))
        self.running.emit(True)
        self.said.emit(Status("busy", WARM if self._child.running else STARTING))
        job.start()

    def stop(self) -> None:
        """End after the step that is being computed."""
        if self._job is not None:
            self._job.stop()
            self._child.stop()
            self.said.emit(Status("busy", STOPPING))

    def close(self) -> None:
        """End the run and its process; nothing is heard of it afterwards."""
        self._number += 1
        if self._job is not None:
            self._job.stop()
        self._child.close()

    def _on_event(self, number: int, event: Event) -> None:
        if number != self._number or self._job is None:
            return
        match event:
            case Placed(text):
                self.device.emit(text)
            case Told(text):
                self._notes.append(text)
            case Preview():
                self.previewed.emit(event)
            case Candidate():
                self._candidate = event
            case Learned():
                self.stepped.emit(event)
        status = None if self._job.stopping else _status(event)
        if status is not None:
            self.said.emit(status)

    def _on_failed(self, number: int, error: BaseException) -> None:
        if number == self._number:
            self._failed = True
            self.said.emit(failed(error, FAILED))

    def _on_ended(self, number: int, out: Path) -> None:
        if number != self._number:
            return
        self._job = None
        if self._candidate is None:
            tidy(out)
        if not self._failed:
            self.said.emit(self._last_status())
        self.running.emit(False)
        if self._candidate is not None:
            self.finished.emit(self._candidate)

    def _last_status(self) -> Status:
        if self._candidate is None:
            return Status("done", STOPPED)
        text = "Trained. Compare the new masks, then accept or discard them."
        return Status("done", "\n".join([text, *dict.fromkeys(self._notes)]))


def _status(event: Event) -> Status | None:
    """Say where the run stands after an event, or None for no change."""
    if isinstance(event, Learned):
        done = round(PARTS * event.progress)
        left = time_left(done, PARTS, event.seconds)
        return Status("busy", f"Training: step {event.step}{left}", done, PARTS)
    if isinstance(event, Checked):
        text = f"Scoring what it did not train on: {event.done} of {event.total}"
        return Status("busy", text, event.done, event.total)
    return None


def tidy(out: Path) -> None:
    """Remove what a run that was stopped at its very end has written."""
    for path in (out, *out.parent.glob(f"{out.name}.*.part")):
        with suppress(OSError):
            path.unlink(missing_ok=True)
