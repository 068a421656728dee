"""What a napari paint event says: which box of the labels changed, and into what."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_touchup.core import delta
from napari_touchup.core.entries import Index
from napari_touchup.ui.layers import Grid

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


def patches(
    atoms: Iterable[Any], labels: NDArray[np.integer], grid: Grid
) -> dict[Index, delta.Patch]:
    """Tell what one stroke changed in each frame, voxel by voxel.

    It does not matter whether napari has written the stroke already, see `replay`. Where a stroke
    crosses itself, what was there before all of it counts.

    Parameters
    ----------
    atoms : iterable
        ``event.value`` of ``labels.events.paint``.
    labels : array of ``grid.shape``
        The layer's data; what the stroke did not touch is taken from it.
    grid : Grid
        Says which axes are frames, and which way round a plane is.

    Returns
    -------
    dict of index to Patch
        Frames in which nothing differs in the end are left out.
    """
    frames: dict[Index, list[_Piece]] = {}
    for atom in atoms:
        split = _split_masked if hasattr(atom, "slice_key") else _split_indexed
        for index, piece in split(atom, grid):
            frames.setdefault(index, []).append(piece)
    found = {i: _joined(pieces, grid.plane(labels, i)) for i, pieces in frames.items()}
    return {index: patch for index, patch in found.items() if patch is not None}


@dataclass(frozen=True, eq=False)
class _Piece:
    """What one atom wrote into one plane."""

    box: delta.Box
    mask: NDArray[np.bool_]  # (h, w), the pixels that it wrote
    old: NDArray[Any]  # (h, w)
    new: Any  # (h, w) or one value


def _joined(pieces: list[_Piece], plane: NDArray[np.integer]) -> delta.Patch | None:
    box = delta.union(piece.box for piece in pieces)
    if box is None:
        return None
    before, after = np.array(plane[box]), np.array(plane[box])
    for piece in reversed(pieces):
        np.copyto(before[_within(piece.box, box)], piece.old, where=piece.mask)
    for piece in pieces:
        np.copyto(after[_within(piece.box, box)], piece.new, "unsafe", where=piece.mask)
    return delta.compare(before, after, (box[0].start, box[1].start))


def _split_masked(atom: Any, grid: Grid) -> Iterator[tuple[Index, _Piece]]:
    shape = [s.stop - s.start for s in atom.slice_key]
    if atom.mask is None:
        mask, old = np.ones(shape, bool), np.asarray(atom.old_values)
    else:
        mask, old = atom.mask, np.zeros(shape, np.asarray(atom.old_values).dtype)
        old[mask] = atom.old_values
    spans = dict(zip(grid.axes, atom.slice_key, strict=True))
    box = spans["Y"], spans["X"]
    frames = [spans[letter] for letter in grid.axes if letter in "TZ"]
    for index in product(*(range(s.start, s.stop) for s in frames)):
        inside = tuple(n - s.start for n, s in zip(index, frames, strict=True))
        wrote = grid.plane(mask, inside)
        if wrote.any():
            yield index, _Piece(box, wrote, grid.plane(old, inside), atom.new_value)


def _split_indexed(atom: Any, grid: Grid) -> Iterator[tuple[Index, _Piece]]:
    indices, old, new = atom
    sizes = zip(grid.axes, indices, grid.shape, strict=True)
    at = {letter: np.asarray(axis).ravel() % size for letter, axis, size in sizes}
    old, new = np.ravel(old), np.broadcast_to(np.ravel(new), at["Y"].shape)
    letters = [letter for letter in grid.axes if letter in "TZ"]
    frames = np.array([at[letter] for letter in letters], int).reshape(len(letters), old.size)
    for frame in np.unique(frames, axis=1).T if old.size else ():
        here = (frames == frame[:, None]).all(axis=0)
        yield tuple(frame.tolist()), _scattered(at["Y"][here], at["X"][here], old[here], new[here])


def _scattered(
    rows: NDArray[np.integer], columns: NDArray[np.integer], old: Any, new: Any
) -> _Piece:
    top, left = int(rows.min()), int(columns.min())
    box = slice(top, int(rows.max()) + 1), slice(left, int(columns.max()) + 1)
    shape = box[0].stop - top, box[1].stop - left
    mask = np.zeros(shape, bool)
    piece = _Piece(box, mask, np.zeros(shape, old.dtype), np.zeros(shape, old.dtype))
    where = rows - top, columns - left
    mask[where], piece.old[where], piece.new[where] = True, old, new
    return piece


def _within(inner: delta.Box, outer: delta.Box) -> delta.Box:
    rows, columns = (
        slice(s.start - t.start, s.stop - t.start) for s, t in zip(inner, outer, strict=True)
    )
    return rows, columns


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
