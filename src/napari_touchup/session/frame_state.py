"""One frame as the ledger tells it: labels, marks, and the objects that a person looked at."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from napari_touchup.core.delta import Box, Delta, Object, Patch, compare
from napari_touchup.core.link import renumber

UNMARKED, BACKGROUND, IGNORED = 0, 1, 2  # what a pixel of `marks` says


@dataclass(eq=False)
class FrameState:
    """The sum of all changes of a frame.

    Attributes
    ----------
    labels : (Y, X) int32, 0 = background
    marks : (Y, X) uint8: a person said that it is background, or that it shall not count
    objects : by label, those that a person looked at; deleted ones by negative numbers
    done : the review of the frame is ended
    """

    labels: NDArray[np.int32]
    marks: NDArray[np.uint8]
    objects: dict[int, Object] = field(default_factory=dict)
    done: bool = False

    @classmethod
    def empty(cls, shape: tuple[int, ...]) -> Self:
        return cls(np.zeros(shape, np.int32), np.zeros(shape, np.uint8))

    def copy(self) -> Self:
        """Make one that other threads may read while this one changes."""
        objects = dict(self.objects)
        return type(self)(self.labels.copy(), self.marks.copy(), objects, self.done)

    def apply(self, delta: Delta) -> None:
        """Make a change.

        Raises
        ------
        ValueError
            If the frame is too small for it: it is a change of another frame.
        """
        if delta.numbers:
            renumber(self.labels, delta.numbers)
            self.objects = renamed(self.objects, delta.numbers)
        _write(self.labels, delta.labels)
        _write(self.marks, delta.marks)
        for change in delta.objects:
            if change.after is None:
                self.objects.pop(change.label, None)
            else:
                self.objects[change.label] = change.after
        if delta.done is not None:
            self.done = delta.done[1]

    def named(self, held_out: bool) -> list[int]:
        """Labels of the reviewed objects that teach, or of those that are kept for checking."""
        return [
            label
            for label, known in self.objects.items()
            if known.reviewed and known.held_out == held_out
        ]

    def deleted(self, held_out: bool) -> list[Object]:
        return [
            known
            for known in self.objects.values()
            if known.state == "deleted" and known.held_out == held_out
        ]

    def box_of(self, labels: Iterable[int]) -> Box | None:
        """Smallest box around the objects of some labels; None where none is shown."""
        wanted = list(labels)
        if not wanted:
            return None
        # one comparison is ten times faster than a search among numbers
        shown = self.labels == wanted[0] if len(wanted) == 1 else np.isin(self.labels, wanted)
        found = compare(np.broadcast_to(np.False_, shown.shape), shown)
        return None if found is None else found.box

    def free_label(self) -> int:
        return max(int(self.labels.max(initial=0)), 0, *self.objects) + 1


def renamed(objects: Mapping[int, Object], numbers: Iterable[tuple[int, int]]) -> dict[int, Object]:
    """Objects by the labels under which they are shown now."""
    now = dict(numbers)
    return {now.get(label, label): known for label, known in objects.items()}


def rebuild(shape: tuple[int, ...], deltas: Iterable[Delta]) -> FrameState:
    """Make a frame from its changes, first to last."""
    state = FrameState.empty(shape)
    for delta in deltas:
        state.apply(delta)
    return state


def _write(plane: NDArray[np.generic], patch: Patch | None) -> None:
    if patch is None:
        return
    if plane[patch.box].shape != patch.after.shape:
        raise ValueError(f"expected a change inside {plane.shape}, got one of {patch.box}")
    plane[patch.box] = patch.after
