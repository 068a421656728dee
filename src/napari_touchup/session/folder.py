"""A folder of images through one model: a request, and the generator that serves it."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from napari_touchup.io.outputs import Task, find_images, plan_outputs, task_of
from napari_touchup.options import InstanceOptions, SegmentOptions
from napari_touchup.session.folder_report import Counted, Failed
from napari_touchup.session.network import map_torch_library
from napari_touchup.session.session import Session

if TYPE_CHECKING:
    from napari_touchup.io.batch import Event as BatchEvent


@dataclass(frozen=True, slots=True)
class FolderRequest:
    """Which images, where their masks go, and how; fixed when a run starts.

    Attributes
    ----------
    folder, output : Path
    model : of the model's file
    name : of the model, for people
    channels : counted from 1; (): all that a file has
    axes : one letter of TZCYX for each axis; None: as each file says
    link : axis along which an object keeps its label, in files that have it
    """

    folder: Path
    output: Path
    model: Path
    name: str = ""
    channels: tuple[int, ...] = ()
    axes: str | None = None
    segment: SegmentOptions = field(default_factory=SegmentOptions)
    instances: InstanceOptions = field(default_factory=InstanceOptions)
    link: Literal["T", "Z"] | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """How much there is to do.

    Attributes
    ----------
    total : images in the folder
    finished : those of them whose masks are there
    """

    total: int
    finished: int


@dataclass(frozen=True, slots=True)
class Loading:
    """The network is read from its file; the first time PyTorch is loaded too."""


@dataclass(frozen=True, slots=True)
class At:
    """Where the run is."""

    source: Path
    part: float  # 0..1 of this image


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that people should know, in one line; the same may come for every image."""

    text: str


@dataclass(frozen=True, slots=True)
class Recalled:
    """Masks that were there before the run, looked at for its report."""

    end: Counted | Failed


Event = Planned | Loading | At | Notice | Counted | Failed | Recalled


def default_output(folder: Path) -> Path:
    """Folder beside the images for their masks."""
    return folder.parent / f"{folder.name or 'images'}_masks"


def folder_request(
    session: Session, folder: Path, output: Path | None = None, axes: str | None = None
) -> FolderRequest:
    """Freeze what a session would segment a folder with now.

    Raises
    ------
    RuntimeError
        If no model is chosen.
    """
    if session.model is None:
        raise RuntimeError("Choose a model first, above.")
    return FolderRequest(
        folder, output or default_output(folder), session.model.path, session.model.header.name,
        channel_numbers(session), axes, session.options, session.instances, session.link,
    )  # fmt: skip


def channel_numbers(session: Session) -> tuple[int, ...]:
    """Channels of a file, counted from 1, as they are chosen for the open image; (): all."""
    offered = session.image.channels if session.image is not None else ()
    numbers = [c.number for c in session.channels if c in offered and c is not None]
    known = tuple(number + 1 for number in numbers if number is not None)
    # those of other layers are in no file, and the grey of colours has no number
    return known if len(known) == len(session.channels) else ()


def plan(request: FolderRequest) -> tuple[list[Path], list[Task]]:
    """List the images of a folder, and what is left to do of them; reads no pixels.

    Raises
    ------
    OutputError
        If there are no images, or their masks would clash.
    """
    sources = find_images([request.folder], leave_out=request.output)
    return sources, plan_outputs(sources, request.output, resume=True)


def segment_folder(request: FolderRequest) -> Generator[Event]:
    """Segment the images of a folder one after the other; finished ones are skipped.

    One that fails does not stop the others. Closed after any event, nothing half is left.
    """
    sources, tasks = plan(request)
    left = {task.source for task in tasks}
    yield Planned(len(sources), len(sources) - len(tasks))
    request.output.mkdir(parents=True, exist_ok=True)  # it fails once, not for each image
    if tasks:
        yield Loading()
        with closing(_segment(request, tasks)) as events:
            yield from events
    for source in sources:
        if source not in left:
            yield Recalled(_recall(task_of(source, request.output)))


def _segment(request: FolderRequest, tasks: Sequence[Task]) -> Generator[Event]:
    map_torch_library()
    from napari_touchup.io.batch import BatchOptions, segment_files
    from napari_touchup.nn.checkpoint import load
    from napari_touchup.nn.device import choose

    options = BatchOptions(
        channels=request.channels,
        axes=request.axes,
        segment=request.segment,
        instances=request.instances,
        link=request.link,
    )
    choose(request.segment.device, request.segment.precision)  # a wrong name fails here, once
    model = load(request.model, prune=request.segment.prune)
    with closing(segment_files(tasks, model, options)) as events:
        for event in events:
            yield from _translate(event)


def _translate(event: "BatchEvent") -> Iterator[Event]:
    """Turn an event of the batch into the session's own, which is known without PyTorch."""
    from napari_touchup.io import batch

    match event:
        case batch.FileStarted(source=source):
            yield At(source, 0.0)
        case batch.FileProgress(source=source, part=part):
            yield At(source, part)
        case batch.FileNotice(text=text):
            yield Notice(text)
        case batch.FileDone():
            yield Counted(event.source, event.masks, event.frames, event.objects)
        case batch.FileFailed(source=source, reason=reason):
            yield Failed(source, reason.removeprefix(str(source)).lstrip(": "))


def _recall(task: Task) -> Counted | Failed:
    from napari_touchup.io.count import count_objects
    from napari_touchup.io.images import ImageFileError

    try:
        frames, objects = count_objects(task.masks)
    except ImageFileError as error:
        return Failed(task.source, f"its masks are there, but {error}")
    return Counted(task.source, task.masks, frames, objects)
