"""What training needs of a truth image: a survey of all of it, and maps of any part."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label

from napari_touchup.core.distance import object_distance
from napari_touchup.core.weights import weight_map
from napari_touchup.options import WeightOptions

BAND = 1024  # rows that are read at once
POSITIONS = 8192  # pixels remembered of each band and kind

Labels = NDArray[np.integer[Any]]
Marks = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Survey:
    """What one reading of a sample's truth tells."""

    background: int  # annotated pixels
    foreground: int  # annotated pixels
    highest: int  # label or class
    objects: NDArray[np.int64]  # (N, 2) y, x of annotated object pixels, every object among them
    marked: NDArray[np.int64] | None  # (N, 2) of annotated pixels; None: all of them are


@dataclass(frozen=True, eq=False)
class Maps:
    """What is known of each pixel of a sample, or of a window of it; all (Y, X)."""

    truth: NDArray[np.int32]  # renumbered: small enough to be exact in float32
    annotated: Marks
    weights: NDArray[np.float32]
    distance: NDArray[np.float32]


def survey(truth: Any, annotated: Any = None) -> Survey:
    """Count and locate the annotated pixels of (Y, X) array-likes, reading bands of rows."""
    objects, marked, counts, highest = [], [], np.zeros(2, np.int64), 0
    for top in range(0, truth.shape[0], BAND):
        labels, marks = read(truth, annotated, (slice(top, top + BAND), slice(None)))
        inside = marks & (labels != 0)
        counts += np.count_nonzero(marks & ~inside), np.count_nonzero(inside)
        highest = max(highest, int(labels.max(initial=0)))
        objects.append(_locate(labels, inside) + np.array([top, 0]))
        marked.append(_locate(labels, marks) + np.array([top, 0]))
    everywhere = None if annotated is None else np.concatenate(marked)
    return Survey(int(counts[0]), int(counts[1]), highest, np.concatenate(objects), everywhere)


def read(truth: Any, annotated: Any, box: tuple[slice, slice]) -> tuple[Labels, Marks]:
    """Truth inside a box, and where it counts; `annotated` None: everywhere."""
    labels = np.asarray(truth[box])
    marks = np.ones(labels.shape, bool) if annotated is None else annotated[box]
    return labels, np.asarray(marks, bool)


def _locate(truth: Labels, wanted: Marks) -> NDArray[np.int64]:
    """Positions (N, 2) of some wanted pixels, at least one of every label among them."""
    flat = np.flatnonzero(wanted)
    some = flat[:: max(1, len(flat) // POSITIONS)]
    _, first = np.unique(truth.reshape(-1)[flat], return_index=True)
    chosen = np.concatenate([some, flat[first]])
    return np.stack(np.unravel_index(chosen, truth.shape), axis=1)


def make_maps(truth: Labels, annotated: Marks, weights: WeightOptions, semantic: bool) -> Maps:
    """Make what a crop needs besides the image; `semantic` truth holds class indices."""
    if semantic:
        objects = label(truth, background=0, connectivity=1)  # type: ignore[no-untyped-call]
        kept = truth.astype(np.int32)
    else:
        numbers, flat = np.unique(truth, return_inverse=True)
        kept = flat.reshape(truth.shape).astype(np.int32) + np.int32(numbers[0] != 0)
        objects = kept
    return Maps(kept, annotated, weight_map(objects, annotated, weights), object_distance(objects))
