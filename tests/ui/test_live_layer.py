import numpy as np
import pytest

from napari_touchup.session.teaching import KEPT, RING, TEACHES, review, weights


@pytest.fixture
def movie(bound, spots):
    """Frames with 1, 2 and 3 objects, segmented, the second one shown."""
    data = np.stack([spots(90), spots(90, 60), spots(90, 60, 90)])
    layer = bound.viewer.add_image(data, name="movie", axis_labels=("t", "y", "x"))
    bound.viewer.dims.set_current_step(0, 1)
    bound.segment([(0,), (1,), (2,)])
    return layer


def shown(bound, kind):
    """The layer, once its shown frame is true."""
    live = bound.binding.current.live[kind]
    bound.until(lambda: live._shown() in live._true)
    return live.layer.data[live._shown()]


def state(bound, index):
    return bound.session.tools(bound.session.image).state(index)


def paint(bound, frame, y, x, label):
    with bound.masks.block_history():
        bound.masks.paint((frame, y, x), label)


def test_weights_are_nothing_before_anything_is_corrected(bound, movie):
    bound.binding.current.show_weights()
    assert not shown(bound, "weights").any()
    assert bound.viewer.layers.selection.active is bound.masks


def test_weights_follow_each_stroke_and_are_those_of_training(bound, movie):
    bound.binding.current.show_weights()
    shown(bound, "weights")
    paint(bound, 1, 11, 13, 1)
    now = bound.binding.current.live["weights"].layer.data[1].copy()  # at once, no thread
    assert now[12, 8] == 1
    np.testing.assert_allclose(now, weights(state(bound, (1,))), atol=1e-5)
    bound.session.tools(bound.session.image).confirm((1,), [2])
    both = bound.binding.current.live["weights"].layer.data[1]
    assert both[11, 16] > 1.2  # between two that are reviewed
    np.testing.assert_allclose(both, weights(state(bound, (1,))), atol=1e-5)


def test_the_review_shows_what_teaches_and_what_is_kept(bound, movie):
    bound.binding.current.show_review()
    shown(bound, "review")
    tools = bound.session.tools(bound.session.image)
    tools.confirm((1,), [1])
    now = bound.binding.current.live["review"].layer.data[1]
    assert now[8, 6] == TEACHES
    assert now[8, 2] == RING
    np.testing.assert_array_equal(now, review(state(bound, (1,))))
    for index in ((0,), (2,)):
        tools.confirm(index, np.unique(state(bound, index).labels)[1:])
    bound.viewer.dims.set_current_step(0, 2)
    # the fifth confirmed object, counted over all frames
    assert KEPT in shown(bound, "review")


@pytest.mark.parametrize(("kind", "expected"), [("review", review), ("weights", weights)])
def test_a_project_has_rings_of_its_own(bound, movie, kind, expected):
    bound.session.project.begin_with(2)
    live = getattr(bound.binding.current, f"show_{kind}")()
    shown(bound, kind)
    bound.session.tools(bound.session.image).confirm((1,), [1])
    np.testing.assert_array_equal(live.layer.data[1], expected(state(bound, (1,)), ring_px=2))
    assert (live.layer.data[1] != expected(state(bound, (1,)))).any()


def test_undo_is_followed(bound, movie):
    bound.binding.current.show_review()
    shown(bound, "review")
    bound.session.tools(bound.session.image).confirm((1,), [1])
    bound.session.undo()
    assert not shown(bound, "review").any()


def test_another_frame_is_computed_when_it_is_shown(bound, movie):
    bound.session.tools(bound.session.image).confirm((2,), [1])
    bound.binding.current.show_review()
    assert not shown(bound, "review").any()
    bound.viewer.dims.set_current_step(0, 2)
    np.testing.assert_array_equal(shown(bound, "review"), review(state(bound, (2,))))


def test_a_deleted_layer_is_let_go(bound, movie):
    live = bound.binding.current.show_review()
    shown(bound, "review")
    bound.viewer.layers.remove(live.layer)
    assert bound.binding.current.live == {}
    bound.session.tools(bound.session.image).confirm((1,), [1])
    assert not live.layer.data.any()


def test_nobody_paints_in_the_review_by_accident(bound, movie):
    assert not bound.binding.current.show_review().layer.editable
