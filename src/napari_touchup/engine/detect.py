"""The objects of a frame, detected tile by tile.

What a network detects at a place depends on its surroundings only: on the halo of its features
around the object and its rivals, which are the boxes that could suppress it. So a tile keeps the
objects whose middle (that of their part inside the frame) it writes, and sees `OBJECT_PX` more
than the halo around that: half for the object itself, half for its rivals. Objects up to that
size are then detected as by one pass over the whole extended frame (see `core.tiling`), with the
same boxes, scores and masks up to rounding, except where

- suppression goes on in a chain: a box that would suppress a rival is itself suppressed, or not,
  by one still farther away, which the tile does not see;
- a score or an overlap lies within rounding of the value that decides.

Larger objects are detected too, while one that is twice as large as what a tile sees around its
middle may be cut. At a seam two tiles may both keep an object, which `core.detected.draw` leaves
out the second time: the first one covers it.
"""

from collections.abc import Generator, Iterator

import numpy as np

from napari_touchup.core.detected import Detected, joined
from napari_touchup.core.tiling import Tile, TilePlan
from napari_touchup.engine.passes import Progress, Source, TileDone, with_memory
from napari_touchup.engine.runner import Runner
from napari_touchup.nn.detections import Detections
from napari_touchup.options import SegmentOptions

SEAM_PX = 1.0  # by which rounding may move a middle; tiles keep what lies so far beyond their part
NOTHING = Detected(*(np.zeros(shape, np.float32) for shape in ((0, 4), (0,), (0, 1, 1))))


def detect(
    runner: Runner, source: Source, options: SegmentOptions
) -> Generator[Progress, None, Detected]:
    """Find the objects of a frame; when memory runs out begin again with less at once.

    Parameters
    ----------
    runner : of a network whose output is "instances"
    source : the frame, at the size that the network knows
    options : tile and batch

    Returns
    -------
    Detected
        In pixels of the frame, the surest first; at seams there may be the same object twice.
    """
    found: list[Detected] = []

    def run(tiles: TilePlan, batch: int) -> Iterator[TileDone]:
        found.clear()
        total = len(tiles.tiles)
        for start in range(0, total, batch):
            chunk = tiles.tiles[start : start + batch]
            seen = runner.detect(*source.read(tiles, chunk))
            found.extend(
                kept(to_host(each), tile, tiles) for tile, each in zip(chunk, seen, strict=True)
            )
            yield TileDone(start + len(chunk), total)

    yield from with_memory(runner, source.shape, options, run)
    return joined([part for part in found if len(part)] or [NOTHING])


def kept(seen: Detected, tile: Tile, tiles: TilePlan) -> Detected:
    """Give the objects of a tile, in frame coordinates, whose middle the tile writes."""
    y, x = (s.start - before for s, before in zip(tile.read, tiles.before, strict=True))
    moved = seen.moved(y, x)
    own = np.ones(len(moved), bool)
    for axis, (write, n) in enumerate(zip(tile.write, tiles.shape, strict=True)):
        low, high = moved.boxes[:, axis].clip(0, n), moved.boxes[:, axis + 2].clip(0, n)
        middle = (low + high) / 2
        own &= (low < high) & (middle >= write.start - SEAM_PX) & (middle < write.stop + SEAM_PX)
    return moved[own]


def to_host(seen: Detections) -> Detected:
    boxes, scores, masks = (t.float().cpu().numpy() for t in (seen.boxes, seen.scores, seen.masks))
    return Detected(boxes, scores, masks)
