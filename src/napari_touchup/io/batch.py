"""Many files through one model: a generator of events, for the command line and the dock."""

import zlib
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from napari_touchup.core.axes import Stack, check_axes
from napari_touchup.core.channel_names import agree, difference
from napari_touchup.core.colour import GREY_RULE, to_channels
from napari_touchup.core.link import Links
from napari_touchup.engine.segment import Notice, Prediction, Prepared, TileDone, segment
from napari_touchup.io.converted import FAILURES, first_line
from napari_touchup.io.images import FILE_ORDER, ImageFile, explained, open_image
from napari_touchup.io.outputs import Task
from napari_touchup.io.tiff import PixelSize, plane_writer
from napari_touchup.options import InstanceOptions, Options, SegmentOptions

if TYPE_CHECKING:
    from napari_touchup.nn.checkpoint import Model


class BatchOptions(Options):
    """How each file is read and segmented."""

    channels: tuple[Annotated[int, Field(ge=1)], ...] = ()  # counted from 1; (): all that it has
    axes: str | None = None  # one letter of TZCYX for each axis; None: as the file says
    segment: SegmentOptions = SegmentOptions()
    instances: InstanceOptions = InstanceOptions()
    link: Literal["T", "Z"] | None = None  # axis along which an object keeps its label

    @field_validator("axes")
    @classmethod
    def _known_letters(cls, axes: str | None) -> str | None:
        return axes and check_axes(axes, range(len(axes)))


@dataclass(frozen=True, slots=True)
class FileStarted:
    source: Path


@dataclass(frozen=True, slots=True)
class FileProgress:
    source: Path
    part: float  # 0..1 of this file


@dataclass(frozen=True, slots=True)
class FileNotice:
    """Something that people should know, in one line; the same text may come for every file."""

    source: Path
    text: str


@dataclass(frozen=True, slots=True)
class FileDone:
    """Masks are written.

    Attributes
    ----------
    objects : int
        Counted in every frame anew.
    """

    source: Path
    masks: Path
    frames: int
    objects: int
    seconds: float


@dataclass(frozen=True, slots=True)
class FileFailed:
    source: Path
    reason: str  # one line


Event = FileStarted | FileProgress | FileNotice | FileDone | FileFailed


def segment_files(
    tasks: Iterable[Task], model: "Model", options: BatchOptions | None = None
) -> Generator[Event]:
    """Segment files one after the other; one that fails does not stop the others.

    Parameters
    ----------
    tasks : from `napari_touchup.io.outputs.plan_outputs`; folders are made
    model : Model
    options : BatchOptions

    Yields
    ------
    FileStarted, FileProgress, FileNotice
        While a file is worked at. Closed after any of them, nothing half is left.
    FileDone, FileFailed
        One of the two for each file.
    """
    options = options or BatchOptions()
    for task in tasks:
        yield FileStarted(task.source)
        try:
            yield from _segment_file(task, model, options)
        except FAILURES as error:
            yield FileFailed(task.source, first_line(error))


@dataclass(frozen=True, slots=True)
class _Layout:
    """Frames of a file in the order in which they are written."""

    stack: Stack
    axes: str  # such as "TZ"
    pixel: PixelSize | None
    names: tuple[str, ...]  # of the channels that are read; (): not known

    @property
    def shape(self) -> tuple[int, ...]:
        data, axes = self.stack.data, self.stack.axes
        return tuple(int(data.shape[axes.index(letter)]) for letter in self.axes)

    def read(self, index: tuple[int, ...]) -> NDArray[Any]:
        where = dict(zip(self.axes, index, strict=True))
        return self.stack.read(tuple(where[letter] for letter in self.stack.frame_axes))


@dataclass(frozen=True, slots=True)
class _Packed:
    """Masks of a frame, compressed: those of a long film need not fit in memory."""

    objects: int
    dtype: np.dtype[Any]
    content: bytes


