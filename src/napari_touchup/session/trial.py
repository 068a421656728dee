"""A candidate model and what it would change: to be accepted, or not."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_touchup.core.changes import Change, compare, count_changed, renumbered
from napari_touchup.core.entries import Index, Version
from napari_touchup.core.scores import Scores
from napari_touchup.core.verdict import Verdict, verdict
from napari_touchup.engine.lessons import Candidate
from napari_touchup.options import InstanceOptions
from napari_touchup.session.corrections import predicted
from napari_touchup.session.frame_state import FrameState
from napari_touchup.session.frames import Kept
from napari_touchup.session.images import Image


@dataclass(frozen=True, eq=False)
class Asked:
    """What a training was started with, and what its candidate is compared with."""

    root: Version  # that the training began with
    corrections: int  # objects that teach
    image: Image
    frame: Index  # the one whose masks are compared
    instances: InstanceOptions


@dataclass(frozen=True, eq=False)
class Trial:
    """The end of a training.

    Attributes
    ----------
    path : the candidate's file
    labels : (Y, X) masks of the frame as they would be; cells that stay keep their numbers
    kept : the maps behind them
    changes : what differs from the masks that are shown
    """

    asked: Asked
    path: Path
    scores: Scores
    verdict: Verdict
    labels: NDArray[np.int32]
    kept: Kept
    changes: tuple[Change, ...]


def compared(asked: Asked, candidate: Candidate, state: FrameState, output: str) -> Trial:
    """Set a candidate's masks against those that are shown.

    Parameters
    ----------
    state : of the frame; a copy, where this runs in a thread
    output : of the network, as in ModelSpec

    Raises
    ------
    ValueError
        If the candidate has no masks of the frame.
    """
    if candidate.masks is None or candidate.maps is None:
        raise ValueError("expected masks of the shown frame with the candidate, got none")
    shown = state.labels.copy()
    state.apply(predicted(state, candidate.masks))
    labels = renumbered(state.labels, shown).astype(np.int32)
    changes = compare(shown, labels)
    reviewed = [label for label, known in state.objects.items() if known.reviewed]
    untouched = np.setdiff1d(np.unique(shown), [0, *reviewed]).tolist()
    count = count_changed(changes, untouched), len(untouched)
    return Trial(
        asked,
        candidate.path,
        candidate.scores,
        verdict(candidate.scores, count),
        labels,
        Kept(candidate.maps, output, None, asked.instances),
        changes,
    )
