"""All tiles of a frame through a network, in one pass or two; what is told on the way.

A network that looks at the whole image, through one mean of its features, is run twice: for the
mean over the frame, then for the maps. So a tile does not know a mean of its own, and the maps do
not depend on the tiles.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_touchup.core.tiling import Tile, TilePlan, Window, plan, read_tile
from napari_touchup.engine.landing import Landing
from napari_touchup.engine.memory import is_out_of_memory, release
from napari_touchup.engine.runner import Features, Numbers, Runner
from napari_touchup.options import SegmentOptions

Chunk = tuple[Tile, ...]  # that run together


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is about to run; comes again when memory ran out and all tiles are run anew.

    Attributes
    ----------
    device : str
        The device and why it was chosen, one line.
    tile : int
        Longer edge of a tile, pixels.
    batch : int
        Tiles at once.
    tiles : int
        Tiles of the frame.
    """

    device: str
    tile: int
    batch: int
    tiles: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that people should know, in one line."""

    text: str


@dataclass(frozen=True, slots=True)
class TileDone:
    """So many tiles have run; each counts twice where the network looks at the whole image."""

    done: int
    total: int


Progress = Prepared | Notice | TileDone


@dataclass(frozen=True, eq=False, slots=True)
class Source:
    """A frame (C, Y, X) and the affine that normalises it."""

    frame: Any
    scale: Numbers
    shift: Numbers

    @property
    def shape(self) -> tuple[int, int]:
        return int(self.frame.shape[1]), int(self.frame.shape[2])

    def read(self, tiles: TilePlan, chunk: Chunk) -> tuple[list[NDArray[Any]], Numbers, Numbers]:
        """Raw intensities of some tiles, and the affine: what a `Runner` is given."""
        return [read_tile(self.frame, tiles, tile) for tile in chunk], self.scale, self.shift


def run_tiles(
    runner: Runner, source: Source, maps: Any, options: SegmentOptions
) -> Generator[Progress]:
    """Fill the maps."""
    yield from with_memory(runner, source.shape, options, partial(_pass, runner, source, maps))


def with_memory(
    runner: Runner,
    shape: tuple[int, int],
    options: SegmentOptions,
    run: Callable[[TilePlan, int], Iterator[TileDone]],
) -> Generator[Progress]:
    """Run all tiles of a frame; when memory runs out start again with a smaller batch, then tile.

    Parameters
    ----------
    run : from the plan and the number of tiles at once on; begins anew at each call

    Raises
    ------
    MemoryError
        If not even one smallest tile fits in memory.
    """
    tile, batch = runner.sizes(shape, options)
    while True:
        tiles = plan(shape, tile, runner.geometry)
        yield Prepared(runner.device.reason, max(tiles.size), batch, len(tiles.tiles))
        try:
            yield from run(tiles, batch)
            return
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            smaller = _smaller(runner, tiles, batch)
            if smaller is None:
                raise MemoryError(
                    f"not enough memory on {runner.device.name} for one tile of "
                    f"{max(tiles.size)} pixels; close other programs or choose another device"
                ) from error
        # outside the handler, whose traceback would keep the tensors alive
        tile, batch = smaller
        release(runner.device.name)
        yield Notice(f"Out of memory: going on with {batch} tile(s) of {tile} pixels at once")


def _smaller(runner: Runner, tiles: TilePlan, batch: int) -> tuple[int, int] | None:
    edge = max(tiles.size)
    if batch > 1:
        return edge, batch // 2
    smaller = max(plan(tiles.shape, edge // 2, runner.geometry).size)
    return (smaller, 1) if smaller < edge else None


def _pass(
    runner: Runner, source: Source, maps: Any, tiles: TilePlan, batch: int
) -> Generator[TileDone]:
    """Run all tiles."""

    def encode(chunk: Chunk) -> Features:
        return runner.encode(*source.read(tiles, chunk))

    total = len(tiles.tiles)
    if runner.parts is None:
        landed = _batches(
            runner, tiles, batch, lambda chunk: runner.launch(*source.read(tiles, chunk))
        )
        yield from _fill(maps, landed, 0, total)
    elif total <= batch:
        # all features fit into memory: they wait there for their mean
        features = encode(tiles.tiles)
        yield from _two_passes(runner, maps, tiles, batch, lambda _: features)
    else:
        yield from _two_passes(runner, maps, tiles, batch, encode)


def _two_passes(
    runner: Runner,
    maps: Any,
    tiles: TilePlan,
    batch: int,
    encode: Callable[[Chunk], Features],
) -> Generator[TileDone]:
    """Average the features over the blocks that cover the frame, then make maps with that mean."""
    total, stride = len(tiles.tiles), runner.geometry.stride

    def sums(chunk: Chunk) -> Landing:
        return runner.sums(encode(chunk), [_blocks(tile, stride) for tile in chunk])

    summed, done = np.zeros(()), 0
    for chunk, each in _batches(runner, tiles, batch, sums):
        summed = summed + each.sum(0)  # (D,) float64
        done += len(chunk)
        yield TileDone(done, 2 * total)
    y, x = tiles.shape
    mean = summed / (-(-y // stride) * -(-x // stride))
    landed = _batches(runner, tiles, batch, lambda chunk: runner.decode(encode(chunk), mean))
    yield from _fill(maps, landed, total, 2 * total)


def _batches(
    runner: Runner, tiles: TilePlan, batch: int, launch: Callable[[Chunk], Landing]
) -> Iterator[tuple[Chunk, NDArray[Any]]]:
    """Yield tiles and what was made of them. On CUDA one batch is queued ahead of that."""
    ahead = 1 if runner.kind == "cuda" else 0
    flying: deque[tuple[Chunk, Landing]] = deque()
    for start in range(0, len(tiles.tiles), batch):
        chunk = tiles.tiles[start : start + batch]
        flying.append((chunk, launch(chunk)))
        if len(flying) > ahead:
            ready, landing = flying.popleft()
            yield ready, landing.wait()
    for ready, landing in flying:
        yield ready, landing.wait()


def _fill(
    maps: Any, landed: Iterable[tuple[Chunk, NDArray[Any]]], done: int, total: int
) -> Iterator[TileDone]:
    for chunk, results in landed:
        for tile, result in zip(chunk, results, strict=True):
            maps[(slice(None), *tile.write)] = result[(slice(None), *tile.keep)]
        done += len(chunk)
        yield TileDone(done, total)


def _blocks(tile: Tile, stride: int) -> Window:
    """Where the blocks that a tile keeps lie among its features; of all tiles each block once.

    What a tile keeps begins on the grid. It ends there too, or where the frame does: the rest of
    the last block is mirrored.
    """
    y, x = (slice(kept.start // stride, -(-kept.stop // stride)) for kept in tile.keep)
    return y, x
