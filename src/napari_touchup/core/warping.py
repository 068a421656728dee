"""The warping error: what still differs once the truth was bent towards the prediction.

Foreground is 8-connected, background 4-connected, and outside of the image is background.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_touchup.core.overlap import Labels

EIGHT = np.ones((3, 3), bool)
RING = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))  # (dy, dx), bit 0..7


@dataclass(frozen=True, slots=True)
class Warping:
    """Errors of topology, each counted as often as objects or holes were gained or lost by it."""

    error: float  # pixels that differ / all pixels
    splits: int
    mergers: int
    holes: int  # holes that appeared or vanished
    objects: int  # objects that appeared or vanished


def warping_error(truth: Labels, pred: Labels) -> Warping:
    """Bend the truth towards the prediction without changing its topology; count what differs.

    A pixel of the truth that differs from the prediction is flipped while it is *simple*:
    flipping it neither joins, parts, makes nor removes an object or a hole. What is left are
    errors of topology. An outline in another place costs nothing; a wall between two objects
    costs nothing where its old and its new place meet. Not symmetric.

    Parameters
    ----------
    truth, pred : (Y, X) integer or bool arrays, 0 = background
        Objects that touch are parted by a line of one pixel, taken from the one that comes first
        in raster order, because topology is that of foreground and background.

    Raises
    ------
    ValueError
        For unequal shapes, or arrays that are not 2D.

    References
    ----------
    Jain et al. 2010, "Boundary learning by optimization with topological constraints", section 3.
    """
    truth, pred = np.asarray(truth), np.asarray(pred)
    if truth.ndim != 2 or truth.shape != pred.shape:
        raise ValueError(f"expected two (Y, X) of one shape, got {truth.shape} and {pred.shape}")
    target = np.pad(_parted(pred), 1)
    warped = _warp(np.pad(_parted(truth), 1), target)
    added, removed = target & ~warped, warped & ~target
    mergers, filled, born = _joins(warped, added)
    # what is removed parts just what it would join if it were added again
    splits, opened, died = _joins(warped & ~removed, removed)
    error = int((added | removed).sum()) / max(truth.size, 1)
    return Warping(error, splits, mergers, holes=filled + opened, objects=born + died)


def _parted(labels: Labels) -> NDArray[np.bool_]:
    """Foreground, with every two touching objects parted."""
    inside = labels > 0
    start, stop, full = slice(None, -1), slice(1, None), slice(None)
    for here, there in (
        ((full, start), (full, stop)),
        ((start, full), (stop, full)),
        ((start, start), (stop, stop)),
        ((start, stop), (stop, start)),
    ):
        other = (labels[here] != labels[there]) & (labels[here] > 0) & (labels[there] > 0)
        inside[here][other] = False
    return inside


def _warp(image: NDArray[np.bool_], target: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Flip simple points of `image` (in place) towards `target` until none is left; both padded.

    Pixels of the same parity in y and x are not neighbours, so a fourth of the waiting ones can be
    flipped at once; after that only the neighbours of flipped pixels can have become simple.
    """
    width = image.shape[1]
    here, there = image.ravel(), target.ravel()
    around = np.array([dy * width + dx for dy, dx in RING])
    waiting = np.flatnonzero(here != there)
    while len(waiting):
        parity = 2 * (waiting // width % 2) + waiting % width % 2
        flipped = []
        for field in range(4):
            pixels = waiting[parity == field]
            code = (here[pixels[:, None] + around] << np.arange(8)).sum(axis=1)
            pixels = pixels[_simple_points()[code]]
            here[pixels] = there[pixels]
            flipped.append(pixels)
        near = np.unique(np.concatenate(flipped)[:, None] + around)
        waiting = near[here[near] != there[near]]
    return image


@cache
def _simple_points() -> NDArray[np.bool_]:
    """Say for each of the 256 neighbourhoods (bits as in `RING`) whether its centre is simple.

    It is, if it touches exactly one 8-connected piece of foreground and, by an edge, exactly one
    4-connected piece of background (Bertrand 1994).
    """
    simple = np.zeros(256, bool)
    for code in range(256):
        window = np.zeros((3, 3), bool)
        for bit, (dy, dx) in enumerate(RING):
            window[1 + dy, 1 + dx] = code >> bit & 1
        outside = ~window
        outside[1, 1] = False
        pieces, _ = ndimage.label(outside)
        beside = np.unique(pieces[[0, 1, 1, 2], [1, 0, 2, 1]])
        simple[code] = ndimage.label(window, EIGHT)[1] == 1 and (beside > 0).sum() == 1
    return simple


def _joins(base: NDArray[np.bool_], added: NDArray[np.bool_]) -> tuple[int, int, int]:
    """Say what adding pixels does: objects joined, holes made or filled, objects made."""
    pieces, count = ndimage.label(base, EIGHT)
    spots, _ = ndimage.label(added, EIGHT)
    root = list(range(count + 1))
    joined = rings = islands = 0
    for spot, box in enumerate(ndimage.find_objects(spots), start=1):
        box = tuple(slice(s.start - 1, s.stop + 1) for s in box)  # the padding leaves room
        rim = ndimage.binary_dilation(spots[box] == spot, EIGHT)
        touched = [int(i) for i in np.unique(pieces[box][rim]) if i]
        distinct = {_root(root, i) for i in touched}
        joined += max(len(distinct) - 1, 0)
        rings += max(len(touched) - len(distinct), int(len(touched) == 1))
        islands += not touched
        for i in distinct:
            root[i] = min(distinct)
    return joined, rings, islands


def _root(parent: list[int], i: int) -> int:
    while parent[i] != i:
        i = parent[i] = parent[parent[i]]
    return i
