"""What a frame teaches: truth, where it counts, and the review that shows why.

Pure functions of a `FrameState`, of all of it or of a box.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from napari_touchup.core.delta import Box, Object, grown
from napari_touchup.core.weights import reach_px, weight_map
from napari_touchup.options import WeightOptions
from napari_touchup.session.frame_state import BACKGROUND, IGNORED, FrameState
from napari_touchup.session.ring import RING_PX

# what a pixel of the review says
NOTHING, TEACHES, KEPT, RING, WIPED = 0, 1, 2, 3, 4
WEIGHTS = WeightOptions()
LINE_PX = 2  # width of outlines
DASH_PX = 4  # length of the dashes and gaps around objects that are kept for checking

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Teaching:
    """What training is given of a frame, or of a box of it."""

    truth: NDArray[np.int32]  # (h, w) objects that teach; 0 elsewhere
    annotated: Mask  # (h, w) where truth counts; all else is ignored, never background


@dataclass(frozen=True, eq=False)
class _Kinds:
    """Who covers the pixels of a window."""

    teaching: Mask  # reviewed objects
    kept: Mask  # reviewed objects that are held out
    unreviewed: Mask
    deleted: Mask  # where deleted objects were, and nothing is now
    deleted_kept: Mask


def teaching(state: FrameState, box: Box | None = None, ring_px: int = RING_PX) -> Teaching:
    """Truth, and where it counts.

    Reviewed objects count with a ring around them that no unreviewed object covers, and so do
    deleted ones, as background. What was erased or brushed as background counts. What is held
    out does not, nor its ring, nor what was wiped with the ignore brush.
    """
    box, wide, inner = _windows(state, box, ring_px)
    kinds, marks = _kinds(state, wide), state.marks[wide]
    empty = state.labels[wide] == 0
    counts = _near(kinds.teaching | kinds.deleted, ring_px) & ~kinds.unreviewed
    counts |= (marks == BACKGROUND) & empty
    counts &= (marks != IGNORED) & ~_near(kinds.kept | kinds.deleted_kept, ring_px)
    truth = np.where(kinds.teaching, state.labels[wide], 0).astype(np.int32)
    return Teaching(truth[inner], counts[inner])


def weights(
    state: FrameState,
    box: Box | None = None,
    ring_px: int = RING_PX,
    options: WeightOptions = WEIGHTS,
) -> NDArray[np.float32]:
    """Weigh each pixel as training does, (h, w): the weight map of truth where it counts."""
    box, wide, inner = _windows(state, box, reach_px(options))
    found = teaching(state, wide, ring_px)
    return weight_map(found.truth, found.annotated, options)[inner]


def review(state: FrameState, box: Box | None = None, ring_px: int = RING_PX) -> NDArray[np.uint8]:
    """Show a person what counts: outlines (solid: teaches, dashed: kept for checking) and rings."""
    box, wide, inner = _windows(state, box, max(ring_px, LINE_PX))
    kinds, found = _kinds(state, wide), teaching(state, wide, ring_px)
    shown = np.zeros(found.truth.shape, np.uint8)
    shown[found.annotated & (found.truth == 0)] = RING
    shown[state.marks[wide] == IGNORED] = WIPED
    outline = outlines(state.labels[wide])
    rows, columns = np.ogrid[wide]
    dashes = (rows + columns) // DASH_PX % 2 == 0
    shown[outline & kinds.teaching] = TEACHES
    shown[outline & kinds.kept & dashes] = KEPT
    return shown[inner]


def outlines(labels: NDArray[np.integer[Any]], width_px: int = LINE_PX) -> Mask:
    """Pixels of objects at most so far inside them, up, down, left or right.

    >>> outlines(np.array([[0, 1, 1, 1, 1, 2]]), 1).tolist()
    [[False, True, False, False, True, True]]
    """
    edge = np.zeros(labels.shape, bool)
    for distance in range(1, width_px + 1):
        down = labels[distance:] != labels[:-distance]
        across = labels[:, distance:] != labels[:, :-distance]
        edge[distance:] |= down
        edge[:-distance] |= down
        edge[:, distance:] |= across
        edge[:, :-distance] |= across
    edge &= labels != 0
    return edge


def _windows(
    state: FrameState, box: Box | None, margin_px: int
) -> tuple[Box, Box, tuple[slice, slice]]:
    """Give the box, the box with all that matters for it, and where the first lies in that."""
    shape = state.labels.shape
    box = box or (slice(0, shape[0]), slice(0, shape[1]))
    wide = grown(box, margin_px + 1, shape)
    rows, columns = (
        slice(s.start - w.start, s.stop - w.start) for s, w in zip(box, wide, strict=True)
    )
    return box, wide, (rows, columns)


def _kinds(state: FrameState, window: Box) -> _Kinds:
    labels = state.labels[window]
    teaching_now = np.isin(labels, state.named(held_out=False))
    kept = np.isin(labels, state.named(held_out=True))
    return _Kinds(
        teaching_now,
        kept,
        (labels != 0) & ~teaching_now & ~kept,
        _covered(state.deleted(held_out=False), window) & (labels == 0),
        _covered(state.deleted(held_out=True), window) & (labels == 0),
    )


def _covered(objects: list[Object], window: Box) -> Mask:
    """Pixels of a window where deleted objects were."""
    covered = np.zeros([s.stop - s.start for s in window], bool)
    for area in (known.area for known in objects if known.area is not None):
        starts = [max(s.start, w.start) for s, w in zip(area.box, window, strict=True)]
        stops = [min(s.stop, w.stop) for s, w in zip(area.box, window, strict=True)]
        if all(start < stop for start, stop in zip(starts, stops, strict=True)):
            there, here = (
                tuple(
                    slice(a - o.start, b - o.start)
                    for a, b, o in zip(starts, stops, origin, strict=True)
                )
                for origin in (window, area.box)
            )
            covered[there] |= area.mask[here]
    return covered


def _near(mask: Mask, distance_px: float) -> Mask:
    """Pixels of a mask and those at most so far from it."""
    if not mask.any():
        return mask
    return np.asarray(distance_transform_edt(~mask) <= distance_px)
