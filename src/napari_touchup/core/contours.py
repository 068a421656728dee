"""Outlines of objects along the edges of their pixels, and back: nothing is lost on the way."""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label as connected

Ring: TypeAlias = NDArray[np.floating | np.integer]  # (N, 2) of (x, y); the last joins the first
Polygon: TypeAlias = list[Ring]  # the outside, then the holes
QUADRANTS = ((0, 0), (0, 1), (1, 0), (1, 1))  # of a window of 2 x 2 pixels, (row, column)
ODD = (1, 2, 4, 8, 7, 11, 13, 14)  # windows, a bit for each pixel of a piece, with a corner
FALLING, RISING = (0b1001,), (0b0110,)  # windows in which two pixels touch by a corner
# windows, and the side and rank of a corner in them
CORNERS = ((ODD, 0, 0), (RISING, 0, 0), (RISING, 1, 1), (FALLING, 0, 1), (FALLING, 1, 0))


def polygons(labels: NDArray[np.integer]) -> dict[int, list[Polygon]]:
    """Trace the outlines of all objects of a frame.

    A pixel covers from its index to its index + 1, so vertices are whole numbers. Each piece of
    an object is a polygon; pixels that touch by a corner only are two pieces. Rings meet
    themselves nowhere and each other in points at most, as "simple features" (OGC 06-103r4, 6.1)
    want it; the outside runs clockwise as seen on the screen, holes the other way.

    Parameters
    ----------
    labels : (Y, X) int array, 0 = background

    Returns
    -------
    dict
        Polygons by label, in the order of labels.

    Examples
    --------
    >>> polygons(np.array([[7, 7]]))[7][0][0].tolist()
    [[0, 0], [2, 0], [2, 1], [0, 1]]
    """
    if labels.ndim != 2:
        raise ValueError(f"expected labels of shape (Y, X), got {labels.shape}")
    pieces = connected(labels, background=0, connectivity=1)  # type: ignore[no-untyped-call]
    found: dict[int, list[Polygon]] = {}
    polygon: Polygon = []
    last = 0
    for piece, ring in _rings(np.pad(pieces, 1)):
        if piece == last:
            polygon.append(ring[::-1])
            continue
        # the first ring of a piece in reading order is its outside, from the upper left corner
        x, y = ring[0]
        last, polygon = piece, [ring]
        found.setdefault(int(labels[y, x]), []).append(polygon)
    return dict(sorted(found.items()))


def fill(canvas: NDArray[np.integer], rings: Iterable[Ring], value: int) -> int:
    """Give a value to the pixels whose centres lie inside of an odd number of rings.

    Neighbours that share an edge share no pixel. What is outside of the canvas is left out.

    Parameters
    ----------
    canvas : (Y, X) int array, changed in place
    rings : finite vertices, whole or not

    Returns
    -------
    int
        How many pixels were filled.
    """
    rows, columns = _crossings(list(rings), len(canvas))
    if not rows.size:
        return 0
    width = canvas.shape[1]
    columns = np.clip(columns, 0, width).astype(np.intp)
    top, left = int(rows.min()), int(columns.min())
    box = int(rows.max()) + 1 - top, int(columns.max()) + 1 - left
    flat = (rows - top) * box[1] + columns - left
    crossed = np.bincount(flat, minlength=box[0] * box[1]).reshape(box)
    inside = (np.cumsum(crossed, axis=1) % 2 == 1)[:, : width - left]
    canvas[top : top + box[0], left : left + inside.shape[1]][inside] = value
    return int(inside.sum())


def _rings(pieces: NDArray[np.integer]) -> Iterator[tuple[int, Ring]]:
    """Rings of padded pieces, by piece and then in reading order, each clockwise."""
    piece, y, x, side, rank = _corners(pieces)
    # in every row of a piece, corners are the ends of horizontal edges in turn
    along = np.lexsort((side, x, y, piece))
    piece, y, x, rank = (values[along] for values in (piece, y, x, rank))
    down = np.lexsort((rank, y, x, piece))  # and in every column those of vertical ones
    other_end = np.empty_like(down)
    other_end[down[0::2]], other_end[down[1::2]] = down[1::2], down[0::2]
    points = np.stack([x, y], axis=1)
    for ring in _followed(other_end.tolist()):
        yield int(piece[ring[0]]), points[ring]


def _followed(other_end: list[int]) -> Iterator[list[int]]:
    """Follow horizontal edges (2 n, 2 n + 1) and vertical ones in turn, until all are seen."""
    seen = bytearray(len(other_end))
    for start in range(0, len(other_end), 2):
        ring, at = [], start
        while not seen[at]:
            seen[at] = seen[at ^ 1] = 1
            ring += [at, at ^ 1]
            at = other_end[at ^ 1]
        if ring:
            yield ring


def _corners(pieces: NDArray[np.integer]) -> NDArray[np.intp]:
    """Corners of outlines: piece, y, x, side and rank of each.

    Where two pixels of a piece touch by a corner, its outline has two corners. Side says which
    of them ends the edge on the left and which the one on the right, rank which ends the edge
    above. They are joined so that a ring passes between the pixels: as these hang together
    elsewhere, it cannot come back to a place where it was.
    """
    height, width = (n - 1 for n in pieces.shape)
    windows = [pieces[r : r + height, c : c + width] for r, c in QUADRANTS]
    differ = windows[0] != windows[1]
    for window in windows[2:]:
        differ |= window != windows[0]
    y, x = np.nonzero(differ)
    quadrants = [window[y, x] for window in windows]
    found = []
    for number, own in enumerate(quadrants):
        new = (own != 0) & np.all([own != other for other in quadrants[:number]], axis=0)
        pattern = sum((other == own) << bit for bit, other in enumerate(quadrants))
        for patterns, side, rank in CORNERS:
            at = np.flatnonzero(new & np.isin(pattern, patterns))
            found.append(np.stack([own[at], y[at], x[at], at * 0 + side, at * 0 + rank]))
    return np.concatenate(found, axis=1)


def _crossings(rings: list[Ring], height: int) -> tuple[NDArray[np.intp], NDArray[np.floating]]:
    """Rows whose middle an edge crosses, and the first column of which the middle is right of it.

    An edge has its upper end and not its lower one, so that every row is crossed evenly often.
    """
    closed = [np.concatenate([ring, ring[:1]]).astype(float) for ring in rings if len(ring)]
    if not closed:
        return np.empty(0, np.intp), np.empty(0)
    start = np.concatenate([ring[:-1] for ring in closed])
    end = np.concatenate([ring[1:] for ring in closed])
    upper, lower = (pick(start[:, 1], end[:, 1]) for pick in (np.minimum, np.maximum))
    first, stop = (np.clip(np.ceil(y - 0.5), 0, height).astype(np.intp) for y in (upper, lower))
    counts = np.maximum(stop - first, 0)
    edge = np.repeat(np.arange(len(counts)), counts)
    rows = first[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts)
    (x0, y0), (x1, y1) = start[edge].T, end[edge].T
    x = x0 + (rows + 0.5 - y0) / (y1 - y0) * (x1 - x0)
    return rows, np.ceil(x - 0.5)
