"""“Segment folder…”: one run over a folder in a thread, its progress and its report."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import ClassVar

from psygnal import SignalGroupDescriptor

from napari_touchup.io.outputs import OutputError
from napari_touchup.session import folder
from napari_touchup.session.folder import FolderRequest, plan, segment_folder
from napari_touchup.session.folder_progress import FolderProgress, ended
from napari_touchup.session.folder_report import FolderReport
from napari_touchup.session.job import Dispatch, Job, direct
from napari_touchup.session.status import Status, capital, failed


@dataclass(eq=False)
class FolderRun:
    """Serves one request at a time. Each field has a signal in `events`."""

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    dispatch: Dispatch = direct
    status: Status = field(default_factory=Status)
    running: bool = False
    report: FolderReport | None = None  # of the last run

    def __post_init__(self) -> None:
        self._number = 0  # generation: events of an older run are dropped
        self._job: Job | None = None
        self._failed = False
        self._outputs: dict[Path, Path] = {}  # that were used for a folder

    def output_of(self, images: Path) -> Path | None:
        """Where the masks of a folder went in this session."""
        return self._outputs.get(images)

    def propose(self, request: FolderRequest, elsewhere: Callable[[], None]) -> None:
        """Ask whether to start, and say with what; `elsewhere` chooses another output."""
        if self.running:
            return
        other = ("Masks elsewhere…", elsewhere)
        try:
            sources, tasks = plan(request)
        except OutputError as error:
            self.status = Status("ask", capital(str(error)), choices=(other,))
            return
        choices = (("Start", partial(self.start, request)), other) if tasks else (other,)
        text = describe(request, len(sources), len(sources) - len(tasks))
        self.status = Status("ask", text, choices=choices)

    def start(self, request: FolderRequest) -> None:
        """Segment what is not finished of a folder."""
        if self.running:
            return
        self._number += 1
        self._failed = False
        self._outputs[request.folder] = request.output
        progress = FolderProgress()
        job = self._job = Job(segment_folder(request), self.dispatch)
        job.progressed.connect(partial(self._on_event, self._number, progress))
        job.failed.connect(partial(self._on_failed, self._number))
        job.ended.connect(partial(self._on_ended, self._number, progress))
        self.report = None
        self.running = True
        self.status = Status("busy", "Looking for images")
        job.start()

    def stop(self) -> None:
        """End before the next tile; finished images stay."""
        if self._job is not None:
            self._job.stop()
            self.status = Status("busy", "Stopping after this tile")

    def close(self) -> None:
        """Stop; nothing is heard of it afterwards."""
        self._number += 1
        if self._job is not None:
            self._job.stop()
        for name in self.events:
            self.events[name].disconnect()

    def _on_event(self, number: int, progress: FolderProgress, event: folder.Event) -> None:
        if number != self._number:
            return
        status = progress.count(event)
        if status is not None and self._job is not None and not self._job.stopping:
            self.status = status

    def _on_failed(self, number: int, error: BaseException) -> None:
        if number == self._number:
            self._failed = True
            self.status = failed(error, "The folder was not segmented to its end.")

    def _on_ended(self, number: int, progress: FolderProgress) -> None:
        if number != self._number:
            return
        self._job = None
        report = progress.report()
        self.report = report if progress.total else None
        if not self._failed:
            self.status = ended(report)
        self.running = False


def describe(request: FolderRequest, images: int, finished: int) -> str:
    """Say what a run would do, and with what."""
    numbers = ", ".join(map(str, request.channels))
    options = [
        f"model {request.name}",
        f"channel {numbers}" if numbers else "",
        f"axes {request.axes}" if request.axes else "",
        f"diameter {request.segment.diameter:g} px" if request.segment.diameter else "",
        f"levels {request.segment.prune}" if request.segment.prune else "",
        f"threshold {request.instances.threshold:g}",
        f"split {request.instances.h:g}",
        f"minimum size {request.instances.min_size} px",
        f"cells linked through {request.link}" if request.link else "",
    ]
    where = f"{images} images of {request.folder.name}; masks go to {request.output.name}."
    if finished == images:
        return (
            f"{where} All of them have masks there. For those of another model or other settings,"
            " choose another folder."
        )
    skipped = f" {finished} of them have masks there and are skipped." if finished else ""
    return f"{where}{skipped} Used: {', '.join(filter(None, options))}."
