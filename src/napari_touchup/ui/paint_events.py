"""What a napari paint event says: which box of the labels changed, and into what."""

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

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


def replay(atoms: Iterable[Any], index: Sequence[int], plane: NDArray[np.integer]) -> None:
    """Make the changes of one stroke in a copy of one frame.

    napari tells of a fill, and of other edits that are no drag, before it writes them: what they
    write must be taken from the event.

    Parameters
    ----------
    atoms : iterable
        ``event.value`` of ``labels.events.paint``.
    index : sequence of int
        Of the frame, along all axes but the last two.
    plane : (Y, X) int array
        The frame's labels; changed in place.
    """
    for atom in atoms:
        if hasattr(atom, "slice_key"):
            _replay_masked(atom, index, plane)
        else:
            _replay_indexed(atom, index, plane)


def _replay_masked(atom: Any, index: Sequence[int], plane: NDArray[np.integer]) -> None:
    leading = atom.slice_key[: len(index)]
    if all(s.start <= n < s.stop for s, n in zip(leading, index, strict=True)):
        inside = tuple(n - s.start for s, n in zip(leading, index, strict=True))
        mask = ... if atom.mask is None else atom.mask[inside]
        plane[tuple(atom.slice_key[len(index) :])][mask] = atom.new_value


def _replay_indexed(atom: Any, index: Sequence[int], plane: NDArray[np.integer]) -> None:
    indices, _, new = atom
    here = np.ones(np.shape(indices[0]), bool)
    for axis, n in zip(indices, index, strict=False):
        here &= np.asarray(axis) == n
    rows, columns = (np.asarray(axis)[here] for axis in indices[-2:])
    plane[rows, columns] = new[here] if np.ndim(new) else new


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
