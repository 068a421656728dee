"""How well predicted objects agree with the truth: matched objects, pixels, and all in one.

Two images without an object agree fully: they score 1. Measures of the partition (Rand,
information) are in `partition`, the warping error is in `warping`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from napari_touchup.core.overlap import Labels, Overlap, overlap
from napari_touchup.core.partition import information, rand
from napari_touchup.core.warping import warping_error

THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)  # COCO's ten


@dataclass(frozen=True, slots=True)
class Matching:
    """Truth objects and predicted objects paired one to one at a smallest IoU."""

    threshold: float
    truth: NDArray[np.int64]  # (tp,) numbers of the matched truth objects, see `Overlap`
    pred: NDArray[np.int64]  # (tp,) numbers of their partners
    iou: NDArray[np.float64]  # (tp,)
    fp: int  # predicted objects without a partner
    fn: int  # truth objects without a partner

    @property
    def tp(self) -> int:
        return len(self.iou)

    @property
    def empty(self) -> bool:
        return self.tp + self.fp + self.fn == 0

    @property
    def average_precision(self) -> float:
        """TP / (TP + FP + FN), as in the Data Science Bowl 2018; 1 if there is no object."""
        return _ratio(self.tp, self.tp + self.fp + self.fn, self.empty)

    @property
    def precision(self) -> float:
        return _ratio(self.tp, self.tp + self.fp, self.empty)

    @property
    def recall(self) -> float:
        return _ratio(self.tp, self.tp + self.fn, self.empty)

    @property
    def f1(self) -> float:
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn, self.empty)

    @property
    def pq(self) -> float:
        """Panoptic quality, Kirillov 2019, equation 1."""
        weight = self.tp + self.fp / 2 + self.fn / 2
        return _ratio(float(self.iou.sum()), weight, self.empty)


def match(table: Overlap, threshold: float = 0.5) -> Matching:
    """Pair objects whose IoU is at least `threshold`: most pairs first, then the largest IoU sum.

    Above 0.5 an object has at most one candidate, so the pairs are unique.

    Raises
    ------
    ValueError
        If the threshold is not in 0 < threshold <= 1.
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"expected 0 < IoU threshold <= 1, got {threshold}")
    both = (table.truth > 0) & (table.pred > 0)
    truth, pred, shared = table.truth[both], table.pred[both], table.pixels[both]
    iou = shared / (table.truth_sizes[truth] + table.pred_sizes[pred] - shared)
    near = iou >= threshold
    truth, pred, iou = truth[near], pred[near], iou[near]
    if threshold <= 0.5:
        chosen = _assign(truth, pred, iou)
        truth, pred, iou = truth[chosen], pred[chosen], iou[chosen]
    return Matching(
        threshold=threshold,
        truth=truth,
        pred=pred,
        iou=iou,
        fp=table.pred_count - len(iou),
        fn=table.truth_count - len(iou),
    )


def average_precision(
    truth: Labels, pred: Labels, thresholds: Sequence[float] = THRESHOLDS
) -> NDArray[np.float64]:
    """Average precision AP = TP / (TP + FP + FN) at each IoU threshold.

    Parameters
    ----------
    truth, pred : integer arrays of the same shape, 0 = background
    thresholds : IoU, 0 < threshold <= 1

    Returns
    -------
    (len(thresholds),) float64 array, 0..1; 1 for two images without an object

    Examples
    --------
    >>> average_precision(np.array([1, 1, 1, 0, 2]), np.array([5, 5, 0, 0, 0]), [0.5, 0.75])
    array([0.5, 0. ])
    """
    table = overlap(truth, pred)
    return np.array([match(table, threshold).average_precision for threshold in thresholds])


def seg(table: Overlap) -> float:
    """SEG of the Cell Tracking Challenge (Maška 2014): mean Jaccard index of the truth objects.

    The partner of a truth object covers more than half of it; without one it counts 0.
    """
    if table.truth_count == 0:
        return float(table.empty)
    covers = 2 * table.pixels > table.truth_sizes[table.truth]
    covers &= (table.truth > 0) & (table.pred > 0)
    truth, pred, shared = table.truth[covers], table.pred[covers], table.pixels[covers]
    jaccard = shared / (table.truth_sizes[truth] + table.pred_sizes[pred] - shared)
    return float(jaccard.sum()) / table.truth_count


