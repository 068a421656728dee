"""The state behind one window; knows no Qt and no napari."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal, SignalGroupDescriptor

from napari_touchup.core.entries import NO_HAND, ImageRecord, Index
from napari_touchup.nn.header import read_header
from napari_touchup.options import BrushOptions, InstanceOptions, SegmentOptions
from napari_touchup.session.frames import Kept
from napari_touchup.session.gallery import Gallery
from napari_touchup.session.images import Channel, Image
from napari_touchup.session.job import Dispatch, direct
from napari_touchup.session.ledger import Ledger
from napari_touchup.session.memory_store import MemoryStore
from napari_touchup.session.network import TorchNetwork
from napari_touchup.session.pairing import fit_channels, hints_for
from napari_touchup.session.paste import Window
from napari_touchup.session.project import Changed, Counts, Project, Step
from napari_touchup.session.remake import Remaker, Wish
from napari_touchup.session.run import FrameDone, Network
from napari_touchup.session.segment_run import SegmentRun
from napari_touchup.session.status import Status, done_question, failed
from napari_touchup.session.tools import Tools
from napari_touchup.session.versions import Versions
from napari_touchup.session.wanted import ModelChoice, fit_level, missing, request


@dataclass(eq=False)
class Session:
    """What is open, what was chosen, what runs. Each field has a signal in `events`.

    Everything is changed on one thread: `dispatch` brings the events of jobs there.
    """

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()
    frame_done = Signal(Image, FrameDone)  # new maps; their masks are in the project
    changed = Signal(Changed)  # something of a frame, in the project
    settle = Signal()  # who shows masks: tell now what a person changed and no event told of
    shown_frame = Signal(str, tuple)  # an image's key and a frame that a person should see now
    masks_wanted = Signal(Image)  # a masks layer that was deleted shall come back
    remade = Signal()  # masks with other options: none are being made any more

    network: Network = field(default_factory=TorchNetwork)
    dispatch: Dispatch = direct
    image: Image | None = None
    frame: Index = ()  # the one that is shown
    channels: tuple[Channel | None, ...] = (None,)  # one for each input of the model
    # of other images on the same pixels, with what people read; only for several inputs
    beside: tuple[tuple[str, Channel], ...] = ()
    model: ModelChoice | None = None
    options: SegmentOptions = field(default_factory=SegmentOptions)
    instances: InstanceOptions = field(default_factory=InstanceOptions)
    link: Literal["T", "Z"] | None = None  # axis along which an object keeps its label
    brush: BrushOptions = field(default_factory=BrushOptions)
    cell: int = 0  # label that is selected in the masks
    status: Status = field(default_factory=Status)
    running: bool = False
    device: str = ""  # what the last run was computed on, and why
    advice: str = ""  # about this computer, such as a graphics card that is not used
    outdated: tuple[Index, ...] = ()  # frames whose masks were made with other options
    project: Project = field(init=False)  # in memory, until a person corrects something
    saved: str = ""  # where the corrections are
    counts: Counts = field(default_factory=Counts)
    painting: Image | None = None  # a brush is down in its masks: nothing may write there

    def __post_init__(self) -> None:
        self.project = Project(Ledger(MemoryStore(), self.dispatch))
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
        self._remaker.ended.connect(self.remade.emit)
        self.gallery = Gallery()
        self.versions = Versions(self.project.ledger)
        self._known: dict[str, ImageRecord] = {}  # images that the project was told of
        self._held: list[tuple[Image, FrameDone]] = []  # came in the middle of a brush stroke
        self.project.changed.connect(self._on_project_changed)
        self.events.project.connect(self._on_project)
        self.events.painting.connect(self._write_held)
        for name in ("image", "model"):
            self.events[name].connect(self._drop_status)
            self.events[name].connect(self.fit_channels)
        self.events.model.connect(self._fit_level)
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
        even_done: bool = False,
    ) -> None:
        """Segment frames in a thread, or say in the status why not; hand work stays.

        Parameters
        ----------
        frames : sequence of tuple of int, optional
            Indices along T, Z; by default the frame that is shown.
        window : (slice, slice), optional
            Part of each frame, pixels; by default all of it.
        even_done : bool
            Change frames whose review is ended too; by default the status asks.
        """
        if self.running:
            return
        self.settle.emit()
        wanted = (self.frame,) if frames is None else tuple(frames)
        if (problem := missing(self)) or self.image is None:
            self.status = Status("ask", problem or "")
            return
        rest = tuple(n for n in wanted if not self.project.is_done(self.image.key, n))
        done = len(wanted) - len(rest)
        if done and not even_done:
            leave = partial(self.segment, rest, window) if rest else self._drop_question
            change = partial(self.segment, wanted, window, even_done=True)
            self.status = done_question(done, leave, change)
        else:
            wish = request(self, wanted, window, even_done)
            self.gallery.note_feed(self.image, wish.feed)
            self._run.start(self.image, wish)

    def fit_channels(self) -> None:
        """Choose anew what is beyond doubt, for the image, the model and what lies beside."""
        wanted = self.model.header.spec.in_channels if self.model else 1
        hints = hints_for(self, self._record())
        self.channels = fit_channels(self.image, wanted, self.channels, hints)

    def stop(self) -> None:
        """End the run before its next tile; finished frames stay."""
        self._remaker.stop()
        self._run.stop()

    def tools(self, image: Image) -> Tools:
        """Give what edits the masks of an image."""
        self._introduce(image)
        return Tools(self.project, image.key, image.plane_shape)

    def show(self, image: Image, index: Index, masks: NDArray[np.integer], kept: Kept) -> None:
        """Show new masks in a frame; hand work stays."""
        self._introduce(image)
        image.frames.put(index, kept)
        self.project.predict(image.key, index, image.plane_shape, masks, kept.window)

    def undo(self) -> None:
        """Take the last correction back, whichever layer or frame is shown, and say what it was."""
        self.settle.emit()
        self._turn(self.project.last_step, self.project.undo)

    def redo(self) -> None:
        self._turn(self.project.next_step, self.project.redo)

    def note_masks_gone(self, image: Image) -> None:
        """Say that the masks of an image, whose layer was deleted, are not lost."""
        if self.project.masked(image.key):
            restore = ("Restore masks", partial(self.restore_masks, image))
            text = "The masks layer was deleted. Masks and corrections are kept."
            self.status = Status("ask", text, choices=(restore, ("Leave it", self._drop_question)))

    def open_project(self, project: Project) -> None:
        """Go on with another project; masks of the image that it knows are shown."""
        before, self.project = self.project, project
        before.close()
        if self.image is not None and project.masked(self.image.key):
            self.masks_wanted.emit(self.image)

    def restore_masks(self, image: Image) -> None:
        """Show the masks of an image in a layer again."""
        self._drop_question()
        self.masks_wanted.emit(image)

    def apply_to_outdated(self) -> None:
        """Make the masks of all unfinished frames with the options that are set now."""
        if self.image is not None and self.outdated:
            self._remaker.make(Wish(self.image, self.outdated, self.instances))
            self._count_outdated()

    def close(self) -> None:
        """Stop all work; nothing is heard of it afterwards."""
        self._remaker.stop()
        self._run.close()
        self.project.close()
        for signal in (self._remaker.done, self._remaker.said, self._remaker.ended):
            signal.disconnect()
        for signal in (self.frame_done, self.changed, self.settle, self.masks_wanted, self.remade):
            signal.disconnect()
        self.events.disconnect()
        for name in self.events:
            self.events[name].disconnect()

    def _on_frame_done(self, image: Image, event: FrameDone) -> None:
        if self.painting is image:
            self._held.append((image, event))
            return
        if self.project.is_done(image.key, event.index) and not event.even_done:
            return
        self.show(image, event.index, event.masks, event.kept)
        self.frame_done.emit(image, event)
        self._count_outdated()
        if image is self.image and event.index == self.frame and event.index in self.outdated:
            self._follow_options()  # a slider was moved while the network ran

    def _write_held(self) -> None:
        """Show the masks that came in the middle of a brush stroke, once it is over."""
        if self.painting is None:
            held, self._held = self._held, []
            for image, event in held:
                self._on_frame_done(image, event)

    def _introduce(self, image: Image) -> None:
        """Let the project know of an image, when its first frame is worked on."""
        self.gallery.note(image)
        record = self.gallery.record(image)
        if self._known.get(image.key) != record:
            self._known[image.key] = record
            self.project.ledger.put_image(record)

    def _record(self) -> ImageRecord | None:
        return self._known.get(self.image.key) if self.image and self._known else None

    def _turn(self, step: Step | None, turn: Callable[[], str]) -> None:
        text = turn()
        self.status = Status("done", text)
        if step is not None and step.kind not in NO_HAND:
            self.shown_frame.emit(step.entries[0].image, step.entries[0].frame)

    def _on_project(self, project: Project, before: Project) -> None:
        before.changed.disconnect(self._on_project_changed)
        self.versions = Versions(project.ledger)
        self._known = {record.fingerprint: record for record in project.ledger.images()}
        project.changed.connect(self._on_project_changed)
        self.counts = project.counts()
        record = self._record()
        if self.image and record:  # the project goes on with the channels that it had
            self.channels = self.image.numbered(record.channels) or self.channels
        self.fit_channels()

    def _on_project_changed(self, changed: Changed) -> None:
        self.counts = self.project.counts()
        self.changed.emit(changed)

    def _on_remaker_said(self, status: Status) -> None:
        if not self.running or status.kind == "failed":
            self.status = status

    def _drop_status(self) -> None:
        if not self.running:
            self.status = Status()  # what was said is of another image or model

    def _fit_level(self) -> None:
        if self.model is not None:
            self.options = fit_level(self.options, self.model.header)

    def _follow_options(self) -> None:
        """Make the masks of the shown frame again, unless its review is ended."""
        image, frame = self.image, self.frame
        if image is not None and frame in image.frames:
            if self.project.is_done(image.key, frame):
                # bound to this frame: another one may be shown when the answer comes
                wish = Wish(image, (frame,), self.instances, even_done=True)
                change = partial(self._remaker.make, wish)
                self.status = done_question(1, self._drop_question, change)
            else:
                self._remaker.make(Wish(image, (frame,), self.instances))
        self._count_outdated()

    def _drop_question(self) -> None:
        if self.status.kind == "ask":
            self.status = Status()

    def _count_outdated(self) -> None:
        image, indices = self.image, tuple[Index, ...]()
        if image is not None:
            promised = self._remaker.promised(image, self.instances)
            indices = tuple(
                index
                for index in image.frames.outdated(self.instances)
                if index not in promised and not self.project.is_done(image.key, index)
            )
        self.outdated = indices
