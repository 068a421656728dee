"""Which objects were found, missed, or are false: a picture of their outlines.

Line styles say the same as the colours of a layer: solid, dashed, dotted.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_touchup.core.metrics import Matching
from napari_touchup.core.overlap import Overlap
from napari_touchup.session.teaching import LINE_PX, outlines

HIT, MISS, FALSE = 1, 2, 3  # values of the picture
SOLID = (1.0, 1.0)  # period in pixels, part of it that is drawn
STYLES = {HIT: SOLID, MISS: (14.0, 0.6), FALSE: (7.0, 0.45)}
PARTS = 3  # a small outline is still broken in as many; a smaller one is not

Labels = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class Hits:
    """Objects of a frame, or of several."""

    hits: int = 0
    misses: int = 0
    false: int = 0

    def __add__(self, other: "Hits") -> "Hits":
        return Hits(self.hits + other.hits, self.misses + other.misses, self.false + other.false)


def draw_hits(truth: Labels, pred: Labels, table: Overlap, matching: Matching) -> NDArray[np.uint8]:
    """Draw hits as they were predicted, misses as the truth has them, and false objects.

    Parameters
    ----------
    truth, pred : (Y, X) int arrays, 0 = background
    table, matching : of these two

    Returns
    -------
    (Y, X) uint8 array of HIT, MISS, FALSE and 0
    """
    picture = np.zeros(truth.shape, np.uint8)
    found, hit = table.truth_ids[matching.truth], table.pred_ids[matching.pred]
    false = np.setdiff1d(table.pred_ids[1:], hit)
    missed = np.setdiff1d(table.truth_ids[1:], found)
    for value, labels, chosen in ((HIT, pred, hit), (FALSE, pred, false), (MISS, truth, missed)):
        _draw(picture, labels, chosen, value)
    return picture


def _draw(picture: NDArray[np.uint8], labels: Labels, chosen: NDArray[Any], value: int) -> None:
    """Draw the outlines of some objects in the style of a value."""
    y, x = np.nonzero(outlines(labels))
    wanted = np.isin(labels[y, x], chosen)
    y, x = y[wanted], x[wanted]
    period, part = STYLES[value]
    if period > 1 and y.size:
        drawn = _broken(labels[y, x], y, x, period, part)
        y, x = y[drawn], x[drawn]
    picture[y, x] = value


def _broken(
    labels: NDArray[Any], y: NDArray[np.intp], x: NDArray[np.intp], period: float, part: float
) -> NDArray[np.bool_]:
    """Choose the pixels of outlines that are drawn, by their direction from the middle."""
    _, number, size = np.unique(labels, return_inverse=True, return_counts=True)
    dy, dx = (each - (np.bincount(number, each) / size)[number] for each in (y, x))
    count = np.maximum(np.rint(size / LINE_PX / period), PARTS)[number]
    turns = np.arctan2(dy, dx) / (2 * np.pi) + 0.5  # 0 to 1
    small = size[number] < PARTS * period  # dots of it would not be seen
    return np.asarray(small | (turns * count % 1 < part))
