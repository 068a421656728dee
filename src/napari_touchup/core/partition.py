"""Measures of two partitions: Rand and information, restricted to the truth's foreground.

As in the ISBI 2012 and SNEMI3D challenges: only pixels of truth objects count, and each of them
that the prediction leaves at 0 is a segment of its own. Two images without an object score 1;
if only the truth has none, the prediction scores 0.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_touchup.core.overlap import Overlap


@dataclass(frozen=True, slots=True)
class RandScores:
    """Arganda-Carreras 2015, equations 2 and 3. The adapted Rand error is 1 - v_rand."""

    v_rand: float  # F-score of the two below
    split: float  # share of the pixel pairs of a truth object that stayed together
    merge: float  # share of the pixel pairs put together that belong together


@dataclass(frozen=True, slots=True)
class InformationScores:
    """Arganda-Carreras 2015, equation 5 (v_info), and Meilă 2007 (variation of information)."""

    v_info: float  # 2 I(S; T) / (H(S) + H(T))
    vi_split: float  # H(S | T), bits: how far truth objects are split
    vi_merge: float  # H(T | S), bits: how far they are merged

    @property
    def vi(self) -> float:
        """Variation of information, bits; 0 if there is no truth to judge by."""
        return self.vi_split + self.vi_merge


def rand(table: Overlap) -> RandScores:
    """Compare pairs of pixels: V_rand of the ISBI 2012 challenge and its two halves."""
    if table.truth_count == 0:
        value = float(table.empty)
        return RandScores(value, value, value)
    joint, truth, pred, loose = _segments(table)
    together = float((joint**2).sum()) + loose  # a loose pixel makes one pair, with itself
    truth_pairs = float((truth**2).sum())
    pred_pairs = float((pred**2).sum()) + loose
    return RandScores(
        v_rand=2 * together / (truth_pairs + pred_pairs),
        split=together / truth_pairs,
        merge=together / pred_pairs,
    )


def information(table: Overlap) -> InformationScores:
    """Compare the information in two partitions: V_info and the variation of information."""
    if table.truth_count == 0:
        return InformationScores(float(table.empty), 0.0, 0.0)
    joint, truth, pred, loose = _segments(table)
    total = truth.sum()
    alone = loose / total * np.log2(total)  # each loose pixel: -(1/n) log(1/n)
    h_truth, h_pred = _entropy(truth / total), _entropy(pred / total) + alone
    h_joint = _entropy(joint / total) + alone
    if h_truth + h_pred == 0:  # one truth object, one segment
        return InformationScores(1.0, 0.0, 0.0)
    shared = h_truth + h_pred - h_joint
    return InformationScores(
        v_info=float(np.clip(2 * shared / (h_truth + h_pred), 0, 1)),
        vi_split=max(float(h_joint - h_truth), 0.0),
        vi_merge=max(float(h_joint - h_pred), 0.0),
    )


def _segments(
    table: Overlap,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]:
    """Sizes inside the truth: overlaps, truth objects, predicted segments; and loose pixels."""
    inside = table.truth > 0
    named = inside & (table.pred > 0)
    joint = table.pixels[named].astype(np.float64)  # float: squares of large sizes
    pred = np.bincount(table.pred[named], weights=joint).astype(np.float64)
    loose = float(table.pixels[inside & (table.pred == 0)].sum())
    return joint, table.truth_sizes[1:].astype(np.float64), pred[pred > 0], loose


def _entropy(share: NDArray[np.float64]) -> float:
    return -float((share * np.log2(share)).sum())
