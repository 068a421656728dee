import numpy as np
import pytest

from napari_touchup.options import InstanceOptions


@pytest.fixture
def movie(bound, spots):
    """Frames with 1, 2 and 3 objects, opened in the viewer."""
    data = np.stack([spots(90), spots(90, 60), spots(90, 60, 90)])
    place = {"scale": (1, 0.5, 0.5), "axis_labels": ("t", "y", "x")}
    return bound.viewer.add_image(data, name="movie", **place)


def counts(layer):
    return [len(np.unique(frame)) - 1 for frame in layer.data]


def paint_on(bound, index, label=40):
    with bound.masks.block_history():
        bound.masks.paint((index, 28, 60), label)


def test_masks_become_the_active_layer(bound, movie):
    bound.segment()
    assert bound.names == ["movie", "movie masks"]
    assert bound.viewer.layers.selection.active is bound.masks
    assert bound.masks.visible
    assert isinstance(bound.masks.data, np.ndarray)
    assert bound.masks.scale.tolist() == [1, 0.5, 0.5]


def test_frames_are_filled_as_they_come(bound, movie):
    bound.viewer.dims.set_current_step(0, 1)
    bound.segment()
    assert counts(bound.masks) == [0, 2, 0]
    bound.segment([(0,), (2,)])
    assert counts(bound.masks) == [1, 2, 3]
    assert len(bound.viewer.layers) == 2


def test_a_stroke_starts_a_new_object(bound, movie):
    bound.viewer.dims.set_current_step(0, 1)
    bound.segment([(0,), (1,)])
    assert bound.masks.selected_label == 3
    bound.masks.selected_label = 1  # chosen by hand: frames that come elsewhere leave it
    bound.segment([(2,)])
    assert bound.masks.selected_label == 1


def test_window_leaves_the_rest(bound, movie):
    bound.viewer.dims.set_current_step(0, 2)
    bound.segment()
    bound.session.instances = InstanceOptions(threshold=0.7)
    bound.segment(window=(slice(0, 32), slice(16, 32)))
    assert len(np.unique(bound.masks.data[2])) - 1 == 2
    assert not bound.masks.data[2, :, 16:32].any()


def test_undo_after_resegmentation_writes_nothing_stale(bound, movie):
    bound.segment()
    paint_on(bound, bound.session.frame[0])
    bound.segment(replace=True)
    after = bound.masks.data.copy()
    bound.masks.undo()
    np.testing.assert_array_equal(bound.masks.data, after)
    assert 40 not in after


def test_strokes_on_other_frames_can_still_be_undone(bound, movie):
    bound.viewer.dims.set_current_step(0, 0)
    bound.segment()
    paint_on(bound, 0)
    bound.segment([(1,)])
    bound.masks.undo()
    assert counts(bound.masks) == [1, 2, 0]


def test_strokes_are_noted(bound, movie):
    bound.segment([(0,), (1,)])
    paint_on(bound, 1)
    assert bound.session.image.frames.edited == {(1,)}


def test_deleted_masks_are_made_again(bound, movie):
    bound.segment([(0,)])
    paint_on(bound, 0)
    bound.viewer.layers.remove(bound.masks)
    assert bound.masks is None
    bound.segment([(0,)])
    assert bound.names == ["movie", "movie masks"]
    assert counts(bound.masks) == [1, 0, 0]


def test_all_frames_can_be_made_again_after_the_masks_were_deleted(bound, movie):
    bound.viewer.dims.set_current_step(0, 0)
    bound.segment([(0,), (1,), (2,)])
    bound.viewer.layers.remove(bound.masks)
    assert bound.session.outdated == ((0,), (1,), (2,))
    bound.session.apply_to_outdated()
    bound.until(lambda: not bound.session.outdated and bound.masks is not None)
    bound.until(lambda: counts(bound.masks) == [1, 2, 3])


def test_masks_that_were_cropped_by_hand_are_left_alone(bound, movie):
    bound.segment([(0,)])
    mine = bound.masks
    mine.data = mine.data[:, :5, :7]
    bound.segment([(1,)])
    assert mine.data.shape == (3, 5, 7)
    assert bound.masks is not mine
    assert counts(bound.masks) == [0, 2, 0]


def test_the_highest_label_leaves_room_for_a_new_object(bound, movie):
    bound.viewer.dims.set_current_step(0, 2)
    bound.segment([(2,)])
    bound.masks.data[2, 0, 0] = 65535
    bound.segment([(2,)], window=(slice(8, 32), slice(0, 64)))
    assert bound.masks.selected_label == 4
    assert len(np.unique(bound.masks.data[2])) == 5


