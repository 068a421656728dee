"""What fine-tuning is given and what it tells.

All of it can be pickled, and none of it loads torch: a window makes and reads it.
"""

from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_touchup.core.scores import Scores
from napari_touchup.options import InstanceOptions, SegmentOptions, TrainOptions, WeightOptions

MARGIN_PX = 96  # context of a cut, pixels of the network: what a block of its output sees
Origin = Literal["corrected", "confirmed"]


@dataclass(frozen=True, eq=False, slots=True)
class Lesson:
    """What a frame teaches: a cut of it around all that counts.

    Attributes
    ----------
    image : (C, y, x) raw intensities
    truth : (y, x) int, 0 = background
    annotated : (y, x) bool; all else is ignored, never background
    limits : (C, 2) intensities that become 0 and 1, those of the whole frame
    """

    image: NDArray[Any]
    truth: NDArray[np.integer[Any]]
    annotated: NDArray[np.bool_]
    limits: NDArray[np.floating[Any]]

    @property
    def objects(self) -> int:
        """How many objects it teaches."""
        return int(np.count_nonzero(np.unique(self.truth[self.annotated])))


@dataclass(frozen=True, eq=False, slots=True)
class Check:
    """An object that is held out, with context around it.

    Attributes
    ----------
    image : (C, y, x) raw intensities
    limits : (C, 2), those of the whole frame
    mask : (y, x) bool, the object; of a deleted one, where it was
    origin : how it was first reviewed
    deleted : a person said that no object is there
    source : number of the image that it comes from
    """

    image: NDArray[Any]
    limits: NDArray[np.floating[Any]]
    mask: NDArray[np.bool_]
    origin: Origin = "corrected"
    deleted: bool = False
    source: int = 0


@dataclass(frozen=True, eq=False, slots=True)
class View:
    """A frame, or a part of one, whose masks are wanted.

    Attributes
    ----------
    image : (C, y, x) raw intensities
    limits : (C, 2), those of the whole frame; None: its own
    """

    image: NDArray[Any]
    limits: NDArray[np.floating[Any]] | None = None


@dataclass(frozen=True, eq=False)
class FineTuneRequest:
    """All that a run of fine-tuning needs.

    Attributes
    ----------
    base : model file that training begins with
    current : model file whose scores are the ones before
    out : the candidate's file; it is written only at the end
    name : the candidate's
    channels : what the candidate's are called; None: as the base's
    lessons : at least one
    checks : held-out objects, which are only scored
    options, weights : how it is trained; a share of replay that the model cannot read is left out
    segment, instances : how masks are made, at which level of the network; lessons are rescaled
        to its diameter, and all levels learn
    frame : its masks come with the candidate
    preview : its masks come in the middle of the training
    preview_every : seconds
    skill_crops : at most so many crops show the old skill; 0: it is not scored
    """

    base: Path
    current: Path
    out: Path
    name: str
    lessons: tuple[Lesson, ...]
    checks: tuple[Check, ...] = ()
    options: TrainOptions = field(default_factory=TrainOptions.fine_tuning)
    weights: WeightOptions = field(default_factory=WeightOptions)
    segment: SegmentOptions = field(default_factory=SegmentOptions)
    instances: InstanceOptions = field(default_factory=InstanceOptions)
    frame: View | None = None
    preview: View | None = None
    preview_every: float = 5.0
    skill_crops: int = 40
    channels: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """What the training runs on, and why, in one line."""

    text: str


@dataclass(frozen=True, slots=True)
class Told:
    """Something that people should know of the run, in one line."""

    text: str


@dataclass(frozen=True, slots=True)
class Learned:
    """One step of the training is done."""

    step: int  # from 1
    progress: float  # share of the training, 0 ... 1
    loss: float
    seconds: float  # so far
    seconds_left: float  # of the training; scoring comes after it


@dataclass(frozen=True, slots=True)
class Checked:
    """One part of the scoring is done."""

    done: int
    total: int


@dataclass(frozen=True, eq=False, slots=True)
class Preview:
    """What the model would say now of the preview's view."""

    step: int
    maps: NDArray[np.float16]  # (K, y, x), after the activation
    masks: NDArray[np.unsignedinteger[Any]]  # (y, x)


@dataclass(frozen=True, eq=False, slots=True)
class Candidate:
    """The end: a new model, not yet accepted.

    Attributes
    ----------
    path : its file
    scores : before and after
    maps : (K, Y, X) of the request's frame; None where there was none
    masks : (Y, X) of the request's frame
    """

    path: Path
    scores: Scores
    maps: NDArray[np.float16] | None = None
    masks: NDArray[np.unsignedinteger[Any]] | None = None


Event = Placed | Told | Learned | Checked | Preview | Candidate


def cut(
    image: Any,
    truth: NDArray[np.integer[Any]],
    annotated: NDArray[np.bool_],
    limits: NDArray[np.floating[Any]],
    margin: int = MARGIN_PX,
) -> Lesson:
    """Cut a frame to what counts and the context around it; copies, so that painting can go on.

    Parameters
    ----------
    image : (C, Y, X) array-like
    truth, annotated : (Y, X)
    limits : (C, 2) of the frame
    margin : context, pixels; see `margin_px`

    Raises
    ------
    ValueError
        If nothing is annotated.
    """
    box = _around(annotated, margin)
    return Lesson(
        np.array(image[(slice(None), *box)]),
        np.array(truth[box]),
        np.array(annotated[box]),
        np.array(limits),
    )


def cut_check(
    image: Any,
    mask: NDArray[np.bool_],
    limits: NDArray[np.floating[Any]],
    origin: Origin = "corrected",
    deleted: bool = False,
    source: int = 0,
    margin: int = MARGIN_PX,
) -> Check:
    """Cut a frame (C, Y, X) to one held-out object (Y, X) and the context around it.

    Raises
    ------
    ValueError
        If the mask is empty.
    """
    box = _around(mask, margin)
    part = np.array(image[(slice(None), *box)])
    return Check(part, np.array(limits), np.array(mask[box]), origin, deleted, source)


def margin_px(trained: float, diameter: float | None) -> int:
    """Context that a network needs, in pixels of an image whose objects have a diameter.

    >>> margin_px(20, None), margin_px(20, 40), margin_px(20, 10)
    (96, 192, 96)
    """
    return ceil(MARGIN_PX * max(1.0, 1.0 if diameter is None else diameter / trained))


def _around(mask: NDArray[np.bool_], margin: int) -> tuple[slice, slice]:
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        raise ValueError("expected annotated pixels, got none: mend or confirm an object first")
    (top, bottom), (left, right) = (
        (max(0, int(found[0]) - margin), int(found[-1]) + 1 + margin) for found in (rows, columns)
    )
    return slice(top, bottom), slice(left, right)
