"""What differs between the old and the new masks of a frame, object by object."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from napari_touchup.core.metrics import match
from napari_touchup.core.overlap import Overlap, overlap

MATCH_IOU = 0.5  # two objects that share so much are one and the same
SAME_IOU = 0.9  # below it the same object has another shape
INSIDE = 0.5  # of the smaller object, which is then a part of the larger one

Labels: TypeAlias = NDArray[np.integer[Any]]
Kind = Literal["split", "merged", "gained", "lost", "reshaped"]
KINDS: tuple[Kind, ...] = ("split", "merged", "gained", "lost", "reshaped")


@dataclass(frozen=True, slots=True)
class Change:
    """Objects that became others.

    Attributes
    ----------
    kind : a group that is neither split nor merged nor one to one is "reshaped" too
    old : labels in the old masks; () for gained
    new : labels in the new masks; () for lost
    centre : (y, x) of the box, pixels
    box : rows and columns that hold all of them
    """

    kind: Kind
    old: tuple[int, ...]
    new: tuple[int, ...]
    centre: tuple[float, float]
    box: tuple[slice, slice]


def compare(old: Labels, new: Labels) -> tuple[Change, ...]:
    """List the changes, by kind, then from top to bottom.

    Parameters
    ----------
    old, new : (Y, X) int arrays of equal shape, 0 = background

    Examples
    --------
    >>> change, = compare(np.array([[1, 1, 1, 1, 0]]), np.array([[1, 1, 2, 2, 0]]))
    >>> change.kind, change.old, change.new, change.centre
    ('split', (1,), (1, 2), (0.5, 2.0))
    """
    table = overlap(old, new)
    boxes = find_objects(old), find_objects(new)
    found = [_change(kind, group, table, boxes) for kind, group in _changed_groups(table)]
    return tuple(sorted(found, key=lambda change: (KINDS.index(change.kind), change.centre)))


def renumbered(new: Labels, old: Labels, first: int | None = None) -> NDArray[np.uint32]:
    """Give new masks the numbers of the old ones where both are the same object.

    Parameters
    ----------
    new, old : (Y, X) int arrays of equal shape, 0 = background
    first : number of the first object that is in `new` only; None: above all of `old`

    Examples
    --------
    >>> renumbered(np.array([1, 1, 2, 3, 3]), np.array([7, 7, 0, 4, 4])).tolist()
    [7, 7, 8, 4, 4]
    """
    table = overlap(old, new)
    matching = match(table, MATCH_IOU)
    numbers = np.zeros(len(table.pred_ids), np.uint32)
    numbers[matching.pred] = table.truth_ids[matching.truth]
    others = np.flatnonzero(numbers[1:] == 0) + 1
    start = int(table.truth_ids.max()) + 1 if first is None else first
    numbers[others] = np.arange(start, start + len(others))
    lookup = np.zeros(int(table.pred_ids.max()) + 1, np.uint32)
    lookup[table.pred_ids] = numbers
    return np.asarray(lookup[new])


def count_changed(changes: Collection[Change], labels: Collection[int]) -> int:
    """Count those of some old labels that changed in any way."""
    return len({label for change in changes for label in change.old} & set(labels))


@dataclass(frozen=True)
class _Group:
    """Objects that have to do with each other, by their numbers in the table."""

    old: NDArray[np.int64]
    new: NDArray[np.int64]


def _changed_groups(table: Overlap) -> Iterator[tuple[Kind, _Group]]:
    both = (table.truth > 0) & (table.pred > 0)
    old, new, shared = table.truth[both], table.pred[both], table.pixels[both]
    a, b = table.truth_sizes[old], table.pred_sizes[new]
    related = shared > INSIDE * np.minimum(a, b)
    pairs = zip(old.tolist(), new.tolist(), strict=True)
    iou = dict(zip(pairs, (shared / (a + b - shared)).tolist(), strict=True))
    for group in _groups(table.truth_count, table.pred_count, old[related], new[related]):
        counts = len(group.old), len(group.new)
        same = counts == (1, 1) and iou[int(group.old[0]), int(group.new[0])] >= SAME_IOU
        if not same:
            yield _kind(*counts), group


def _kind(old: int, new: int) -> Kind:
    if old == 0 or new == 0:
        return "gained" if old == 0 else "lost"
    if old == new:
        return "reshaped"
    return "split" if old < new else "merged"


def _groups(
    old_count: int, new_count: int, old: NDArray[np.int64], new: NDArray[np.int64]
) -> Iterator[_Group]:
    """Find the connected pieces of the graph whose edges are pairs of related objects."""
    nodes = old_count + new_count
    edges = (np.ones(len(old), bool), (old - 1, new - 1 + old_count))
    _, piece = connected_components(coo_array(edges, shape=(nodes, nodes)), directed=False)
    order = np.argsort(piece, kind="stable")
    starts = np.flatnonzero(np.diff(piece[order], prepend=-1))
    for members in np.split(order, starts[1:]) if nodes else ():
        is_old = members < old_count
        yield _Group(members[is_old] + 1, members[~is_old] - old_count + 1)


def _change(kind: Kind, group: _Group, table: Overlap, boxes: tuple[Any, Any]) -> Change:
    old = tuple(table.truth_ids[group.old].tolist())
    new = tuple(table.pred_ids[group.new].tolist())
    parts = [boxes[0][label - 1] for label in old] + [boxes[1][label - 1] for label in new]
    rows, columns = (
        slice(min(part[axis].start for part in parts), max(part[axis].stop for part in parts))
        for axis in (0, 1)
    )
    centre = (rows.start + rows.stop) / 2, (columns.start + columns.stop) / 2
    return Change(kind, old, new, centre, (rows, columns))
