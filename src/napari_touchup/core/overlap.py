"""Which truth object shares how many pixels with which predicted one: what all measures need."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[Any]  # integer or bool, 0 = background
DENSE = 4  # a dense table may have this many entries per pixel


@dataclass(frozen=True, slots=True)
class Overlap:
    """The contingency table of two label images, only its entries that are not 0.

    Objects are numbered 1..T and 1..P in the order of their ids; 0 is the background, which is
    there even where it has no pixel.
    """

    truth_ids: NDArray[Any]  # (T + 1,) labels
    pred_ids: NDArray[Any]  # (P + 1,)
    truth_sizes: NDArray[np.int64]  # (T + 1,) pixels
    pred_sizes: NDArray[np.int64]  # (P + 1,)
    truth: NDArray[np.int64]  # (N,) number of the truth object
    pred: NDArray[np.int64]  # (N,) number of the predicted object
    pixels: NDArray[np.int64]  # (N,) pixels that they share, > 0

    @property
    def truth_count(self) -> int:
        return len(self.truth_sizes) - 1

    @property
    def pred_count(self) -> int:
        return len(self.pred_sizes) - 1

    @property
    def empty(self) -> bool:
        """Neither has an object."""
        return self.truth_count == 0 == self.pred_count


def overlap(truth: Labels, pred: Labels) -> Overlap:
    """Count the pixels that the objects of two label images share.

    Parameters
    ----------
    truth, pred : integer or bool arrays of the same shape, 0 = background
        The labels may be any numbers >= 0 with any gaps: memory goes with pixels, not with labels.

    Raises
    ------
    ValueError
        For unequal shapes, labels that are not integers, negative labels.

    Examples
    --------
    >>> table = overlap(np.array([7, 7, 7, 0]), np.array([1, 1, 4, 4]))
    >>> table.truth.tolist(), table.pred.tolist(), table.pixels.tolist()
    ([0, 1, 1], [2, 1, 2], [1, 2, 1])
    """
    truth, pred = np.asarray(truth), np.asarray(pred)
    if truth.shape != pred.shape:
        raise ValueError(f"expected equal shapes, got truth {truth.shape} and {pred.shape}")
    truth_ids, rows = _compact(truth)
    pred_ids, columns = _compact(pred)
    width = len(pred_ids)
    cell = rows * width + columns
    if len(truth_ids) * width <= max(DENSE * cell.size, 1):
        table = np.bincount(cell, minlength=len(truth_ids) * width)
        filled = np.flatnonzero(table)
        pixels = table[filled]
    else:
        filled, pixels = np.unique(cell, return_counts=True)
    return Overlap(
        truth_ids=truth_ids,
        pred_ids=pred_ids,
        truth_sizes=np.bincount(rows, minlength=len(truth_ids)),
        pred_sizes=np.bincount(columns, minlength=width),
        truth=filled // width,
        pred=filled % width,
        pixels=pixels,
    )


def pooled(tables: Sequence[Overlap]) -> Overlap:
    """Put frames together: the objects of each are its own, only the background is one.

    >>> one = overlap(np.array([7, 7, 0]), np.array([3, 0, 0]))
    >>> both = pooled([one, one])
    >>> both.truth_count, both.truth.tolist(), both.truth_sizes.tolist()
    (2, [0, 1, 1, 0, 2, 2], [2, 2, 2])
    """
    truth_first = np.cumsum([0, *(table.truth_count for table in tables)])
    pred_first = np.cumsum([0, *(table.pred_count for table in tables)])
    return Overlap(
        truth_ids=_together([table.truth_ids for table in tables]),
        pred_ids=_together([table.pred_ids for table in tables]),
        truth_sizes=_together([table.truth_sizes for table in tables]),
        pred_sizes=_together([table.pred_sizes for table in tables]),
        truth=_numbered([table.truth for table in tables], truth_first),
        pred=_numbered([table.pred for table in tables], pred_first),
        pixels=np.concatenate([table.pixels for table in tables]),
    )


def _together(values: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Give one value for the background, the sum, then those of the objects."""
    return np.concatenate([[sum(each[0] for each in values)], *(each[1:] for each in values)])


def _numbered(values: Sequence[NDArray[np.int64]], first: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count objects on from frame to frame; the background stays 0."""
    pairs = zip(values, first, strict=False)
    return np.concatenate([np.where(each > 0, each + start, 0) for each, start in pairs])


def _compact(labels: Labels) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Give the ids, 0 in front, and each pixel's number among them (N,)."""
    if labels.dtype.kind not in "iub":
        raise ValueError(f"expected integer labels, got {labels.dtype}")
    flat = labels.ravel() if labels.dtype.kind != "b" else labels.ravel().view(np.uint8)
    if flat.min(initial=0) < 0:
        raise ValueError(f"expected labels >= 0, got {flat.min()}")
    top = int(flat.max(initial=0))
    if top < max(DENSE * flat.size, 1):
        present = np.zeros(top + 1, bool)
        present[flat] = True
        present[0] = True
        number = np.cumsum(present, dtype=np.int64) - 1
        return np.flatnonzero(present), number[flat]
    ids, inverse = np.unique(flat, return_inverse=True)
    if ids[0] == 0:
        return ids, inverse
    return np.concatenate([ids[:1] * 0, ids]), inverse + 1
