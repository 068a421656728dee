"""The state behind one window; knows no Qt and no napari."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import ClassVar

from psygnal import Signal, SignalGroupDescriptor

from napari_touchup.nn.header import Header, read_header
from napari_touchup.options import InstanceOptions, SegmentOptions
from napari_touchup.session.frames import Index
from napari_touchup.session.images import Channel, Feed, Image, fit_channels
from napari_touchup.session.job import Dispatch, direct
from napari_touchup.session.network import TorchNetwork
from napari_touchup.session.paste import Window
from napari_touchup.session.remake import Remaker, Wish
from napari_touchup.session.run import FrameDone, Network, Request
from napari_touchup.session.segment_run import SegmentRun
from napari_touchup.session.status import Status, failed, strokes_question


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
    frame_done = Signal(Image, FrameDone)  # masks to be shown

    network: Network = field(default_factory=TorchNetwork)
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
    advice: str = ""  # about this computer, such as a graphics card that is not used
    outdated: tuple[Index, ...] = ()  # frames whose masks were made with other options

    def __post_init__(self) -> None:
        self._run = SegmentRun(self.network, self.dispatch)
        self._run.running.connect_setattr(self, "running", maxargs=1)
        self._run.said.connect_setattr(self, "status", maxargs=1)
        self._run.device.connect_setattr(self, "device", maxargs=1)
        self._run.advised.connect_setattr(self, "advice", maxargs=1)
        self._run.done.connect(self._on_frame_done)
        self._remaker = Remaker(self.network, self.dispatch)
        self._remaker.said.connect(self._on_remaker_said)
        self._remaker.done.connect(self._on_frame_done)
        self._remaker.ended.connect(self._count_outdated)
        self.events.image.connect(self._fit_channels)
        self.events.model.connect(self._fit_channels)
        self.events.instances.connect(self._follow_options)
        self.events.frame.connect(self._drop_question)
        for name in ("image", "frame"):
            self.events[name].connect(self._count_outdated)

    def open_model(self, path: Path) -> None:
        """Read a model's header; a file that is no model ends in a failed status."""
        try:
            self.model = ModelChoice(path, read_header(path))
        except (OSError, ValueError) as error:
            self.status = failed(error, "The model was not opened.")

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
        if (problem := missing(self)) or self.image is None:
            self.status = Status("ask", problem or "")
            return
        rest = tuple(index for index in wanted if not self.image.frames.protects(index))
        painted = len(wanted) - len(rest)
        if painted and not replace:
            keep = partial(self.segment, rest, window) if rest else self._drop_question
            again = partial(self.segment, wanted, window, replace=True)
            self.status = strokes_question(painted, len(wanted), keep, again)
        else:
            self._run.start(self.image, request(self, wanted, window, replace))

    def stop(self) -> None:
        """End the run before its next tile; finished frames stay."""
        self._remaker.stop()
        self._run.stop()

    def note_strokes(self, image: Image, frames: set[Index]) -> None:
        """Remember that a person painted in these frames."""
        image.frames.edited |= frames
        self._count_outdated()

    def note_masks_gone(self, image: Image) -> None:
        """Remember that the masks of an image were deleted, and with them all strokes."""
        image.frames.forget_masks()
        self._count_outdated()

    def apply_to_outdated(self) -> None:
        """Make the masks of all unfinished frames with the options that are set now."""
        if self.image is not None and self.outdated:
            self._remaker.make(Wish(self.image, self.outdated, self.instances))
            self._count_outdated()

    def close(self) -> None:
        """Stop all work; nothing is heard of it afterwards."""
        self._remaker.stop()
        self._run.close()
        for signal in (self._remaker.done, self._remaker.said, self._remaker.ended):
            signal.disconnect()
        self.frame_done.disconnect()
        self.events.disconnect()
        for name in self.events:
            self.events[name].disconnect()

    def _on_frame_done(self, image: Image, event: FrameDone) -> None:
        if image.frames.protects(event.index) and not event.replace:
            return
        image.frames.put(event.index, event.kept)
        image.frames.edited.discard(event.index)
        self.frame_done.emit(image, event)
        self._count_outdated()
        if image is self.image and event.index == self.frame and event.index in self.outdated:
            self._follow_options()  # a slider was moved while the network ran

    def _on_remaker_said(self, status: Status) -> None:
        if not self.running or status.kind == "failed":
            self.status = status

    def _fit_channels(self) -> None:
        if not self.running:
            self.status = Status()  # what was said is of another image or model
        wanted = self.model.header.spec.in_channels if self.model else 1
        self.channels = fit_channels(self.image, wanted, self.channels)

    def _follow_options(self) -> None:
        """Make the masks of the shown frame again; where a person painted, ask first."""
        image, frame = self.image, self.frame
        if image is not None and frame in image.frames:
            if image.frames.protects(frame):
                # bound to this frame: another one may be shown when the answer comes
                again = partial(
                    self._remaker.make, Wish(image, (frame,), self.instances, replace=True)
                )
                self.status = strokes_question(1, 1, self._drop_question, again)
            else:
                self._remaker.make(Wish(image, (frame,), self.instances))
        self._count_outdated()

    def _drop_question(self) -> None:
        if self.status.kind == "ask":
            self.status = Status()

    def _count_outdated(self) -> None:
        indices: tuple[Index, ...] = ()
        if self.image is not None:
            promised = self._remaker.promised(self.image, self.instances)
            outdated = self.image.frames.outdated(self.instances)
            indices = tuple(index for index in outdated if index not in promised)
        self.outdated = indices


def missing(session: Session) -> str | None:
    """Say what has to be chosen before anything can be segmented."""
    if session.image is None:
        return "Open an image first: File > Open File(s), or File > Open Sample."
    if session.model is None:
        return "Choose a model first, above."
    if None in session.channels:
        count = len(session.channels)
        return f"This model takes {count} channels: choose above which one is which."
    try:
        Feed(_chosen(session))
    except ValueError as error:
        return f"These channels do not go together: {error}."
    return None


def request(
    session: Session, frames: tuple[Index, ...], window: Window | None, replace: bool
) -> Request:
    """Put together what a session would segment now.

    Raises
    ------
    RuntimeError
        If something is `missing`.
    """
    if session.model is None or None in session.channels:
        raise RuntimeError(missing(session))
    return Request(
        Feed(_chosen(session)), frames, session.model.path, session.model.header.normalize,
        window, session.options, session.instances, replace,
    )  # fmt: skip


def _chosen(session: Session) -> tuple[Channel, ...]:
    return tuple(channel for channel in session.channels if channel is not None)
