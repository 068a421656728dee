"""What scores mean, in words: only what so few objects can tell."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from napari_touchup.core.scores import Pair, Scores, again, means

SCORE_FROM = 3  # held-out objects; below it nothing is said
SURE_FROM = 10  # held-out objects; below it no interval, and nothing is proposed
SAME_IOU = 0.01  # a smaller difference is neither better nor worse
RIGHT_IOU = 0.75  # a confirmed object is still right
HARM_IOU = 0.1  # so much less in the mean of the confirmed ones, and Accept is not proposed
RESAMPLES = 10_000
SEED = 0

Default = Literal["accept", "discard"] | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Lines to read, and which button they propose."""

    lines: tuple[str, ...]
    default: Default = None

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def verdict(scores: Scores, changed: tuple[int, int] | None = None) -> Verdict:
    """Say what scores tell.

    Parameters
    ----------
    scores : of a candidate
    changed : how many of how many untouched objects of the shown frame it changes
    """
    first, default = _corrected(scores)
    lines = [first]
    if scores.confirmed:
        lines.append(_confirmed(scores.confirmed))
        if default == "accept" and _harmed(scores.confirmed):
            default = None
    if scores.deleted:
        count, of = again(scores.deleted), len(scores.deleted)
        lines.append(f"Deleted, predicted again: {count.after} of {of} (before: {count.before}).")
    if changed is not None:
        lines.append(f"{changed[0]} of {changed[1]} untouched cells changed.")
    if scores.old_skill is not None:
        skill = scores.old_skill
        lines.append(f"Old skill, on synthetic images: AP50 {_arrow(skill)}.")
    return Verdict(tuple(lines), default)


def interval(pairs: tuple[Pair, ...]) -> tuple[float, float]:
    """Paired bootstrap interval, 95 %, of the mean of after - before.

    >>> interval((Pair(0.5, 0.75),) * 10)
    (0.25, 0.25)
    """
    rng = np.random.default_rng(SEED)
    differences = np.array([pair.after - pair.before for pair in pairs])
    drawn = rng.integers(len(pairs), size=(RESAMPLES, len(pairs)))
    low, high = np.percentile(differences[drawn].mean(axis=1), (2.5, 97.5))
    return float(low), float(high)


def _corrected(scores: Scores) -> tuple[str, Default]:
    pairs, count = scores.corrected, len(scores.corrected)
    if count < SCORE_FROM:
        kept = f"{count} mended {'cell is' if count == 1 else 'cells are'} kept for checking"
        return f"Cannot score yet: {kept}, {SCORE_FROM} are needed.", None
    where = "in this image" if scores.images == 1 else f"in {scores.images} images"
    chosen = f"These are cells that you chose to mend, {where}."
    counted, mean = _counted(pairs), means(pairs)
    if count < SURE_FROM:
        plain = " Worse on average." if mean.after < mean.before else ""
        return f"{counted}.{plain} Too few to be sure. {chosen}", None
    low, high = interval(pairs)
    word, default = _judged(low, high)
    change = f"{mean.after - mean.before:+.2f}, 95 % interval {low:+.2f} to {high:+.2f}"
    return f"{word}. {counted} ({change}). {chosen}", default


def _judged(low: float, high: float) -> tuple[str, Default]:
    if low > 0:
        return "Better", "accept"
    return ("Worse", "discard") if high < 0 else ("No clear difference", None)


def _counted(pairs: tuple[Pair, ...]) -> str:
    better = sum(pair.after - pair.before > SAME_IOU for pair in pairs)
    worse = sum(pair.before - pair.after > SAME_IOU for pair in pairs)
    counts = f"{better} of {len(pairs)} cells better, {worse} worse"
    return f"Held-out: {counts}; IoU {_arrow(means(pairs))}"


def _confirmed(pairs: tuple[Pair, ...]) -> str:
    right = sum(pair.after >= RIGHT_IOU for pair in pairs)
    plain = " Confirmed cells got worse." if _harmed(pairs) else ""
    return f"Confirmed: {right} of {len(pairs)} still right; IoU {_arrow(means(pairs))}.{plain}"


def _harmed(pairs: tuple[Pair, ...]) -> bool:
    mean = means(pairs)
    return mean.before - mean.after > HARM_IOU


def _arrow(pair: Pair) -> str:
    return f"{pair.before:.2f} -> {pair.after:.2f}"
