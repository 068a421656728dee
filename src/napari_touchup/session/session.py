"""The state behind one window; knows no Qt and no napari."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import ClassVar

from psygnal import Signal, SignalGroupDescriptor

from napari_touchup.nn.header import Header, read_header
from napari_touchup.options import InstanceOptions, SegmentOptions
from napari_touchup.session import run
from napari_touchup.session.frames import Index
from napari_touchup.session.images import Channel, Image, combine, fit_channels
from napari_touchup.session.job import Dispatch, Job, direct
from napari_touchup.session.network import TorchNetwork
from napari_touchup.session.paste import Window
from napari_touchup.session.progress import Progress
from napari_touchup.session.remake import Remaker, Wish
from napari_touchup.session.status import Status, capital, explain, found

LOADING = "Loading model (first time, about 10 s)"
STROKES = "{} with brush strokes, which a new prediction would replace."


@dataclass(frozen=True, eq=False)
class ModelChoice:
    path: Path
    header: Header


@dataclass(eq=False)
class Session:
    """What is open, what was chosen, what runs. Each field has a signal in `events`.

    Everything is changed on one thread: `dispatch` brings the events of jobs there.
    """

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()
    frame_done = Signal(Image, run.FrameDone)  # masks to be shown

    network: run.Network = field(default_factory=TorchNetwork)
    dispatch: Dispatch = direct
    image: Image | None = None
    frame: Index = ()  # the one that is shown
    channels: tuple[Channel | None, ...] = (None,)  # one for each input of the model
    model: ModelChoice | None = None
    options: SegmentOptions = field(default_factory=SegmentOptions)
    instances: InstanceOptions = field(default_factory=InstanceOptions)
    status: Status = field(default_factory=Status)
    running: bool = False
    device: str = ""  # what the last run was computed on, and why
    outdated: tuple[Index, ...] = ()  # other frames whose masks were made with other options

    def __post_init__(self) -> None:
        self._run = 0  # generation: events of an older run are dropped
        self._job: Job | None = None
        self._remaker = Remaker(self.network, self.dispatch)
        self._remaker.done.connect(self._on_remade)
        self._remaker.failed.connect(self._on_failed)
        self.events.image.connect(self._fit_channels)
        self.events.model.connect(self._fit_channels)
        self.events.instances.connect(self._on_instances)
        for name in ("image", "frame"):
            self.events[name].connect(self._count_outdated)

    def open_model(self, path: Path) -> None:
        """Read a model's header; a file that is no model ends in a failed status."""
        try:
            self.model = ModelChoice(path, read_header(path))
        except (OSError, ValueError) as error:
            self.status = Status("failed", "The model was not opened.", failure=explain(error))

    def segment(
        self,
        frames: Sequence[Index] | None = None,
        window: Window | None = None,
        replace: bool = False,
    ) -> None:
        """Segment frames in a thread, or say in the status why not.

        Parameters
        ----------
        frames : sequence of tuple of int, optional
            Indices along T, Z; by default the frame that is shown.
        window : (slice, slice), optional
            Part of each frame, pixels; by default all of it.
        replace : bool
            Write over brush strokes; by default the status asks.
        """
        if self.running:
            return
        wanted = (self.frame,) if frames is None else tuple(frames)
        if problem := missing(self):
            self.status = Status("ask", problem)
        elif self.image and not replace and self.image.frames.edited.intersection(wanted):
            self._ask_about_strokes(wanted, window)
        else:
            self._start(wanted, window, replace)

    def stop(self) -> None:
        """End the run before its next tile; finished frames stay."""
        self._remaker.stop()
        if self._job is not None:
            self._job.stop()
            self.status = Status("busy", "Stopping after this tile")

    def note_strokes(self, image: Image, frames: set[Index]) -> None:
        """Remember that a person painted in these frames."""
        image.frames.edited |= frames
        self._count_outdated()

    def apply_to_outdated(self) -> None:
        """Make the masks of all other unfinished frames with the options of this one."""
        if self.image is not None and self.outdated:
            self._remaker.make(Wish(self.image, self.outdated, self.instances))

    def close(self) -> None:
        """Stop all work; nothing is heard of it afterwards."""
        self._run += 1
        self.stop()
        self._remaker.done.disconnect()
        self.frame_done.disconnect()
        self.events.disconnect()
        for name in self.events:
            self.events[name].disconnect()

    def _ask_about_strokes(self, wanted: tuple[Index, ...], window: Window | None) -> None:
        edited = self.image.frames.edited if self.image else set()
        rest = tuple(index for index in wanted if index not in edited)
        count = len(wanted) - len(rest)
        text = STROKES.format("This is a frame" if len(wanted) == 1 else f"{count} frames are")
        replace = partial(self.segment, wanted, window, replace=True)
        keep = partial(self.segment, rest, window) if rest else self._calm
        self.status = Status("ask", text, choices=(("Keep strokes", keep), ("Replace", replace)))

    def _calm(self) -> None:
        self.status = Status()

    def _start(self, wanted: tuple[Index, ...], window: Window | None, replace: bool) -> None:
        if self.image is None or self.model is None:
            return
        stack = combine([channel for channel in self.channels if channel is not None])
        path = self.model.path
        request = run.Request(stack, wanted, path, window, self.options, self.instances, replace)
        self._run += 1
        progress = Progress(self.image, len(wanted))
        job = self._job = Job(run.segment_frames(request, self.network), self.dispatch)
        job.progressed.connect(partial(self._on_event, self._run, progress))
        job.failed.connect(partial(self._on_run_failed, self._run))
        job.ended.connect(partial(self._on_ended, self._run, progress))
        self.running = True
        loaded = self.network.loaded(path)
        self.status = Status("busy", "Reading the image" if loaded else LOADING)
        job.start()

    def _on_event(self, number: int, progress: Progress, event: run.Event) -> None:
        if number != self._run:
            return
        status = progress.count(event)
        if status is not None and self._job is not None and not self._job.stopping:
            self.status = status
        if isinstance(event, run.Loading):
            self.status = Status("busy", LOADING)
        elif isinstance(event, run.Device):
            self.device = event.text
        elif isinstance(event, run.FrameDone):
            self._show(progress.image, event)

    def _show(self, image: Image, event: run.FrameDone) -> None:
        if image.frames.protects(event.index) and not event.replace:
            return
        image.frames.put(event.index, event.kept)
        image.frames.edited.discard(event.index)
        self.frame_done.emit(image, event)
        self._count_outdated()

    def _on_ended(self, number: int, progress: Progress) -> None:
        if number != self._run:
            return
        stopped = self._job is not None and self._job.stopping
        self._job = None
        if self.status.kind != "failed":
            self.status = progress.end(self.instances.threshold, stopped)
        self.running = False

    def _on_run_failed(self, number: int, error: BaseException) -> None:
        if number == self._run:
            self._on_failed(error)

    def _on_failed(self, error: BaseException) -> None:
        self.status = Status("failed", "This did not work.", failure=explain(error))

    def _fit_channels(self) -> None:
        if not self.running:
            self.status = Status()  # what was said is of another image or model
        wanted = self.model.header.spec.in_channels if self.model else 1
        self.channels = fit_channels(self.image, wanted, self.channels)

    def _on_instances(self) -> None:
        if self.image is not None and self.frame in self.image.frames:
            self._remake(replace=False)
        self._count_outdated()

    def _remake(self, replace: bool) -> None:
        image = self.image
        if image is None:
            return
        if image.frames.protects(self.frame) and not replace:
            choices = (("Keep strokes", self._calm), ("Replace", partial(self._remake, True)))
            self.status = Status("ask", STROKES.format("This is a frame"), choices=choices)
        else:
            self._remaker.make(Wish(image, (self.frame,), self.instances, replace))

    def _on_remade(self, wish: Wish, event: run.FrameDone) -> None:
        self._show(wish.image, event)
        if not self.running:
            number = wish.indices.index(event.index) + 1
            text = capital(found([event.summary], self.instances.threshold))
            if len(wish.indices) > 1:
                text = f"Masks made again: frame {number} of {len(wish.indices)}"
            self.status = Status("done", text)

    def _count_outdated(self) -> None:
        frames = self.image.frames if self.image else None
        indices = frames.outdated(self.instances) if frames else ()
        self.outdated = tuple(index for index in indices if index != self.frame)


def missing(session: Session) -> str | None:
    """Say what has to be chosen before anything can be segmented."""
    if session.image is None:
        return "Open an image first: File > Open, or File > Open Sample."
    if session.model is None:
        return "Choose a model first."
    if None in session.channels:
        count = len(session.channels)
        return f"The model takes {count} channels, in its order: choose each of them above."
    return None
