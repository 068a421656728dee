"""The lessons and checks of a project: its corrected frames, cut to what counts."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_touchup.core.delta import Object
from napari_touchup.engine.lessons import Check, Lesson, cut, cut_check
from napari_touchup.options import NormalizeOptions
from napari_touchup.session.frame_state import FrameState, rebuild
from napari_touchup.session.ledger import Ledger
from napari_touchup.session.ring import ring_of
from napari_touchup.session.sources import Source
from napari_touchup.session.teaching import teaching

NOTHING = (
    "Nothing teaches yet. Paint a missed cell, mend an outline, or confirm a cell that is right;"
    " then press Fine-tune."
)


@dataclass(frozen=True, eq=False)
class LessonBook:
    lessons: tuple[Lesson, ...]
    checks: tuple[Check, ...]

    @property
    def objects(self) -> int:
        """How many objects teach."""
        return sum(lesson.objects for lesson in self.lessons)


def gather(
    ledger: Ledger, sources: tuple[Source, ...], normalize: NormalizeOptions, margin: int
) -> LessonBook:
    """Read all that a project teaches; may run in a thread, as it asks the ledger alone.

    Parameters
    ----------
    normalize : of the model that will be trained
    margin : context around what counts, pixels

    Raises
    ------
    ValueError
        If nothing teaches; the message says what to do.
    """
    ring_px = ring_of(ledger)
    lessons: list[Lesson] = []
    checks: list[Check] = []
    for number, source in enumerate(sources):
        for index in source.frames:
            deltas = (entry.delta for entry in ledger.entries(source.key, index))
            state = rebuild(source.shape, deltas)
            found = teaching(state, None, ring_px)
            held_out = list(_held_out(state))
            if not found.annotated.any() and not held_out:
                continue
            image, limits = source.feed.read(index), source.feed.limits(index, normalize)
            if found.annotated.any():
                lessons.append(cut(image, found.truth, found.annotated, limits, margin))
            checks += [
                cut_check(
                    image, mask, limits, known.origin, known.state == "deleted", number, margin
                )
                for known, mask in held_out
            ]
    if not lessons:
        raise ValueError(NOTHING)
    return LessonBook(tuple(lessons), tuple(checks))


def _held_out(state: FrameState) -> Iterator[tuple[Object, NDArray[np.bool_]]]:
    """Give the objects that are kept for checking, each with its pixels."""
    for label, known in state.objects.items():
        if not known.held_out or known.state == "untouched":
            continue
        if known.area is None:
            yield known, state.labels == label
        else:
            yield known, _covered(state.labels.shape, known.area.box, known.area.mask)


def _covered(shape: tuple[int, ...], box: Any, inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    mask = np.zeros(shape, bool)
    mask[box] = inside
    return mask
