"""Training data in files: read and checked whole before anything is trained."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label

from napari_touchup.core.axes import Stack
from napari_touchup.core.channel_names import agreed
from napari_touchup.core.colour import COLOURS, to_channels
from napari_touchup.core.measure import median_diameter
from napari_touchup.engine.samples import Sample
from napari_touchup.io.images import ImageFile, open_image, read_labels
from napari_touchup.io.pairs import Pair, PairError, listed


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Images with their truth, frame by frame, and what a model's header says of them."""

    samples: list[Sample]
    semantic: bool = False  # truth holds classes
    names: tuple[str, ...] = ()  # of the channels; (): not named, or not alike in all images

    @property
    def channels(self) -> int:
        return int(self.samples[0].image.shape[0])

    @cached_property
    def classes(self) -> int:
        """Number of classes, the background among them."""
        return 1 + max(int(sample.truth.max()) for sample in self.samples)

    @cached_property
    def areas(self) -> NDArray[np.int64]:
        """Area of every object of which a pixel counts, pixels."""
        return np.concatenate([_areas(sample, self.semantic) for sample in self.samples])

    @property
    def diameter_px(self) -> float:
        """Median diameter of discs as large as the objects, pixels."""
        return median_diameter(self.areas.tolist())

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all pixels, shapes and types, hexadecimal; file names play no part."""
        total = sha256()
        for sample in self.samples:
            for array in (sample.image, sample.truth, sample.annotated):
                about = None if array is None else (array.dtype.str, array.shape)
                total.update(repr(about).encode())
                if array is not None:
                    total.update(np.ascontiguousarray(array).data)
        return total.hexdigest()

    def as_objects(self) -> "TrainingData":
        """Give connected pieces instead of classes, to score masks with."""
        if not self.semantic:
            return self
        samples = [Sample(s.image, _pieces(s.truth > 0), s.annotated) for s in self.samples]
        return TrainingData(samples, names=self.names)


@dataclass(frozen=True, eq=False, slots=True)
class _Frame:
    image: NDArray[Any]  # (C, Y, X), all channels that were asked for
    rgb: bool
    truth: NDArray[Any]  # (Y, X)
    annotated: NDArray[np.bool_] | None  # (Y, X)
    source: Path
    names: tuple[str, ...]  # of the channels, "" for one that has none


def read_training(
    pairs: Sequence[Pair],
    channels: tuple[int, ...] = (),
    wanted: int | None = None,
    semantic: bool = False,
) -> TrainingData:
    """Read all frames of pairs of files.

    Parameters
    ----------
    pairs : from `napari_touchup.io.pairs.find_pairs`
    channels : of the images, counted from 1; (): all that they have
    wanted : channels that the network takes; None: as many as all images have (colours are
        turned to grey where other images are grey)
    semantic : masks hold class indices

    Raises
    ------
    PairError
        If files cannot be read, shapes or channels differ, or masks hold nothing to learn from;
        the message lists every one of them.
    """
    frames: list[_Frame] = []
    faults: list[str] = []
    for pair in pairs:
        try:
            frames.extend(_read_pair(pair, channels))
        except ValueError as error:
            faults.append(str(error))
    _refuse(faults)
    wanted = wanted or min(_channels(frame) for frame in frames)
    samples: list[Sample] = []
    for frame in frames:
        try:
            image = to_channels(frame.image, frame.rgb, wanted)
            samples.append(Sample(image, frame.truth, frame.annotated))
        except ValueError as error:
            faults.append(f"{frame.source}: {error}")
    _refuse(faults)
    names = agreed(frame.names if len(frame.names) == wanted else () for frame in frames)
    data = TrainingData(samples, semantic, names)
    if not len(data.areas):
        raise PairError("no objects where the masks count")
    return data


def _read_pair(pair: Pair, channels: tuple[int, ...]) -> list[_Frame]:
    with open_image(pair.image) as image:
        rgb = image.rgb and not channels
        names = COLOURS if rgb else image.names_of(channels)
        stack = _chosen(image, channels, pair.image)
        images = [stack.read(index) for index in stack.frames()]
    masks = _planes(pair.masks, images, pair.image)
    if pair.annotated is None:
        if not any(plane.any() for plane in masks):
            raise PairError(f"no objects in {pair.masks}")
        marks: list[NDArray[np.bool_] | None] = [None] * len(masks)
    else:
        marks = [plane != 0 for plane in _planes(pair.annotated, images, pair.image)]
        if not any(plane.any() for plane in marks if plane is not None):
            raise PairError(f"nothing counts in {pair.annotated}")
    return [
        _Frame(pixels, rgb, truth, counts, pair.image, names)
        for pixels, truth, counts in zip(images, masks, marks, strict=True)
    ]


def _chosen(image: ImageFile, channels: tuple[int, ...], path: Path) -> Stack:
    available = image.stack().n_channels
    if channels and not all(1 <= channel <= available for channel in channels):
        raise PairError(f"{path}: expected channels of 1 to {available}, got {channels}")
    return image.stack(tuple(channel - 1 for channel in channels) or None)


def _planes(path: Path, images: Sequence[NDArray[Any]], source: Path) -> list[NDArray[Any]]:
    """Frames of a label file, which are as many and as large as those of its image."""
    labels = read_labels(path)
    stack = Stack(labels.data, labels.axes)
    expected, given = images[0].shape[1:], stack.frame_shape
    if given != expected:
        raise PairError(f"shapes differ: {source} {expected} and {path} {given}")
    if stack.frame_count != len(images):
        counts = f"{len(images)} frames and {path} {stack.frame_count}"
        raise PairError(f"numbers of frames differ: {source} {counts}")
    return [stack.read(index)[0] for index in stack.frames()]


def _channels(frame: _Frame) -> int:
    # a fourth channel of a picture is its transparency
    return min(3, len(frame.image)) if frame.rgb else len(frame.image)


def _areas(sample: Sample, semantic: bool) -> NDArray[np.int64]:
    objects = _pieces(sample.truth) if semantic else sample.truth
    numbers, counts = np.unique(objects, return_counts=True)
    counted = objects if sample.annotated is None else objects[sample.annotated]
    return np.asarray(counts[(numbers != 0) & np.isin(numbers, counted)], np.int64)


def _pieces(classes: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(
        label(classes, background=0, connectivity=1)  # type: ignore[no-untyped-call]
    )


def _refuse(faults: Iterable[str]) -> None:
    if all_of_them := list(faults):
        raise PairError(listed(all_of_them, "; "))