def _segment_file(task: Task, model: "Model", options: BatchOptions) -> Generator[Event]:
    started = perf_counter()
    task.masks.parent.mkdir(parents=True, exist_ok=True)
    packed: list[_Packed] = []
    with open_image(task.source, options.axes) as image:
        layout = _layout(image, options.channels)
        numbered = _numbering(layout, options.link)
        colours = image.rgb and not options.channels
        with (
            _maps_writer(task.maps, layout, model.header.spec.classes) as write_maps,
            closing(_predict(task.source, layout, colours, model, options)) as events,
        ):
            for event in events:
                if isinstance(event, Prediction):
                    write_maps(event.maps)
                    objects = int(event.masks.max(initial=0))
                    packed.append(_pack(objects, numbered(event.masks)))
                else:
                    yield event
    # after the maps: where masks are, the file is finished
    _write_masks(task.masks, packed, layout)
    objects = sum(frame.objects for frame in packed)
    yield FileDone(task.source, task.masks, len(packed), objects, perf_counter() - started)


def _layout(image: ImageFile, channels: tuple[int, ...]) -> _Layout:
    available = image.stack().n_channels
    if wrong := [str(channel) for channel in channels if channel > available]:
        raise ValueError(f"expected a channel of 1 to {available}, got {', '.join(wrong)}")
    stack = image.stack(tuple(channel - 1 for channel in channels) or None)
    axes = "".join(letter for letter in FILE_ORDER if letter in stack.frame_axes)
    return _Layout(stack, axes, image.pixel, image.names_of(channels))


def _predict(
    source: Path, layout: _Layout, colours: bool, model: "Model", options: BatchOptions
) -> Generator[Event | Prediction]:
    """Segment frame after frame; each ends with its Prediction."""
    wanted, learned = model.header.spec.in_channels, model.header.channels
    if not agree(learned, layout.names):
        yield FileNotice(source, difference(learned, layout.names))
    if colours and wanted == 1:
        yield FileNotice(source, f"colours are turned to grey: {GREY_RULE}")
    for number, index in enumerate(np.ndindex(*layout.shape)):
        with explained(source):
            raw = layout.read(index)
        frame = to_channels(raw, colours, wanted)
        with closing(segment(model, frame, options.segment, options.instances)) as events:
            for event in events:
                match event:
                    case TileDone(done, total):
                        part = (number + done / total) / layout.stack.frame_count
                        yield FileProgress(source, part)
                    case Prepared(device=text) | Notice(text=text):
                        yield FileNotice(source, text)
                    case Prediction():
                        yield event


@contextmanager
def _maps_writer(
    path: Path | None, layout: _Layout, classes: int
) -> Generator[Callable[[Any], None]]:
    """Give a function that appends maps (K, Y, X); without a path it does nothing."""
    if path is None:
        yield lambda maps: None
        return
    shape = (*layout.shape, classes, *layout.stack.frame_shape)
    with plane_writer(path, shape, f"{layout.axes}CYX", np.float32, layout.pixel) as write:

        def write_all(maps: Any) -> None:
            for plane in maps:
                write(plane)

        yield write_all


def _numbering(
    layout: _Layout, link: str | None
) -> Callable[[NDArray[np.unsignedinteger]], NDArray[np.unsignedinteger]]:
    """Give what is called with the masks of one frame after the other, as they are written."""
    if link is None or link not in layout.axes:
        return lambda masks: masks
    links, indices = Links(), np.ndindex(*layout.shape)
    along = layout.axes.index(link)

    def numbered(masks: NDArray[np.unsignedinteger]) -> NDArray[np.unsignedinteger]:
        index = next(indices)
        return links.add(masks, (*index[:along], *index[along + 1 :]))

    return numbered


def _pack(objects: int, masks: NDArray[np.unsignedinteger]) -> _Packed:
    return _Packed(objects, masks.dtype, zlib.compress(np.ascontiguousarray(masks).data, level=1))


def _write_masks(path: Path, packed: Sequence[_Packed], layout: _Layout) -> None:
    plane = layout.stack.frame_shape
    dtype = np.result_type(*(frame.dtype for frame in packed))
    shape, axes = (*layout.shape, *plane), f"{layout.axes}YX"
    with plane_writer(path, shape, axes, dtype, layout.pixel) as write:
        for frame in packed:
            write(np.frombuffer(zlib.decompress(frame.content), frame.dtype).reshape(plane))
