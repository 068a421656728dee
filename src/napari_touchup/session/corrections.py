"""What an action of a person means for a frame: pure rules, from a state to its change.

DESIGN's "What counts as truth": who is corrected, confirmed or deleted, and what is background.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from napari_touchup.core.delta import (
    Area,
    Box,
    Delta,
    Object,
    ObjectChange,
    Patch,
    compare,
    grown,
)
from napari_touchup.session.frame_state import BACKGROUND, IGNORED, UNMARKED, FrameState
from napari_touchup.session.paste import paste
from napari_touchup.session.roll import Roll

NOBODY: Mapping[int, int] = {}
LEAST_LEFT = 0.5  # share of a predicted object that hand work has to leave of it


def stroke(
    state: FrameState, patch: Patch, roll: Roll, parents: Mapping[int, int] = NOBODY
) -> Delta:
    """Labels were painted, erased or replaced.

    An object that gained pixels, or was trimmed by an eraser, is corrected; one that only lost
    pixels to a neighbour is not. One without a pixel left is deleted if it was erased; else it
    became a part of those that took its pixels.

    Parameters
    ----------
    patch : its `before` is what the state shows
    parents : of labels that are new, the label that they were split from; they inherit its role
    """
    changed = patch.changed
    old, new = patch.before[changed], patch.after[changed]
    gained, lost = _labels(new), _labels(old)
    gone = {label for label in lost - gained if _is_gone(state, patch, label)}
    after: dict[int, Object | None] = {}
    touched = (gained | _labels(old[new == 0]) | set(parents.values())) - gone
    for label in sorted(touched, key=lambda label: (label in parents, label)):
        parent = after.get(parents[label]) if label in parents else None
        after[label] = _corrected(state.objects.get(label), parent, roll)
    for label in sorted(gone):
        takers = _labels(new[old == label])
        known = state.objects.get(label)
        after[label] = None
        if (new[old == label] == 0).any():
            deleted = _deleted(known, _area(patch, label), roll)
            after[deleted_key(deleted)] = deleted
        if known is not None and known.held_out:
            for taker in takers:
                after[taker] = replace(_known(after[taker]), held_out=True)
    marks = np.where(changed, np.where(patch.after == 0, BACKGROUND, UNMARKED), 255)
    return Delta(patch, _remarked(state, patch.box, marks), _changes(state, after))


def delete(state: FrameState, labels: Iterable[int], roll: Roll) -> Delta:
    """Objects are none: their area and the ring around it are background."""
    return stroke(state, _relabelled(state, dict.fromkeys(map(int, labels), 0)), roll)


def confirm(state: FrameState, labels: Iterable[int], roll: Roll) -> Delta:
    """Objects are right as they are."""
    numbers = sorted({int(label) for label in labels})
    after = {label: _confirmed(state.objects.get(label), roll) for label in numbers}
    return Delta(objects=_changes(state, after))


def unconfirm(state: FrameState, labels: Iterable[int]) -> Delta:
    """Take corrections and confirmations back: the objects count no more, their roles stay."""
    known = {int(label): state.objects[label] for label in labels if label in state.objects}
    after: dict[int, Object | None] = {
        label: replace(one, state="untouched") for label, one in known.items() if one.reviewed
    }
    return Delta(objects=_changes(state, after))


def right(state: FrameState, box: Box, roll: Roll) -> Delta:
    """Confirm everything inside a box: the objects that lie wholly in it, and the background."""
    window = state.labels[box]
    wide = grown(box, 1, state.labels.shape)
    around = state.labels[wide].copy()
    inner = tuple(
        slice(s.start - w.start, s.stop - w.start) for s, w in zip(box, wide, strict=True)
    )
    around[inner] = 0
    whole = _labels(window) - _labels(around)
    marks = np.where(window == 0, BACKGROUND, 255)
    return replace(confirm(state, whole, roll), marks=_remarked(state, box, marks))


def background(state: FrameState, area: Area, roll: Roll) -> Delta:
    """Nothing lies here: what is shown here is erased, and all of it teaches background."""
    before = state.labels[area.box]
    patch = compare(before, np.where(area.mask, 0, before), _corner(area.box))
    marks = np.where(area.mask, BACKGROUND, 255)
    remarked = _remarked(state, area.box, marks)
    return (
        Delta(marks=remarked)
        if patch is None
        else replace(stroke(state, patch, roll), marks=remarked)
    )


def ignore(state: FrameState, area: Area) -> Delta:
    """Nothing here counts."""
    return Delta(marks=_remarked(state, area.box, np.where(area.mask, IGNORED, 255)))


def finish(state: FrameState, done: bool) -> Delta:
    """End the review of a frame, or take it up again; it teaches nothing."""
    return Delta() if state.done == done else Delta(done=(state.done, done))


def predicted(state: FrameState, masks: NDArray[np.integer], box: Box | None = None) -> Delta:
    """Show new masks; they never change a corrected or confirmed object, nor what was erased.

    Of an object that meets hand work the rest is kept where it is at least half of it.

    Parameters
    ----------
    masks : (h, w) int array
        The objects of the box in numbers without large gaps, 0 = background.
    box : where they lie in the frame; None: they are all of it
    """
    window = box or (slice(0, state.labels.shape[0]), slice(0, state.labels.shape[1]))
    shown = state.labels[window]
    reviewed = [label for label, known in state.objects.items() if known.reviewed]
    own = np.isin(shown, reviewed)
    fresh = _spared(masks, own | ((state.marks[window] == BACKGROUND) & (shown == 0)))
    if box is None:
        # numbers stay as they are, unless a reviewed object has one of them
        clash = np.isin(fresh, reviewed).any() if reviewed else False
        above = max(reviewed) if clash else 0
        labels = np.where(own, shown, np.where(fresh > 0, fresh + above, 0))
    else:
        labels = state.labels.copy()
        paste(labels, fresh, box, own)
    loose = [label for label, known in state.objects.items() if label > 0 and not known.reviewed]
    left = _labels(labels[np.isin(labels, loose)])
    vanished = dict.fromkeys(label for label in loose if label not in left)
    return Delta(compare(state.labels, labels), objects=_changes(state, vanished))


def deleted_key(known: Object) -> int:
    """Where a deleted object stands among those of its frame.

    >>> deleted_key(Object("u", "corrected", 3, "deleted", False))
    -6
    """
    return -(2 * known.serial + (known.origin == "confirmed"))


def _corrected(known: Object | None, parent: Object | None, roll: Roll) -> Object:
    if known is not None:
        return replace(known, state="corrected")
    return roll.new("corrected", kept=None if parent is None else parent.held_out)


def _confirmed(known: Object | None, roll: Roll) -> Object:
    if known is None:
        return roll.new("confirmed")
    return known if known.reviewed else replace(known, state="confirmed")


def _deleted(known: Object | None, area: Area, roll: Roll) -> Object:
    if known is None:
        return roll.new("corrected", "deleted", area=area)
    return replace(known, state="deleted", area=area)


def _known(known: Object | None) -> Object:
    if known is None:
        raise RuntimeError("expected an object that took pixels to be corrected")
    return known


def _is_gone(state: FrameState, patch: Patch, label: int) -> bool:
    """Whether no pixel of a label is left once the patch is made."""
    taken = patch.changed & (patch.before == label)
    near = state.labels[grown(patch.box, 1, state.labels.shape)]
    # most that lose pixels reach out of the box: seen without a look at the whole frame
    if np.count_nonzero(near == label) > np.count_nonzero(taken):
        return False
    return bool(np.count_nonzero(state.labels == label) == np.count_nonzero(taken))


def _area(patch: Patch, label: int) -> Area:
    found = compare(np.zeros_like(patch.before, bool), patch.before == label, _corner(patch.box))
    if found is None:
        raise RuntimeError(f"expected pixels of {label} in the change")
    return Area(found.box, found.after)


def _relabelled(state: FrameState, numbers: Mapping[int, int]) -> Patch:
    box = state.box_of(numbers)
    if box is None:
        raise ValueError(f"expected objects of this frame, got {sorted(numbers)}")
    before = state.labels[box]
    after = before.copy()
    for label, number in numbers.items():
        after[before == label] = number
    patch = compare(before, after, _corner(box))
    if patch is None:
        raise ValueError(f"expected other numbers, got {dict(numbers)}")
    return patch


def _remarked(state: FrameState, box: Box, marks: NDArray[np.integer]) -> Patch | None:
    """Change of the marks of a box; 255 leaves a pixel as it is."""
    before = state.marks[box]
    after = np.where(marks == 255, before, marks).astype(np.uint8)
    return compare(before, after, _corner(box))


def _changes(state: FrameState, after: Mapping[int, Object | None]) -> tuple[ObjectChange, ...]:
    changes = (ObjectChange(label, state.objects.get(label), new) for label, new in after.items())
    return tuple(change for change in changes if change.before != change.after)


def _spared(masks: NDArray[np.integer], taken: NDArray[np.bool_]) -> NDArray[np.integer]:
    """Objects without what is taken, and without those of which too little is left."""
    if not taken.any():
        return masks
    sizes = np.bincount(masks.ravel())
    left = np.bincount(masks[~taken], minlength=len(sizes))
    spared = left >= LEAST_LEFT * sizes
    return np.where(taken | ~spared[masks], 0, masks)


def _labels(values: NDArray[np.integer]) -> set[int]:
    return set(np.unique(values).tolist()) - {0}


def _corner(box: Box) -> tuple[int, int]:
    return box[0].start, box[1].start
