"""Objects that were detected one by one, drawn into one label image and the maps of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_touchup.core.flood import EIGHT
from napari_touchup.core.instances import tidy
from napari_touchup.core.stitch import Labels, Window
from napari_touchup.core.touching import touching
from napari_touchup.options import InstanceOptions

SURE = 0.5  # score from which an object is drawn
VISIBLE = 0.5  # share of an object that no surer one covers; with less it is the same one again

Numbers = NDArray[np.float32]


@dataclass(frozen=True, eq=False, slots=True)
class Detected:
    """N objects of a frame.

    Attributes
    ----------
    boxes : (N, 4) float32
        y0, x0, y1, x1, half-open, pixels; they may reach beyond the frame.
    scores : (N,) float32
        0..1.
    masks : (N, M, M) float32
        Probability of the object at the centres of M x M equal cells of its box.
    """

    boxes: Numbers
    scores: Numbers
    masks: Numbers

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, which: Any) -> Self:
        return type(self)(self.boxes[which], self.scores[which], self.masks[which])

    def moved(self, y: float, x: float) -> Self:
        """Shift all objects, by pixels."""
        offset = np.array([y, x, y, x], np.float32)
        return type(self)(self.boxes + offset, self.scores, self.masks)

    def resized(self, old: tuple[int, int], new: tuple[int, int]) -> Self:
        """Give them in a frame of another size (Y, X)."""
        y, x = (after / before for before, after in zip(old, new, strict=True))
        return type(self)(self.boxes * np.array([y, x, y, x], np.float32), self.scores, self.masks)


def joined(parts: Sequence[Detected]) -> Detected:
    """Put objects together, of at least one part; the surest come first, else as they were."""
    boxes, scores, masks = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("boxes", "scores", "masks")
    )
    return Detected(boxes, scores, masks)[np.argsort(-scores, kind="stable")]


def draw(
    found: Detected, shape: tuple[int, int], options: InstanceOptions
) -> tuple[Labels, Numbers]:
    """Draw the objects whose score is at least 0.5; the surer one has the pixels of both.

    An object of which surer ones cover half or more is left out: it is the same one again, as two
    tiles see it, or a guess that takes several for one. Of what others leave of an object the
    largest connected piece is drawn. Objects smaller than `min_size` go last, then holes are
    filled.

    Parameters
    ----------
    found : the surest first
    shape : (Y, X) of the frame
    options : `threshold` (of the masks), `min_size` and `fill_holes` are heeded

    Returns
    -------
    labels : (Y, X) uint16 array, or uint32 for more than 65 535 objects
        1, 2, 3, ... in the order in which their first pixels come; 0 = background.
    probability : (Y, X) float32 array
        The highest mask probability of all objects drawn.
    """
    labels, probability = np.zeros(shape, np.int32), np.zeros(shape, np.float32)
    for number, (window, p) in enumerate(_pasted(found, shape), 1):
        mask = p > options.threshold
        free = mask & (labels[window] == 0)
        if np.count_nonzero(free) > VISIBLE * np.count_nonzero(mask):
            labels[window][_largest_piece(free)] = number
            np.maximum(probability[window], p, out=probability[window])
    return _numbered(tidy(labels, options)), probability


def maps_of(labels: Labels, probability: Numbers, out: Any = None) -> Any:
    """Make the three maps of which `masks_from_maps` makes the objects again.

    Parameters
    ----------
    labels, probability : what `draw` gives
    out : (3, Y, X) array-like, optional
        Receives the maps.

    Returns
    -------
    (3, Y, X) float32, or `out`
        Mask probability, touching border of the labels, and 1 inside them: the network has told
        objects apart already, so all of an object is as deep as its middle.
    """
    maps = np.empty((3, *labels.shape), np.float32) if out is None else out
    maps[0], maps[1], maps[2] = probability, touching(labels), labels > 0
    return maps


def _pasted(found: Detected, shape: tuple[int, int]) -> Iterator[tuple[Window, Numbers]]:
    """Yield where each sure object lies in the frame, and its probability there."""
    sure = found[found.scores >= SURE]
    for box, mask in zip(sure.boxes.tolist(), sure.masks, strict=True):
        rows, down = _along(box[0], box[2], shape[0], len(mask))
        columns, across = _along(box[1], box[3], shape[1], len(mask))
        yield (rows, columns), down @ mask @ across.T


def _along(low: float, high: float, n: int, cells: int) -> tuple[slice, Numbers]:
    """Pixels of an axis whose centres lie in a box, and how each reads the cells bilinearly."""
    start, stop = (min(max(int(np.ceil(edge - 0.5)), 0), n) for edge in (low, high))
    place = (np.arange(start, stop) + 0.5 - low) * (cells / max(high - low, 1e-6)) - 0.5
    place = place.clip(0, cells - 1)
    # a pixel reads the two cells whose centres are less than one cell away
    weights = 1 - np.abs(place[:, np.newaxis] - np.arange(cells))
    return slice(start, stop), weights.clip(0).astype(np.float32)


def _largest_piece(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    pieces, count = ndimage.label(mask, EIGHT)
    if count < 2:
        return mask
    return np.asarray(pieces == 1 + np.bincount(pieces.ravel())[1:].argmax())


def _numbered(labels: NDArray[np.int32]) -> Labels:
    """Give numbers in the order of first pixels, which do not depend on scores and tiles."""
    places = np.flatnonzero(labels)[::-1]
    first = np.full(int(labels.max(initial=0)) + 1, labels.size)
    first[labels.ravel()[places]] = places  # of several pixels the last one here stays
    order = np.argsort(first, kind="stable")
    count = int(np.count_nonzero(first < labels.size))
    dtype = np.uint16 if count <= np.iinfo(np.uint16).max else np.uint32
    number = np.zeros(len(first), dtype)
    number[order[:count]] = np.arange(1, count + 1)
    drawn: Labels = np.empty(labels.shape, dtype)
    drawn[:] = number[labels]
    return drawn
