"""The corrections of many images: every frame's state, the ledger behind it, undo and redo."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from time import time

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari_touchup.core.delta import Box, Delta, Object, union
from napari_touchup.core.entries import NO_HAND, TITLES, Entry, Index
from napari_touchup.session.corrections import predicted
from napari_touchup.session.frame_state import FrameState, rebuild, renamed
from napari_touchup.session.ledger import Ledger
from napari_touchup.session.ring import put_ring, ring_of
from napari_touchup.session.roll import Roll

AT_HAND = 8  # frames whose planes are kept in memory; others are rebuilt from the ledger
UNDO_STEPS = 200

Place = tuple[str, Index]  # image and frame


@dataclass(frozen=True, eq=False)
class Changed:
    """Something of a frame changed."""

    image: str
    frame: Index
    kind: str  # of the entry
    box: Box | None  # of its labels and marks, and of the objects whose state changed
    labels: Box | None  # of its labels
    numbers: tuple[tuple[int, int], ...] = ()  # labels before and after, of objects as they were


@dataclass(frozen=True, eq=False)
class Step:
    """What one undo takes back: an action, in one frame or several."""

    kind: str  # of the action, whether it was done, undone or done again
    entries: tuple[Entry, ...]

    @property
    def title(self) -> str:
        return TITLES[self.kind]


@dataclass(frozen=True)
class Counts:
    """Objects of a project, deleted ones included."""

    teach: int = 0
    kept: int = 0  # for checking


class Project:
    """States of frames, which change by entries of a ledger only.

    Parameters
    ----------
    ledger : what was done before, and where all that is done is written

    Attributes
    ----------
    ring_px : width of the ring around a corrected object, in which background teaches too
    """

    changed = Signal(Changed)

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.ring_px = ring_of(ledger)
        self.roll = Roll(ledger.identity)
        self._states: OrderedDict[Place, FrameState] = OrderedDict()
        self._objects: dict[Place, dict[int, Object]] = {}
        self._done: set[Place] = set()
        self._edited: set[Place] = set()
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._steps: list[Step] = []  # that can be undone, the last one last
        self._undone: list[Step] = []
        self._predicted: dict[Place, int] = {}  # number of the newest masks of each frame
        self._newest: dict[Place, int] = {}  # number of the newest entry of each frame
        for entry in ledger.outline():
            self._note(entry)

    def state(self, image: str, frame: Index, shape: tuple[int, ...]) -> FrameState:
        """Give the state of a frame, rebuilt from the ledger where it is not at hand."""
        place = (image, frame)
        self._shapes[image] = shape
        if place not in self._states:
            deltas = (entry.delta for entry in self.ledger.entries(image, frame))
            self._states[place] = rebuild(shape, deltas)
            while len(self._states) > AT_HAND:
                self._states.popitem(last=False)
        self._states.move_to_end(place)
        return self._states[place]

    def masked(self, image: str) -> tuple[Index, ...]:
        """Frames of an image that have masks."""
        return tuple(sorted(index for key, index in self._objects if key == image))

    def frames(self) -> tuple[Place, ...]:
        """All frames of which something was written down."""
        return tuple(sorted(self._objects))

    def corrected(self) -> tuple[Place, ...]:
        """All frames in which a person did something."""
        return tuple(sorted(self._edited))

    def objects(self, image: str, frame: Index) -> Mapping[int, Object]:
        return self._objects.get((image, frame), {})

    def is_done(self, image: str, frame: Index) -> bool:
        return (image, frame) in self._done

    def newest(self, image: str, frame: Index) -> int:
        """Give the number of the last entry of a frame."""
        return self._newest.get((image, frame), 0)

    def counts(self) -> Counts:
        found = [
            known.held_out
            for objects in self._objects.values()
            for known in objects.values()
            if known.state != "untouched"
        ]
        return Counts(found.count(False), found.count(True))

    def commit(
        self, kind: str, image: str, deltas: Mapping[Index, Delta], join: bool = False
    ) -> None:
        """Do what a person did, in one or more frames at once, and write it down.

        With `join` it is a part of the last step, if that is of the same kind.
        """
        entries = tuple(
            Entry(kind, image, frame, delta, time()) for frame, delta in deltas.items() if delta
        )
        if not entries:
            return
        self._undone.clear()
        written = self._write(entries)
        if join and self._steps and self._steps[-1].kind == kind:
            written = (*self._steps.pop().entries, *written)
        self._steps = [*self._steps[1 - UNDO_STEPS :], Step(kind, written)]

    def predict(
        self,
        image: str,
        frame: Index,
        shape: tuple[int, ...],
        masks: NDArray[np.integer],
        box: Box | None = None,
    ) -> None:
        """Show new masks in a frame; hand work stays."""
        delta = predicted(self.state(image, frame, shape), masks, box)
        self._write((Entry("predicted", image, frame, delta, time()),))

    def undo(self) -> str:
        """Take the last action back, and say what it was, or why not."""
        return self._turn(self._steps, self._undone, "undo")

    def redo(self) -> str:
        """Do again what was taken back last."""
        return self._turn(self._undone, self._steps, "redo")

    @property
    def last_step(self) -> Step | None:
        """What `undo` would take back."""
        return self._steps[-1] if self._steps else None

    @property
    def next_step(self) -> Step | None:
        """What `redo` would do again."""
        return self._undone[-1] if self._undone else None

    def begin_with(self, ring_px: int) -> None:
        """Choose the width of rings, unless something was corrected with another one."""
        if ring_px != self.ring_px and not self._edited and not self.ledger.read_only:
            self.ring_px = ring_px
            put_ring(self.ledger, ring_px)

    def close(self) -> None:
        self.ledger.close()

    def _turn(self, steps: list[Step], others: list[Step], kind: str) -> str:
        if not steps:
            return f"There is nothing to {kind}."
        step = steps[-1]
        valid = [e for e in step.entries if self._predicted.get((e.image, e.frame), 0) < e.number]
        # links are taken back frame by frame: new masks in one of them do not bind the others
        if len(valid) < len(step.entries) and step.kind != "link":
            return f"The masks were made anew after this {step.title}: it cannot be taken back."
        steps.pop()
        if not valid:
            return self._turn(steps, others, kind)
        made = "link" if step.kind == "link" else kind
        turned = tuple(
            Entry(made, e.image, e.frame, e.delta.reversed(), time(), target=e.number)
            for e in reversed(valid)
        )
        others.append(Step(step.kind, self._write(turned)))
        return f"{kind.capitalize()}: {step.title}"

    def _write(self, entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        # before the ledger has the entries: a state that is rebuilt now must not hold them yet
        states = [self._state_for(entry) for entry in entries]
        written = self.ledger.append(entries)
        for entry, state in zip(written, states, strict=True):
            delta = entry.delta
            if state is not None:
                state.apply(delta)
            self._note(entry)
            labels = None if delta.labels is None else delta.labels.box
            box = None if state is None else _reach(state, delta)
            place = (entry.image, entry.frame)
            self.changed.emit(Changed(*place, entry.kind, box, labels, delta.numbers))
        return written

    def _state_for(self, entry: Entry) -> FrameState | None:
        """Give the state that an entry changes; a link of many frames rebuilds none of them."""
        if entry.delta.numbers:
            return self._states.get((entry.image, entry.frame))
        return self.state(entry.image, entry.frame, self._shapes[entry.image])

    def _note(self, entry: Entry) -> None:
        """Keep in mind what is asked of all frames."""
        place = (entry.image, entry.frame)
        objects = self._objects.setdefault(place, {})
        for change in entry.delta.objects:
            if change.after is None:
                objects.pop(change.label, None)
            else:
                objects[change.label] = change.after
                self.roll.note(change.after)
        if entry.delta.numbers:
            self._objects[place] = renamed(objects, entry.delta.numbers)
        if entry.delta.done is not None:
            (self._done.add if entry.delta.done[1] else self._done.discard)(place)
        self._newest[place] = entry.number
        if entry.kind == "predicted":
            self._predicted[place] = entry.number
        elif entry.kind not in NO_HAND:
            self._edited.add(place)


def _reach(state: FrameState, delta: Delta) -> Box | None:
    """Where a change that was made can be seen: its pixels, and the objects of other state."""
    areas = [
        known.area.box
        for change in delta.objects
        for known in (change.before, change.after)
        if known is not None and known.area is not None
    ]
    shown = state.box_of(change.label for change in delta.objects if change.label > 0)
    return union(box for box in (delta.box, shown, *areas) if box is not None)
