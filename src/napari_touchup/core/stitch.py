"""Label a plane of any size block by block, and join what the seams cut.

Blocks overlap. A component of the mask that fits into the overlap lies whole in every block that
writes a pixel of it, so it gets the labels that a single pass over the plane gives. The tolerance
is for larger ones: each block decides from what it sees, and two blocks' objects become one if
they share more than half of the smaller of them, counted where both blocks look (within half of
the overlap, so that objects up to that size are seen whole). A plane of up to `BLOCK` + 2
`OVERLAP` pixels each way is one block, and exact.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

BLOCK = 2048  # edge of what one block writes, pixels; about 0.6 GB of working memory
OVERLAP = 256  # what a block sees beyond that on each side, pixels

Window = tuple[slice, slice]
Labels = NDArray[np.uint16] | NDArray[np.uint32]


def label_blocks(
    label: Callable[[Window], NDArray[np.int32]],
    shape: tuple[int, int],
    block: int = BLOCK,
    overlap: int = OVERLAP,
) -> Labels:
    """Label a plane of `shape` by calling `label` on windows of at most block + 2 overlap pixels.

    Parameters
    ----------
    label : callable
        Window -> int32 labels of that window, 0 = background; gaps are allowed.
    shape : (Y, X)
    block, overlap : int, pixels

    Returns
    -------
    (Y, X) uint16 array, or uint32 for more than 65 535 objects
        Labels 1, 2, 3, ... without a gap.
    """
    out = np.full(shape, -1, np.int32)  # -1: not written yet
    joins = []
    total = 0
    for core in _cores(shape, block, overlap):
        window = _grow(core, overlap, shape)
        # nearer to the window's edge an object that is cut can look like part of its neighbour
        trusted = _grow(core, overlap // 2, shape)
        found = label(window)
        fresh = np.where(found > 0, found + total, 0)
        seen = out[trusted] >= 0
        joins.append(_same_objects(out[trusted][seen], fresh[_within(trusted, window)][seen]))
        out[core] = fresh[_within(core, window)]
        total += int(found.max(initial=0))
    return _renumber(out, np.concatenate(joins, axis=1), total)


def _cores(shape: tuple[int, int], block: int, overlap: int) -> Iterator[Window]:
    # a plane that one window can show needs no seam
    step_y, step_x = (max(n, 1) if n <= block + 2 * overlap else block for n in shape)
    for y in range(0, shape[0], step_y):
        for x in range(0, shape[1], step_x):
            yield slice(y, min(y + step_y, shape[0])), slice(x, min(x + step_x, shape[1]))


def _grow(window: Window, by: int, shape: tuple[int, int]) -> Window:
    y, x = window
    return (
        slice(max(y.start - by, 0), min(y.stop + by, shape[0])),
        slice(max(x.start - by, 0), min(x.stop + by, shape[1])),
    )


def _within(inner: Window, outer: Window) -> Window:
    (y, x), (top, left) = inner, (outer[0].start, outer[1].start)
    return slice(y.start - top, y.stop - top), slice(x.start - left, x.stop - left)


def _same_objects(old: NDArray[np.int32], new: NDArray[np.int32]) -> NDArray[np.int64]:
    """Pairs (2, n) of labels that share more than half of the smaller one; old, new: (N,)."""
    names_old, a, size_old = np.unique(old, return_inverse=True, return_counts=True)
    names_new, b, size_new = np.unique(new, return_inverse=True, return_counts=True)
    table = (len(names_old), len(names_new))
    shared = coo_array((np.ones(len(a), np.int64), (a, b)), shape=table).tocsr().tocoo()
    row, column = shared.coords
    same = 2 * shared.data > np.minimum(size_old[row], size_new[column])
    same &= (names_old[row] > 0) & (names_new[column] > 0)
    return np.stack([names_old[row[same]], names_new[column[same]]]).astype(np.int64)


def _renumber(labels: NDArray[np.int32], joins: NDArray[np.int64], total: int) -> Labels:
    graph = coo_array((np.ones(joins.shape[1], bool), tuple(joins)), shape=(total + 1, total + 1))
    _, group = connected_components(graph, directed=False)  # background, alone, is group 0
    present = np.zeros(group.max() + 1, bool)
    strips = [slice(y, y + BLOCK) for y in range(0, len(labels), BLOCK)]  # bounds the temporaries
    for strip in strips:
        present[group[labels[strip]]] = True
    present[0] = False
    count = int(present.sum())
    dtype = np.uint16 if count <= np.iinfo(np.uint16).max else np.uint32
    number = np.where(present, np.cumsum(present), 0).astype(dtype)[group]
    out: Labels = np.empty(labels.shape, dtype)
    for strip in strips:
        out[strip] = number[labels[strip]]
    return out
