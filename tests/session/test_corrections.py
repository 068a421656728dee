"""Rules, as rows: a frame of one line, what was done to it, and what became of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_touchup.core.delta import Area, Object, compare
from napari_touchup.session import corrections
from napari_touchup.session.frame_state import BACKGROUND, IGNORED, FrameState
from napari_touchup.session.roll import Roll

LINE = [[0, 1, 1, 0, 2, 2, 3, 0]]
WHOLE = (slice(0, 1), slice(0, 8))


def frame(line=LINE, **objects) -> FrameState:
    state = FrameState.empty(np.shape(line))
    state.labels[:] = line
    state.objects.update({int(name[1:]): known for name, known in objects.items()})
    return state


def known(state="corrected", held_out=False, serial=1, origin="corrected") -> Object:
    return Object("u", origin, serial, state, held_out)


def roll() -> Roll:
    return Roll("project", new_uid=lambda: "new")


def painted(state: FrameState, line, parents=()) -> FrameState:
    patch = compare(state.labels, np.array(line, np.int32))
    state.apply(corrections.stroke(state, patch, roll(), dict(parents)))
    return state


def states(state: FrameState) -> dict[int, str]:
    return {label: each.state for label, each in state.objects.items()}


STROKES = {
    "a new cell": ([[4, 1, 1, 0, 2, 2, 3, 0]], {4: "corrected"}),
    "a cell grows into nothing": ([[1, 1, 1, 0, 2, 2, 3, 0]], {1: "corrected"}),
    "only who gains is corrected": ([[0, 1, 1, 0, 2, 3, 3, 0]], {3: "corrected"}),
    "an eraser trims": ([[0, 1, 0, 0, 2, 2, 3, 0]], {1: "corrected"}),
    "an eraser takes all": ([[0, 0, 0, 0, 2, 2, 3, 0]], {-2: "deleted"}),
    "a merge leaves one": ([[0, 1, 1, 0, 2, 2, 2, 0]], {2: "corrected"}),
    "partly erased, partly taken": ([[0, 1, 1, 0, 0, 3, 3, 0]], {3: "corrected", -4: "deleted"}),
}


@pytest.mark.parametrize(("line", "expected"), STROKES.values(), ids=STROKES)
def test_who_is_corrected_by_a_stroke(line, expected):
    state = painted(frame(), line)
    assert states(state) == expected
    assert state.labels.tolist() == line


def test_what_is_erased_is_background_and_what_is_painted_is_not():
    state = painted(frame(), [[0, 1, 0, 0, 2, 2, 3, 0]])
    assert state.marks.tolist() == [[0, 0, BACKGROUND, 0, 0, 0, 0, 0]]
    painted(state, [[0, 1, 1, 0, 2, 2, 3, 0]])
    assert not state.marks.any()


def test_a_deleted_object_keeps_where_it_was():
    state = painted(frame(), [[0, 0, 0, 0, 2, 2, 3, 0]])
    area = state.objects[-2].area
    assert area.box == (slice(0, 1), slice(1, 3))
    assert area.mask.tolist() == [[True, True]]


def test_a_confirmed_object_that_is_painted_keeps_its_identity():
    state = painted(
        frame(_1=known("confirmed", held_out=True, serial=5, origin="confirmed")),
        [[1, 1, 1, 0, 2, 2, 3, 0]],
    )
    assert state.objects[1] == known("corrected", held_out=True, serial=5, origin="confirmed")


def test_one_of_the_first_five_is_held_out_and_it_is_the_fifth():
    state, names = FrameState.empty((1, 8)), roll()
    for label in range(1, 7):
        after = state.labels.copy()
        after[0, label] = label
        state.apply(corrections.stroke(state, compare(state.labels, after), names))
    assert [state.objects[label].held_out for label in range(1, 7)] == [False] * 4 + [True, False]


@pytest.mark.parametrize("held_out", [False, True])
def test_children_of_a_split_inherit_the_role(held_out):
    state = painted(frame(_2=known(held_out=held_out)), [[0, 1, 1, 0, 2, 4, 3, 0]], {4: 2})
    assert {label: each.held_out for label, each in state.objects.items()} == {
        2: held_out,
        4: held_out,
    }


def test_both_children_of_an_unreviewed_object_are_corrected():
    assert states(painted(frame(), [[0, 1, 1, 0, 2, 4, 3, 0]], {4: 2})) == {
        2: "corrected",
        4: "corrected",
    }


def test_a_merge_with_a_held_out_object_is_held_out():
    state = painted(frame(_3=known(held_out=True)), [[0, 1, 1, 0, 2, 2, 2, 0]])
    assert state.objects[2].held_out
    assert 3 not in state.objects


def test_confirm_leaves_corrected_objects_as_they_are():
    state = frame(_1=known("corrected"))
    state.apply(corrections.confirm(state, [1, 2], roll()))
    assert states(state) == {1: "corrected", 2: "confirmed"}
    assert state.objects[2].origin == "confirmed"


def test_what_is_taken_back_keeps_its_role_for_when_it_comes_again():
    state = frame(_1=known("confirmed", held_out=True, serial=5))
    state.apply(corrections.unconfirm(state, [1, 2]))
    assert states(state) == {1: "untouched"}
    state.apply(corrections.confirm(state, [1], roll()))
    assert state.objects[1] == known("confirmed", held_out=True, serial=5)


def test_a_region_that_is_right_confirms_whole_objects_and_the_background():
    state = frame()
    state.apply(corrections.right(state, (slice(0, 1), slice(0, 5)), roll()))
    assert states(state) == {1: "confirmed"}  # 2 reaches out of it
    assert state.marks.tolist() == [[1, 0, 0, 1, 0, 0, 0, 0]]


def test_the_background_brush_erases_and_marks():
    state = frame()
    area = Area((slice(0, 1), slice(2, 4)), np.array([[True, True]]))
    state.apply(corrections.background(state, area, roll()))
    assert state.labels.tolist() == [[0, 1, 0, 0, 2, 2, 3, 0]]
    assert state.marks.tolist() == [[0, 0, 1, 1, 0, 0, 0, 0]]
    assert states(state) == {1: "corrected"}


def test_the_ignore_brush_marks_and_changes_no_label():
    state = frame()
    area = Area((slice(0, 1), slice(2, 4)), np.array([[True, False]]))
    state.apply(corrections.ignore(state, area))
    assert state.labels.tolist() == LINE
    assert state.marks.tolist() == [[0, 0, IGNORED, 0, 0, 0, 0, 0]]


PREDICTED = {
    "untouched objects are replaced": ({}, [[0, 1, 0, 2, 2, 0, 0, 0]], [[0, 1, 0, 2, 2, 0, 0, 0]]),
    "a corrected one stays": (
        {"_1": known()},
        [[1, 1, 1, 0, 0, 2, 2, 2]],
        [[0, 1, 1, 0, 0, 2, 2, 2]],
    ),
    "a confirmed one stays where nothing is found": (
        {"_2": known("confirmed")},
        [[0, 0, 0, 0, 0, 0, 0, 0]],
        [[0, 0, 0, 0, 2, 2, 0, 0]],
    ),
    "a number that a reviewed one has is not given again": (
        {"_2": known()},
        [[2, 2, 0, 0, 0, 0, 0, 0]],
        [[4, 4, 0, 0, 2, 2, 0, 0]],
    ),
    "what is taken back is replaced": ({"_1": known("untouched")}, [[0] * 8], [[0] * 8]),
    "a half that is left is kept": (
        {"_2": known()},
        [[0, 0, 0, 0, 0, 9, 9, 9]],
        [[0, 0, 0, 0, 2, 2, 9, 9]],
    ),
}


@pytest.mark.parametrize(("objects", "new", "expected"), PREDICTED.values(), ids=PREDICTED)
def test_new_masks_spare_hand_work(objects, new, expected):
    state = frame(**objects)
    state.apply(corrections.predicted(state, np.array(new)))
    assert state.labels.tolist() == expected


def test_a_deleted_object_does_not_come_back_with_new_masks():
    state = painted(frame(), [[0, 0, 0, 0, 2, 2, 3, 0]])
    state.apply(corrections.predicted(state, np.array(LINE)))
    assert state.labels.tolist() == [[0, 0, 0, 0, 2, 2, 3, 0]]


def test_new_masks_of_a_window_leave_the_rest():
    state = frame(_1=known())
    state.apply(corrections.predicted(state, np.array([[5, 5]]), (slice(0, 1), slice(6, 8))))
    assert state.labels.tolist() == [[0, 1, 1, 0, 2, 2, 3, 3]]


def test_the_end_of_the_review_is_said_once():
    state = frame()
    state.apply(corrections.finish(state, True))
    assert state.done
    assert not corrections.finish(state, True)


@pytest.mark.parametrize("labels", [[7], []])
def test_nothing_to_delete_is_an_error(labels):
    with pytest.raises(ValueError, match="expected objects of this frame"):
        corrections.delete(frame(), labels, roll())


PLANES = arrays(np.int32, (4, 5), elements=st.integers(0, 3))


@given(PLANES, PLANES, PLANES)
def test_any_strokes_can_be_taken_back(first, second, third):
    state, names, deltas = frame(first), roll(), []
    for plane in (second, third):
        patch = compare(state.labels, plane)
        if patch is not None:
            delta = corrections.stroke(state, patch, names)
            deltas.append(delta)
            state.apply(delta)
            assert (state.labels == plane).all()
            assert {label for label in state.objects if label > 0} <= set(np.unique(plane))
    for delta in reversed(deltas):
        state.apply(delta.reversed())
    assert (state.labels == first).all()
    assert not state.marks.any()
    assert state.objects == {}
