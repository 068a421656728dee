"""One run of the network over frames, in a thread; told as signals and in words."""

from functools import partial

from psygnal import Signal

from napari_touchup.session import run
from napari_touchup.session.images import Image
from napari_touchup.session.job import Dispatch, Job
from napari_touchup.session.progress import Progress
from napari_touchup.session.status import Status, failed

LOADING = "Loading model (first time, about 10 s)"


class SegmentRun:
    """Serves one request at a time; its signals come where `dispatch` makes its calls."""

    running = Signal(bool)
    said = Signal(Status)
    device = Signal(str)  # what is computed on, and why
    advised = Signal(str)  # something about this computer that stays true after the run
    done = Signal(Image, run.FrameDone)

    def __init__(self, network: run.Network, dispatch: Dispatch) -> None:
        self._network = network
        self._dispatch = dispatch
        self._number = 0  # generation: events of an older run are dropped
        self._job: Job | None = None
        self._failed = False

    def start(self, image: Image, request: run.Request) -> None:
        self._number += 1
        self._failed = False
        progress = Progress(image, len(request.frames), request.instances.threshold)
        job = self._job = Job(run.segment_frames(request, self._network), self._dispatch)
        job.progressed.connect(partial(self._on_event, self._number, progress))
        job.failed.connect(partial(self._on_failed, self._number))
        job.ended.connect(partial(self._on_ended, self._number, progress))
        self.running.emit(True)
        loaded = self._network.loaded(request.model, request.options.prune)
        self.said.emit(Status("busy", "Reading the image" if loaded else LOADING))
        job.start()

    def stop(self) -> None:
        """End before the next tile."""
        if self._job is not None:
            self._job.stop()
            self.said.emit(Status("busy", "Stopping after this tile"))

    def close(self) -> None:
        """Stop; nothing is heard of it afterwards."""
        self._number += 1
        if self._job is not None:
            self._job.stop()

    def _on_event(self, number: int, progress: Progress, event: run.Event) -> None:
        if number != self._number:
            return
        status = progress.count(event)
        if status is not None and self._job is not None and not self._job.stopping:
            self.said.emit(status)
        if isinstance(event, run.Loading):
            self.said.emit(Status("busy", LOADING))
        elif isinstance(event, run.Device):
            self.device.emit(event.text)
        elif isinstance(event, run.Advice):
            self.advised.emit(event.text)
        elif isinstance(event, run.FrameDone):
            self.done.emit(progress.image, event)

    def _on_failed(self, number: int, error: BaseException) -> None:
        if number == self._number:
            self._failed = True
            self.said.emit(failed(error))

    def _on_ended(self, number: int, progress: Progress) -> None:
        if number != self._number:
            return
        stopped = self._job is not None and self._job.stopping
        self._job = None
        if not self._failed:
            self.said.emit(progress.end(stopped))
        self.running.emit(False)