def test_masks_deleted_in_the_middle_of_a_stroke(bound, movie):
    bound.segment([(0,)])

    class Press:
        type = "mouse_press"

    stroke = bound.binding.current._watch_stroke(bound.masks, Press)
    next(stroke)  # its end is never told
    bound.viewer.layers.remove(bound.masks)
    bound.segment([(0,)])
    assert counts(bound.masks) == [1, 0, 0]


def test_another_layer_chosen_in_the_middle_of_a_stroke(bound, movie):
    bound.viewer.dims.set_current_step(0, 0)
    bound.segment([(0,)])

    class Press:
        type = "mouse_press"

    stroke = bound.binding.current._watch_stroke(bound.masks, Press)
    next(stroke)
    bound.segment([(1,)])
    assert counts(bound.masks) == [1, 0, 0]
    bound.viewer.layers.selection.active = movie
    assert counts(bound.masks) == [1, 2, 0]


def test_renamed_masks_stay_the_masks(bound, movie):
    bound.segment([(0,)])
    bound.masks.name = "mine"
    bound.segment([(1,)])
    assert bound.names == ["movie", "mine"]


def test_more_objects_than_the_dtype_holds(bound, movie):
    bound.segment([(0,)])
    original = bound.network.make_masks
    bound.network.make_masks = lambda *args: original(*args).astype(np.uint32)
    bound.segment([(1,)])
    assert bound.masks.data.dtype == np.uint32
    assert counts(bound.masks) == [1, 2, 0]


@pytest.mark.parametrize(
    ("kind", "value"), [("probability", 0.9), ("borders", 0.1), ("distance", 0.45)]
)
def test_maps_on_request(bound, movie, kind, value):
    bound.segment([(0,)])
    bound.binding.current.show_map(kind)
    assert bound.names == ["movie", f"movie {kind}", "movie masks"]
    layer = bound.viewer.layers[1]
    assert layer.data[0, 10, 6] == pytest.approx(value, abs=1e-3)
    assert layer.contrast_limits == [0, 1]
    assert layer.scale.tolist() == [1, 0.5, 0.5]
    assert not layer.data[1].any()
    bound.segment([(1,)])
    assert layer.data[1, 10, 6] == pytest.approx(value, abs=1e-3)
    assert bound.viewer.layers.selection.active is bound.masks


def test_masks_that_come_during_a_stroke_wait_and_then_give_way(bound, movie, qtbot):
    bound.viewer.dims.set_current_step(0, 0)
    bound.segment([(0,)])
    results = bound.binding.current

    class Press:
        type = "mouse_press"

    stroke = results._watch_stroke(bound.masks, Press)
    next(stroke)
    bound.session.instances = InstanceOptions(threshold=0.95)
    bound.until(lambda: results._held)
    assert counts(bound.masks) == [1, 0, 0]
    paint_on(bound, 0)
    Press.type = "mouse_release"
    next(stroke, None)
    qtbot.waitUntil(lambda: not results._held)
    assert counts(bound.masks) == [2, 0, 0]


def test_a_stroke_that_was_begun_before_masks_came_to_replace_older_ones_stays(bound, movie, qtbot):
    bound.viewer.dims.set_current_step(0, 0)
    bound.segment([(0,)])
    paint_on(bound, 0, label=30)
    results = bound.binding.current

    class Press:
        type = "mouse_press"

    stroke = results._watch_stroke(bound.masks, Press)
    next(stroke)
    bound.segment([(0,)], replace=True)
    paint_on(bound, 0, label=40)
    Press.type = "mouse_release"
    next(stroke, None)
    qtbot.waitUntil(lambda: not results._held)
    assert 40 in bound.masks.data[0]
    assert bound.session.image.frames.edited == {(0,)}


def test_masks_that_come_during_a_stroke_elsewhere_are_written_after_it(bound, movie, qtbot):
    bound.segment([(0,)])
    results = bound.binding.current

    class Press:
        type = "mouse_press"

    stroke = results._watch_stroke(bound.masks, Press)
    next(stroke)
    bound.segment([(1,)])
    assert counts(bound.masks) == [1, 0, 0]
    Press.type = "mouse_release"
    next(stroke, None)
    qtbot.waitUntil(lambda: counts(bound.masks) == [1, 2, 0])