@dataclass(frozen=True, slots=True)
class PixelScores:
    """Foreground against background, whatever the objects."""

    iou: float
    dice: float
    error: float  # share of pixels that are foreground in one image only


def pixels(table: Overlap) -> PixelScores:
    shared = int(table.pixels[(table.truth > 0) & (table.pred > 0)].sum())
    truth, pred = int(table.truth_sizes[1:].sum()), int(table.pred_sizes[1:].sum())
    differ = truth + pred - 2 * shared
    return PixelScores(
        iou=_ratio(shared, truth + pred - shared, table.empty),
        dice=_ratio(2 * shared, truth + pred, table.empty),
        error=_ratio(differ, int(table.pixels.sum()), False),
    )


def score(truth: Labels, pred: Labels, *, warping: bool = False) -> dict[str, float]:
    """Give every measure of two label images.

    Parameters
    ----------
    truth, pred : integer arrays of the same shape, 0 = background
    warping : bool
        Also the warping error, which is slow (512 x 512 takes up to a second) and 2D only.

    Returns
    -------
    dict
        ap50, ap75, mean_ap (IoU 0.5...0.95), precision, recall, f1, pq (all at IoU 0.5), seg, iou,
        dice, pixel_error, are (adapted Rand error), v_rand, v_info, vi (bits), warping_error.
        All but vi in 0..1; of pixel_error, are, vi and warping_error less is better.

    Raises
    ------
    ValueError
        For unequal shapes, labels that are not integers >= 0; with `warping`, arrays not 2D.
    """
    scores = score_table(overlap(truth, pred))
    if warping:
        scores["warping_error"] = warping_error(truth, pred).error
    return scores


def score_table(table: Overlap) -> dict[str, float]:
    """Give what `score` does, of what objects share: all but the warping error."""
    matchings = {threshold: match(table, threshold) for threshold in THRESHOLDS}
    half, foreground = matchings[0.5], pixels(table)
    pairs, bits = rand(table), information(table)
    return {
        "ap50": half.average_precision,
        "ap75": matchings[0.75].average_precision,
        "mean_ap": float(np.mean([m.average_precision for m in matchings.values()])),
        "precision": half.precision,
        "recall": half.recall,
        "f1": half.f1,
        "pq": half.pq,
        "seg": seg(table),
        "iou": foreground.iou,
        "dice": foreground.dice,
        "pixel_error": foreground.error,
        "are": 1 - pairs.v_rand,
        "v_rand": pairs.v_rand,
        "v_info": bits.v_info,
        "vi": bits.vi,
    }


def _assign(
    truth: NDArray[np.int64], pred: NDArray[np.int64], iou: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Positions of the pairs to keep, so that no object is in two of them."""
    rows, columns = np.unique(truth, return_inverse=True), np.unique(pred, return_inverse=True)
    a, b = rows[1], columns[1] + len(rows[0])
    nodes = len(rows[0]) + len(columns[0])
    graph = coo_array((np.ones(len(a), bool), (a, b)), shape=(nodes, nodes))
    _, cluster = connected_components(graph, directed=False)
    order = np.argsort(cluster[a], kind="stable")
    starts = np.flatnonzero(np.diff(cluster[a][order], prepend=-1))
    kept = [_assign_cluster(group, a, b, iou) for group in np.split(order, starts[1:])]
    return np.sort(np.concatenate(kept)) if len(order) else order


def _assign_cluster(
    group: NDArray[np.int64], a: NDArray[np.int64], b: NDArray[np.int64], iou: NDArray[np.float64]
) -> NDArray[np.int64]:
    if len(group) == 1:
        return group
    rows, i = np.unique(a[group], return_inverse=True)
    columns, j = np.unique(b[group], return_inverse=True)
    # one pair more is worth more than any sum of IoU
    gain = np.zeros((len(rows), len(columns)))
    gain[i, j] = min(gain.shape) + iou[group]
    place = np.full(gain.shape, -1)
    place[i, j] = group
    chosen = place[linear_sum_assignment(gain, maximize=True)]
    return chosen[chosen >= 0]


def _ratio(part: float, whole: float, empty: bool) -> float:
    """0 / 0 is 1 where there is nothing to find and nothing was found, else 0."""
    return part / whole if whole else float(empty)
