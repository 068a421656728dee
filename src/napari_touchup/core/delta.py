"""Reversible changes of one frame, voxel by voxel: what the ledger keeps.

A change holds what was there before and what is there after it. So a frame is the sum of its
changes, and undo is one of them turned round.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

Box = tuple[slice, slice]  # rows and columns of a frame, start and stop given
State = Literal["untouched", "corrected", "confirmed", "deleted"]
Origin = Literal["corrected", "confirmed"]


@dataclass(frozen=True, eq=False)
class Patch:
    """Values of a plane inside a box, before and after.

    Attributes
    ----------
    box : (slice, slice)
        As tight as the change.
    before, after : (h, w) arrays of one dtype
        Equal where nothing changed.
    """

    box: Box
    before: NDArray[Any]
    after: NDArray[Any]

    @property
    def changed(self) -> NDArray[np.bool_]:
        return np.asarray(self.before != self.after)

    def reversed(self) -> Self:
        return type(self)(self.box, self.after, self.before)


@dataclass(frozen=True, eq=False)
class Area:
    """Pixels of a frame."""

    box: Box
    mask: NDArray[np.bool_]  # (h, w)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Area):
            return NotImplemented
        return self.box == other.box and np.array_equal(self.mask, other.mask)

    def __hash__(self) -> int:
        return hash((repr(self.box), self.mask.tobytes()))


@dataclass(frozen=True, slots=True)
class Object:
    """An object that a person looked at; label numbers only show it.

    Attributes
    ----------
    uid : str
        UUID, the same for ever.
    origin : how it was first reviewed; `serial` counts each of the two apart
    serial : from 1, in the project; never used again
    state : "untouched" was taken back, and keeps its role; "deleted" has an `area`
    held_out : it is kept for checking, for ever, and never taught
    area : where a deleted object was
    """

    uid: str
    origin: Origin
    serial: int
    state: State
    held_out: bool
    area: Area | None = None

    @property
    def reviewed(self) -> bool:
        return self.state in ("corrected", "confirmed")


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """What became of the object that a label shows; None: never reviewed.

    Deleted objects have no label: they stand under a negative number of their own.
    """

    label: int
    before: Object | None
    after: Object | None

    def reversed(self) -> Self:
        return type(self)(self.label, self.after, self.before)


@dataclass(frozen=True, eq=False)
class Delta:
    """All that one action changed in one frame.

    `numbers` are labels before and after, one to one: objects that are shown under others, and
    are otherwise as they were. Such a change stands alone.
    """

    labels: Patch | None = None
    marks: Patch | None = None
    objects: tuple[ObjectChange, ...] = ()
    done: tuple[bool, bool] | None = None  # end of the frame's review, before and after
    numbers: tuple[tuple[int, int], ...] = ()

    def __bool__(self) -> bool:
        parts = (self.labels, self.marks, self.done)
        return bool(self.objects or self.numbers) or any(part is not None for part in parts)

    @property
    def box(self) -> Box | None:
        """Where pixels changed; None where only states did."""
        return union(patch.box for patch in (self.labels, self.marks) if patch is not None)

    def reversed(self) -> Self:
        return type(self)(
            None if self.labels is None else self.labels.reversed(),
            None if self.marks is None else self.marks.reversed(),
            tuple(change.reversed() for change in reversed(self.objects)),
            None if self.done is None else (self.done[1], self.done[0]),
            tuple((after, before) for before, after in self.numbers),
        )


def compare(
    before: NDArray[Any], after: NDArray[Any], corner: tuple[int, int] = (0, 0)
) -> Patch | None:
    """Find what differs between two planes, or two windows of them that begin at `corner`.

    >>> patch = compare(np.array([[0, 1, 1]]), np.array([[0, 1, 5]]))
    >>> patch.box, patch.before.tolist(), patch.after.tolist()
    ((slice(0, 1, None), slice(2, 3, None)), [[1]], [[5]])
    """
    changed = before != after
    rows = np.flatnonzero(changed.any(axis=1))
    if not rows.size:
        return None
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero(changed[top:bottom].any(axis=0))
    left, right = int(columns[0]), int(columns[-1]) + 1
    inner = (slice(top, bottom), slice(left, right))
    box = (
        slice(top + corner[0], bottom + corner[0]),
        slice(left + corner[1], right + corner[1]),
    )
    return Patch(box, before[inner].copy(), after[inner].copy())


def union(boxes: Iterable[Box]) -> Box | None:
    """Smallest box around boxes; None of none."""
    found = list(boxes)
    return reduce(_union, found) if found else None


def grown(box: Box, margin: int, shape: tuple[int, ...]) -> Box:
    """Box with a margin on every side, inside a plane of this shape."""
    rows, columns = (
        slice(max(0, s.start - margin), min(n, s.stop + margin))
        for s, n in zip(box, shape, strict=True)
    )
    return rows, columns


def _union(a: Box, b: Box) -> Box:
    rows, columns = (
        slice(min(s.start, t.start), max(s.stop, t.stop)) for s, t in zip(a, b, strict=True)
    )
    return rows, columns
