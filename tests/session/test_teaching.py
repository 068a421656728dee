import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_touchup.core.delta import Area, Object
from napari_touchup.session.frame_state import BACKGROUND, IGNORED, FrameState
from napari_touchup.session.teaching import KEPT, RING, TEACHES, WIPED, review, teaching

LINE = [[0, 0, 1, 1, 0, 0, 0, 0, 2, 0]]


def known(state="corrected", held_out=False, area=None) -> Object:
    return Object("u", "corrected", 1, state, held_out, area)


def frame(objects, line=LINE, marks=None) -> FrameState:
    state = FrameState.empty(np.shape(line))
    state.labels[:] = line
    state.objects.update(objects)
    if marks is not None:
        state.marks[:] = marks
    return state


GONE = Area((slice(0, 1), slice(5, 6)), np.array([[True]]))
# ring of 2 px
ROWS = {
    "nothing is reviewed": ({}, None, "0000000000"),
    "a corrected object and its ring": ({1: known()}, None, "1111110000"),
    "a confirmed one too": ({1: known("confirmed")}, None, "1111110000"),
    "one that was taken back does not": ({1: known("untouched")}, None, "0000000000"),
    "an unreviewed object is no background of a ring": ({2: known()}, None, "0000001111"),
    "held out: nothing, nor its ring": ({1: known(held_out=True)}, None, "0000000000"),
    "a held-out ring takes from others": (
        {1: known(), 2: known(held_out=True)},
        None,
        "1111110000",
    ),
    "two that are held out and taught": (
        {1: known(held_out=True), 2: known()},
        None,
        "0000001111",
    ),
    "where one was deleted, with a ring": ({-2: known("deleted", area=GONE)}, None, "0000111100"),
    "a deleted one that is held out": (
        {1: known(), -2: known("deleted", True, GONE)},
        None,
        "1110000000",
    ),
    "background strokes": ({}, [[0, 0, 1, 1, 1, 1, 0, 0, 0, 0]], "0000110000"),
    "wiped": ({1: known()}, [[2, 0, 2, 0, 0, 0, 0, 0, 0, 0]], "0101110000"),
}


@pytest.mark.parametrize(("objects", "marks", "expected"), ROWS.values(), ids=ROWS)
def test_what_counts(objects, marks, expected):
    found = teaching(frame(objects, marks=marks), ring_px=2)
    assert "".join(str(int(counts)) for counts in found.annotated[0]) == expected


def test_unreviewed_objects_inside_a_ring_do_not_count():
    found = teaching(frame({1: known()}, [[0, 1, 2, 0, 0]]), ring_px=3)
    assert found.annotated.tolist() == [[True, True, False, True, True]]
    assert found.truth.tolist() == [[0, 1, 0, 0, 0]]


def test_truth_holds_what_teaches_only():
    state = frame({1: known(), 2: known(held_out=True)})
    assert teaching(state).truth.tolist() == [[0, 0, 1, 1, 0, 0, 0, 0, 0, 0]]


def test_the_border_between_two_reviewed_objects_counts():
    found = teaching(frame({1: known(), 2: known("confirmed")}, [[1, 1, 2, 2]]), ring_px=1)
    assert found.truth.tolist() == [[1, 1, 2, 2]]
    assert found.annotated.all()


def test_the_review_shows_outlines_rings_and_what_was_wiped():
    state = frame({}, np.zeros((9, 24), int))
    state.labels[2:7, 3:8], state.labels[2:7, 14:22] = 1, 2
    state.objects.update({1: known(), 2: known(held_out=True)})
    state.marks[4, 1] = IGNORED
    shown = review(state, ring_px=2)
    assert shown[2:4, 3:8].tolist() == [[TEACHES] * 5] * 2
    assert shown[4, 5] == 0  # the inside stays clear
    assert shown[4, 1:3].tolist() == [WIPED, RING]
    assert set(shown[2, 14:22].tolist()) == {0, KEPT}  # dashed
    assert (shown[:, 11:13] == 0).all()


PLANES = arrays(np.int32, (12, 14), elements=st.integers(0, 4))
MARKS = arrays(np.uint8, (12, 14), elements=st.sampled_from([0, 0, 0, BACKGROUND, IGNORED]))


@given(PLANES, MARKS, st.integers(0, 8), st.integers(0, 9))
def test_a_box_is_as_the_whole(labels, marks, y, x):
    state = frame({1: known(), 2: known(held_out=True), 3: known("confirmed")}, labels, marks)
    box = (slice(y, y + 4), slice(x, x + 5))
    whole, part = teaching(state, ring_px=3), teaching(state, box, ring_px=3)
    assert (part.annotated == whole.annotated[box]).all()
    assert (part.truth == whole.truth[box]).all()
    assert (review(state, box, ring_px=3) == review(state, ring_px=3)[box]).all()
