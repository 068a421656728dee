"""The session's two pieces of long work, as generators of events."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_touchup.core.entries import Index
from napari_touchup.options import InstanceOptions, NormalizeOptions, SegmentOptions
from napari_touchup.session.frames import Frames, Kept
from napari_touchup.session.images import Feed
from napari_touchup.session.paste import Window


@dataclass(frozen=True)
class Loading:
    """The network is read from its file; the first time PyTorch is loaded too."""

    first: bool


@dataclass(frozen=True)
class FrameStarted:
    number: int  # counted from 1
    total: int


@dataclass(frozen=True)
class Device:
    """What the network runs on, and why, in one line."""

    text: str


@dataclass(frozen=True)
class Note:
    """Something that people should know of this run, in one line."""

    text: str


@dataclass(frozen=True)
class Advice:
    """Something about this computer that stays true after the run; may name a web page."""

    text: str


@dataclass(frozen=True)
class Tile:
    done: int
    total: int


@dataclass(frozen=True, eq=False)
class Predicted:
    """What a network says of one frame."""

    maps: Any  # (K, Y, X), after the activation; array-like of float16 where they are on disk
    masks: NDArray[np.integer]  # (Y, X), 0 = background
    output: str  # as in ModelSpec


@dataclass(frozen=True)
class Summary:
    """What was found in one frame."""

    sizes: tuple[int, ...]  # pixels of each object
    highest: float  # mask probability


@dataclass(frozen=True, eq=False)
class FrameDone:
    index: Index
    masks: NDArray[np.integer]  # of the window
    kept: Kept
    summary: Summary
    even_done: bool  # change a frame whose review is ended too


@dataclass(frozen=True, eq=False)
class Request:
    """Frames to segment, and how."""

    feed: Feed
    frames: tuple[Index, ...]
    model: Path
    normalize: NormalizeOptions = field(default_factory=NormalizeOptions)  # of the model
    window: Window | None = None  # of each frame, pixels; None: all of it
    options: SegmentOptions = field(default_factory=SegmentOptions)
    instances: InstanceOptions = field(default_factory=InstanceOptions)
    even_done: bool = False  # change frames whose review is ended too


class Network(Protocol):
    """What the session needs of the layers below; loads PyTorch when first used."""

    def loaded(self, path: Path, prune: int | None) -> bool: ...

    def load(self, path: Path, prune: int | None) -> Iterator[Note | Advice]: ...

    def segment(
        self,
        frame: NDArray[Any],
        options: SegmentOptions,
        instances: InstanceOptions,
        limits: NDArray[np.floating] | None,  # (C, 2) intensities; None: the frame's own
    ) -> Iterator[Device | Note | Tile | Predicted]: ...

    def make_masks(
        self, maps: NDArray[np.floating], output: str, instances: InstanceOptions
    ) -> NDArray[np.integer]: ...


Event = Loading | FrameStarted | Device | Note | Advice | Tile | FrameDone


def segment_frames(request: Request, network: Network) -> Generator[Event]:
    """Segment frame after frame; each is read only when its turn comes."""
    model, prune = request.model, request.options.prune
    if not network.loaded(model, prune):
        yield Loading(first=True)
        yield from network.load(model, prune)
    for number, index in enumerate(request.frames, 1):
        yield FrameStarted(number, len(request.frames))
        for event in _predict(request, index, network):
            yield _frame_done(request, index, event) if isinstance(event, Predicted) else event


def remake_masks(
    frames: Frames,
    indices: tuple[Index, ...],
    instances: InstanceOptions,
    network: Network,
    even_done: bool = False,
) -> Generator[FrameDone]:
    """Make the masks of predicted frames again, from the maps that were kept."""
    for index in indices:
        old = frames[index]
        masks = network.make_masks(old.maps, old.output, instances)
        kept = Kept(old.maps, old.output, old.window, instances)
        yield FrameDone(index, masks, kept, summarize(masks, old.maps, old.output), even_done)


def summarize(
    masks: NDArray[np.integer], maps: NDArray[np.floating], output: str = "maps"
) -> Summary:
    """Sizes of the objects of a label image and the highest mask probability."""
    counts = np.bincount(masks.ravel())[1:]
    probability = mask_probability(maps, output)
    return Summary(tuple(counts[counts > 0].tolist()), float(probability.max(initial=0)))


def mask_probability(maps: NDArray[np.floating], output: str) -> NDArray[np.floating]:
    """(Y, X) probability that a pixel belongs to an object."""
    # of a softmax, all that is not background (class 0)
    probability: NDArray[np.floating] = 1 - maps[0] if output == "softmax" else maps[0]
    return probability


def _predict(
    request: Request, index: Index, network: Network
) -> Iterator[Device | Note | Tile | Predicted]:
    feed, window = request.feed, request.window
    # a part is seen as it would be within the whole, else its masks differ
    limits = None if window is None else feed.limits(index, request.normalize)
    frame = feed.read(index, window)
    return network.segment(frame, request.options, request.instances, limits)


def _frame_done(request: Request, index: Index, event: Predicted) -> FrameDone:
    # half precision halves what is kept; probabilities need three digits. What is on disk has it
    maps = event.maps
    if isinstance(maps, np.ndarray):
        maps = maps.astype(np.float16, copy=False)
    kept = Kept(maps, event.output, request.window, request.instances)
    summary = summarize(event.masks, maps, event.output)
    return FrameDone(index, event.masks, kept, summary, request.even_done)
