"""Two objects become one."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_touchup.core.delta import Box, Patch, compare, grown, union
from napari_touchup.core.extent import box_of

GAP_PX = 3  # the widest gap between two objects that a merge closes
WIDTH_PX = 2  # how much longer than the gap a way across may be that is closed with it


def merge(labels: NDArray[np.integer], keep: int, gone: int) -> Patch:
    """Give the pixels of one object to another, and close the gap between them.

    Objects that are farther apart than `GAP_PX` become one object in two pieces. Nothing but
    background is put into the gap.

    Parameters
    ----------
    labels : (Y, X) int array
    keep, gone : int
        The label that both have afterwards, and the one that is gone.

    Raises
    ------
    ValueError
        If they are one object, or one of them is not there.

    Examples
    --------
    >>> merge(np.array([[5, 0, 0, 8, 8, 0]]), 5, 8).after
    array([[5, 5, 5, 5]])
    """
    if keep == gone:
        raise ValueError(f"expected two different cells to merge, got cell {keep} twice")
    boxes = box_of(labels, keep), box_of(labels, gone)
    box = union(boxes)
    assert box is not None
    before = labels[box]
    after = np.where(before == gone, labels.dtype.type(keep), before)
    near = _overlap(*(grown(b, GAP_PX + 1 + WIDTH_PX, labels.shape) for b in boxes))
    if near is not None:
        gap = _gap(labels[near], keep, gone)
        # what bulges out of the box around both stays background
        after[_common(near, box)][gap[_common(box, near)]] = keep
    patch = compare(before, after, (box[0].start, box[1].start))
    assert patch is not None  # the one that is gone had pixels
    return patch


def _gap(labels: NDArray[np.integer], one: int, other: int) -> NDArray[np.bool_]:
    """Background on the short ways from one object to the other."""
    if not (labels == one).any() or not (labels == other).any():
        return np.zeros(labels.shape, bool)
    way = sum(ndimage.distance_transform_edt(labels != label) for label in (one, other))
    way = np.where(labels == 0, way, np.inf)
    # across a gap of n pixels the two distances add up to n + 1
    shortest = way.min(initial=np.inf)
    return np.asarray((way <= shortest + WIDTH_PX) & (shortest <= GAP_PX + 1))


def _overlap(a: Box, b: Box) -> Box | None:
    rows, columns = (
        slice(max(s.start, t.start), min(s.stop, t.stop)) for s, t in zip(a, b, strict=True)
    )
    return None if rows.stop <= rows.start or columns.stop <= columns.start else (rows, columns)


def _common(a: Box, b: Box) -> Box:
    """Give what two boxes share, as seen from the corner of `b`."""
    rows, columns = (
        slice(max(s.start, t.start) - t.start, min(s.stop, t.stop) - t.start)
        for s, t in zip(a, b, strict=True)
    )
    return rows, columns
