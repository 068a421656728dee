"""What is measured of a candidate model: each number before and after."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

AGAIN_IOU = 0.5  # from here on a deleted object is predicted again


@dataclass(frozen=True, slots=True)
class Pair:
    """One number with the current model and with the candidate."""

    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores on what the candidate did not train on.

    Attributes
    ----------
    corrected, confirmed : IoU of each held-out object
    deleted : best IoU of a prediction with each held-out object that a person deleted
    images : how many images the objects come from
    old_skill : AP50 on synthetic crops that are never replayed; None: not scored
    """

    corrected: tuple[Pair, ...] = ()
    confirmed: tuple[Pair, ...] = ()
    deleted: tuple[Pair, ...] = ()
    images: int = 1
    old_skill: Pair | None = None

    def as_json(self) -> dict[str, float | int | str | None]:
        """Plain numbers by name, as a model's header and the list of versions keep them."""
        found: dict[str, float | int | str | None] = {}
        for name, pairs in (("corrected", self.corrected), ("confirmed", self.confirmed)):
            if pairs:
                mean = means(pairs)
                found[f"{name}"] = len(pairs)
                found[f"{name}_iou_before"] = round(mean.before, 4)
                found[f"{name}_iou_after"] = round(mean.after, 4)
        if self.deleted:
            found["deleted"] = len(self.deleted)
            found["deleted_again"] = again(self.deleted).after
        if self.old_skill is not None:
            found["old_skill_before"] = round(self.old_skill.before, 4)
            found["old_skill_after"] = round(self.old_skill.after, 4)
        return found


@dataclass(frozen=True, slots=True)
class Counts:
    """How many deleted objects are predicted again."""

    before: int
    after: int


def again(deleted: tuple[Pair, ...]) -> Counts:
    return Counts(
        sum(pair.before >= AGAIN_IOU for pair in deleted),
        sum(pair.after >= AGAIN_IOU for pair in deleted),
    )


def means(pairs: tuple[Pair, ...]) -> Pair:
    """Mean of at least one pair."""
    before, after = np.array([(pair.before, pair.after) for pair in pairs]).mean(axis=0)
    return Pair(float(before), float(after))


def best_iou(mask: NDArray[np.bool_], masks: NDArray[np.integer[Any]]) -> float:
    """IoU of an object with the predicted one that fits it best; all others do not matter.

    Parameters
    ----------
    mask : (Y, X) bool, the object
    masks : (Y, X) int, what was predicted there, 0 = background

    Examples
    --------
    >>> best_iou(np.array([True, True, True, False]), np.array([5, 5, 3, 0]))
    0.6666666666666666
    """
    sizes = np.bincount(masks.ravel())
    shared = np.bincount(masks[mask], minlength=len(sizes))
    whole = np.count_nonzero(mask) + sizes - shared
    return float((shared[1:] / np.maximum(whole[1:], 1)).max(initial=0.0))
