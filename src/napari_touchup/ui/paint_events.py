"""What a napari paint event says: which box of the labels changed."""

from collections.abc import Iterable
from functools import reduce
from typing import Any

import numpy as np

Box = tuple[slice, ...]  # in full data coordinates, start and stop given


def changed_box(atoms: Iterable[Any]) -> Box | None:
    """Bounding box of all changes of one stroke.

    Parameters
    ----------
    atoms : iterable
        ``event.value`` of ``labels.events.paint``. Brush, fill and polygon give atoms with a
        ``slice_key``; ``data_setitem`` gives tuples ``(indices, old, new)``. napari keeps both
        private, so they are known here only (napari 0.9.2).

    Returns
    -------
    tuple of slice or None
        One slice for each axis of the data; None if nothing changed.
    """
    boxes = [box for atom in atoms if (box := _box_of(atom)) is not None]
    return reduce(_union, boxes) if boxes else None


def _box_of(atom: Any) -> Box | None:
    if hasattr(atom, "slice_key"):
        return tuple(slice(int(s.start), int(s.stop)) for s in atom.slice_key)
    indices = [np.asarray(axis) for axis in atom[0]]
    if any(axis.size == 0 for axis in indices):
        return None
    return tuple(slice(int(axis.min()), int(axis.max()) + 1) for axis in indices)


def _union(a: Box, b: Box) -> Box:
    return tuple(
        slice(min(s.start, t.start), max(s.stop, t.stop)) for s, t in zip(a, b, strict=True)
    )
