"""One object becomes two, along the shortest cut near a line that a person drew."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse import csgraph

from napari_touchup.core.delta import Patch, compare
from napari_touchup.core.drawn import extended, rastered
from napari_touchup.core.extent import box_of
from napari_touchup.core.flood import EIGHT

REACH_PX = (3.0, 20.0)  # how far from the line a cut may be, at least and at most
REACH = 0.25  # of the length that the line has inside the object, between these two
CRUMB = 0.1  # a piece smaller than this part of the second largest is no object of its own
_STEPS = ((0, 1, 1.0), (1, 0, 1.0), (1, 1, 0.5**0.5), (1, -1, 0.5**0.5))
_UNIT = 1000  # capacities are integers


def split(
    labels: NDArray[np.integer], label: int, line: NDArray[np.floating], new_label: int
) -> Patch:
    """Cut an object in two near a drawn line.

    The line says where the two parts are; the cut between them is the shortest there is close to
    it (a minimum cut of the pixels' graph, in which a way far from the line counts as longer). A
    line that ends inside the object goes on in its direction until it leaves it. All pixels stay
    in one of the two parts, and the larger one keeps its number.

    Parameters
    ----------
    labels : (Y, X) int array
    label : int
        Of the object.
    line : (N, 2) float array
        Points along the line, y and x, in pixels.
    new_label : int
        Of the smaller part; an unused one.

    Raises
    ------
    ValueError
        If there is no such object, or the line does not cross it.

    Examples
    --------
    >>> bar = np.full((1, 6), 3)
    >>> split(bar, 3, np.array([[-1, 1.0], [2, 1.0]]), 4).after
    array([[4, 4]])
    """
    line = np.asarray(line, float)
    if line.ndim != 2 or line.shape[1] != 2 or len(line) < 2:
        raise ValueError(f"expected a line of at least two points y, x, got {line.shape}")
    rows, columns = box_of(labels, label)
    mask = labels[rows, columns] == label
    body, drawn = _crossed(mask, line - (rows.start, columns.start), label)
    one = _one_side(body, drawn)
    other = body & ~one
    smaller = one if one.sum() < other.sum() else other
    after = np.where(smaller, labels.dtype.type(new_label), labels[rows, columns])
    patch = compare(labels[rows, columns], after, (rows.start, columns.start))
    assert patch is not None
    return patch


def _crossed(
    mask: NDArray[np.bool_], line: NDArray[np.floating], label: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Give the connected piece of the object that the line cuts in two, and the line."""
    numbered, _ = ndimage.label(mask, EIGHT)
    for through in (False, True):  # first as far as the outline, then right through the box
        drawn = rastered(extended(line, mask, through), mask.shape)
        met = np.bincount(numbered[drawn & mask])
        if met.size == 0:
            raise ValueError(f"the line misses cell {label}: draw it across the cell")
        body = numbered == int(met.argmax())
        if ndimage.label(body & ~drawn, EIGHT)[1] > 1:
            return body, drawn
    raise ValueError(
        f"the line does not part cell {label} in two: draw it from one side to the other"
    )


def _one_side(body: NDArray[np.bool_], drawn: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels of the body on one side of the shortest cut near the line."""
    away = ndimage.distance_transform_edt(~drawn)
    reach = float(np.clip(REACH * (body & drawn).sum(), *REACH_PX))
    parts, count = ndimage.label(body & ~drawn, EIGHT)
    sizes = np.bincount(parts.ravel(), minlength=count + 1)[1:]
    largest, second = np.argsort(sizes)[::-1][:2] + 1
    owner = np.zeros(body.shape, np.int8)  # 1 and 2: surely on this side; 0: to be decided
    for part in np.flatnonzero(sizes >= CRUMB * sizes[second - 1]) + 1:
        inside = parts == part
        core = inside & (away >= min(reach, away[inside].max() / 2))
        owner[core] = 1 if part == largest else 2
    return _minimum_cut(body, owner, 1 + (2 * away / reach) ** 2)


def _minimum_cut(
    body: NDArray[np.bool_], owner: NDArray[np.int8], cost: NDArray[np.floating]
) -> NDArray[np.bool_]:
    """Pixels that stay with owner 1 when the cheapest edges are cut between owners 1 and 2."""
    node = np.full(body.shape, -1)
    free = body & (owner == 0)
    node[free] = np.arange(2, 2 + int(free.sum()))
    node[owner == 1], node[owner == 2] = 0, 1
    graph = _edges(node, cost)
    flow = csgraph.maximum_flow(graph, 0, 1).flow
    left = graph - flow
    left.eliminate_zeros()  # an edge that is full can be followed no more
    reached = csgraph.breadth_first_order(left, 0, return_predecessors=False)
    return np.asarray(body & np.isin(node, reached))


def _edges(node: NDArray[np.integer], cost: NDArray[np.floating]) -> sparse.csr_array:
    """Symmetric capacities between neighbours; a diagonal one counts as its part of a length."""
    ends, capacities = [], []
    for down, right, length in _STEPS:
        here = slice(None, -down or None), slice(max(0, -right), -max(0, right) or None)
        there = slice(down, None), slice(max(0, right), min(0, right) or None)
        a, b = node[here].ravel(), node[there].ravel()
        joined = (a >= 0) & (b >= 0) & (a != b)
        mean = (cost[here] + cost[there]).ravel() / 2
        ends.append(np.stack([a[joined], b[joined]]))
        capacities.append(np.rint(_UNIT * length * mean[joined]))
    (a, b), capacity = np.concatenate(ends, axis=1), np.concatenate(capacities).astype(np.int32)
    size = int(node.max()) + 1
    half = sparse.coo_array((capacity, (a, b)), shape=(size, size))
    return sparse.csr_array(half + half.T)
