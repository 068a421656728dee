"""Tiles of a frame whose outputs, put together, equal one pass over the whole frame.

The overlap-tile strategy of Ronneberger 2015, figure 2. A network that pools is shift-equivariant
only by multiples of its stride S, and an S-aligned block of its output depends on a halo of input
around it. So the frame is extended by reflection to E; tiles are windows of E on the S grid; of
each tile only the blocks are kept whose halo lies inside the tile, or leaves it where E ends.
"""

from dataclasses import dataclass
from itertools import product
from sys import maxsize
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Window = tuple[slice, slice]  # along Y and X


class Geometry(Protocol):
    """What tiling must know of a network.

    An accepted input stays accepted when S is added to it. The output covers the centre of the
    input: its first pixel lies over input pixel ``(n - output_size(n)) // 2``.
    """

    @property
    def stride(self) -> int:
        """S, pixels."""

    @property
    def halo(self) -> tuple[int, int]:
        """Context before and after an S-aligned block of output, pixels."""

    @property
    def mirror(self) -> tuple[int, int]:
        """By how much a frame is at least extended on either side, pixels.

        The halo; less where that is so large that most of E would be mirrored for nothing.
        """

    def input_size(self, n: int) -> int:
        """Smallest accepted input edge >= n."""

    def output_size(self, n: int) -> int:
        """Output edge of an accepted input edge n."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One pass through the network.

    Attributes
    ----------
    read : Window
        The input, in coordinates of E.
    keep : Window
        What counts of the tile's output.
    write : Window
        Where it goes in the frame; as large as `keep`.
    """

    read: Window
    keep: Window
    write: Window


@dataclass(frozen=True, slots=True)
class TilePlan:
    """All tiles of a frame, row by row; their `write` windows cover each pixel exactly once.

    Attributes
    ----------
    shape : (int, int)
        (Y, X) of the frame.
    before, after : (int, int)
        By how many pixels E extends beyond the frame along Y and X.
    size : (int, int)
        (Y, X) of every tile's input.
    tiles : tuple of Tile
    """

    shape: tuple[int, int]
    before: tuple[int, int]
    after: tuple[int, int]
    size: tuple[int, int]
    tiles: tuple[Tile, ...]


@dataclass(frozen=True, slots=True)
class _Axis:
    """The plan along one axis: `spans` holds the start of each tile and what it writes."""

    before: int
    after: int
    size: int
    spans: tuple[tuple[int, slice], ...]
    first: int  # output pixel over the first pixel that is kept


def plan(shape: tuple[int, int], tile: int, geometry: Geometry) -> TilePlan:
    """Cut a frame into tiles of equal size.

    Parameters
    ----------
    shape : (int, int)
        (Y, X) of the frame, at least 1 x 1.
    tile : int
        Largest edge of a tile's input, pixels. Tiles are made as small as their number allows, so
        that they overlap little. Below what the halo needs the smallest possible tile is taken.
    geometry : Geometry
        The network.
    """
    if min(shape) < 1:
        raise ValueError(f"expected a frame of at least 1 x 1 pixel, got {shape}")
    y, x = (_axis(n, tile, geometry) for n in shape)
    return TilePlan(
        shape=shape,
        before=(y.before, x.before),
        after=(y.after, x.after),
        size=(y.size, x.size),
        tiles=tuple(
            Tile(
                read=(slice(top, top + y.size), slice(left, left + x.size)),
                keep=(_kept(rows, top, y.first), _kept(columns, left, x.first)),
                write=(rows, columns),
            )
            for (top, rows), (left, columns) in product(y.spans, x.spans)
        ),
    )


def whole(shape: tuple[int, int], geometry: Geometry) -> TilePlan:
    """One tile that is all of E."""
    return plan(shape, maxsize, geometry)


def read_tile(frame: Any, plan: TilePlan, tile: Tile) -> NDArray[Any]:
    """Input of one tile, (C, h, w) in the frame's dtype.

    Only the part of the frame that shows in the tile is read. Beyond the border the frame is
    mirrored about the centre of its last pixel, as often as it takes; one pixel alone is repeated.

    Parameters
    ----------
    frame : (C, Y, X) array-like
        Numpy, dask, zarr or memmap.
    plan : TilePlan
    tile : Tile
        One of the plan's.
    """
    rows, columns = (
        mirrored(window.start - before, window.stop - window.start, n)
        for window, before, n in zip(tile.read, plan.before, plan.shape, strict=True)
    )
    top, left = rows.min(), columns.min()
    block = np.asarray(frame[:, top : rows.max() + 1, left : columns.max() + 1])
    if _is_plain(rows) and _is_plain(columns):
        return block
    return block[:, (rows - top)[:, np.newaxis], columns - left]


def _axis(n: int, tile: int, geometry: Geometry) -> _Axis:
    stride = geometry.stride
    mirror, halo = geometry.mirror, geometry.halo
    before, _, least, lost = _smallest(mirror, geometry)
    extended = max(least, _up(n, stride)) + lost  # E
    inner, smallest, least, lost = _smallest(halo, geometry)
    step = least + max(_down(tile - smallest, stride), 0)  # of tiles that both halos cut
    size = min(step + lost, extended)
    count = -(-(extended - size) // step) + 1
    if count > 1:
        step = max(least, _up(-(-(extended - lost) // count), stride))
        size = step + lost
    # the last one shifts back; what a tile writes begins where its predecessor's valid part ends
    starts = [min(i * step, extended - size) for i in range(count)]
    writes = [0, *(i * step + inner - before for i in range(1, count))]
    spans = [
        (start, slice(write, min(stop, n)))
        for start, write, stop in zip(starts, writes, [*writes[1:], n], strict=True)
        if write < n
    ]
    return _Axis(
        before=before,
        after=extended - before - n,
        size=size,
        spans=tuple(spans),
        first=before - (size - geometry.output_size(size)) // 2,
    )


def _smallest(context: tuple[int, int], geometry: Geometry) -> tuple[int, int, int, int]:
    """Smallest input with context around a block.

    Returns
    -------
    Where its block begins, its edge, the edge of its block, and the difference of these two, which
    is the same for all larger inputs, because sizes grow by the stride.
    """
    stride = geometry.stride
    before, after = _up(context[0], stride), context[1]
    edge = geometry.input_size(before + stride + after)
    block = _down(edge - before - after, stride)
    return before, edge, block, edge - block


def _kept(write: slice, start: int, first: int) -> slice:
    # frame pixel p lies over E pixel p + before, so a tile that starts at `start` keeps from there
    return slice(write.start - start + first, write.stop - start + first)


def mirrored(start: int, count: int, size: int) -> NDArray[np.int64]:
    """Reflect `count` indices from `start` on at the ends of an axis, not repeating these.

    >>> mirrored(-2, 6, 3).tolist()
    [2, 1, 0, 1, 2, 1]
    """
    period = max(2 * (size - 1), 1)
    folded = np.arange(start, start + count) % period
    return np.minimum(folded, period - folded) if size > 1 else folded


def _is_plain(index: NDArray[np.int64]) -> bool:
    return bool(index[-1] - index[0] == len(index) - 1)  # inside the frame, nothing is mirrored


def _up(n: int, step: int) -> int:
    return -(-n // step) * step


def _down(n: int, step: int) -> int:
    return n // step * step
