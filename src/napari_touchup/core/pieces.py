"""The connected pieces of an object."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import label as number_pieces

from napari_touchup.core.delta import Area, Patch, compare
from napari_touchup.core.extent import box_of
from napari_touchup.core.flood import EIGHT


def pieces(labels: NDArray[np.integer], label: int) -> tuple[Area, ...]:
    """Find the connected pieces of an object, the largest first; a diagonal step connects.

    Parameters
    ----------
    labels : (Y, X) int array
    label : int

    Raises
    ------
    ValueError
        If there is no such object.

    Examples
    --------
    >>> [area.box[1] for area in pieces(np.array([[4, 0, 4, 4]]), 4)]
    [slice(2, 4, None), slice(0, 1, None)]
    """
    rows, columns = box_of(labels, label)
    numbered, _ = ndimage.label(labels[rows, columns] == label, EIGHT)
    found = []
    for number, inside in enumerate(ndimage.find_objects(numbered), start=1):
        box = _moved(inside[0], rows.start), _moved(inside[1], columns.start)
        found.append(Area(box, numbered[inside] == number))
    return tuple(sorted(found, key=lambda area: -int(area.mask.sum())))


def separate(labels: NDArray[np.integer], label: int, new_labels: Sequence[int]) -> Patch:
    """Give each piece of an object a number of its own; the largest keeps the one it has.

    Parameters
    ----------
    labels : (Y, X) int array
    label : int
    new_labels : sequence of int
        For the other pieces, from the largest on; unused ones.

    Raises
    ------
    ValueError
        If the object is in one piece, or there are fewer numbers than pieces.

    Examples
    --------
    >>> separate(np.array([[4, 0, 4, 4]]), 4, [9]).after
    array([[9]])
    """
    _, *others = pieces(labels, label)
    if not others:
        raise ValueError(f"cell {label} is in one piece: there is nothing to separate")
    if len(new_labels) < len(others):
        raise ValueError(f"expected {len(others)} new labels, got {len(new_labels)}")
    rows, columns = box_of(labels, label)
    after = labels[rows, columns].copy()
    for area, new in zip(others, new_labels, strict=False):
        inside = _moved(area.box[0], -rows.start), _moved(area.box[1], -columns.start)
        after[inside][area.mask] = new
    patch = compare(labels[rows, columns], after, (rows.start, columns.start))
    assert patch is not None
    return patch


def parted(labels: NDArray[np.integer]) -> NDArray[np.int32]:
    """Give each connected piece of each object a number of its own; a diagonal step connects.

    Parameters
    ----------
    labels : (Y, X) int array, 0 = background

    Examples
    --------
    >>> parted(np.array([[4, 4, 7, 0, 4]]))
    array([[1, 1, 2, 0, 3]], dtype=int32)
    """
    numbered = number_pieces(labels, background=0, connectivity=2)  # type: ignore[no-untyped-call]
    return np.asarray(numbered, np.int32)


def _moved(span: slice, by: int) -> slice:
    return slice(span.start + by, span.stop + by)
