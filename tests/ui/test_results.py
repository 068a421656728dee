import numpy as np
import pytest

from napari_touchup.options import InstanceOptions
from napari_touchup.session.frames import Kept
from napari_touchup.ui.results import kinds_of, map_of


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


def states(bound, index):
    image = bound.session.image
    objects = bound.session.project.objects(image.key, (index,))
    return {label: known.state for label, known in objects.items()}


def test_napari_undo_after_resegmentation_writes_nothing_stale(bound, movie):
    bound.segment()
    paint_on(bound, bound.session.frame[0])
    bound.segment()
    after = bound.masks.data.copy()
    bound.masks.undo()
    np.testing.assert_array_equal(bound.masks.data, after)
    assert 40 in after


def test_what_is_painted_counts_at_once(bound, movie):
    bound.segment([(0,), (1,)])
    paint_on(bound, 1)
    assert states(bound, 1) == {40: "corrected"}
    assert states(bound, 0) == {}


def test_undo_of_the_session_is_shown(bound, movie):
    bound.viewer.dims.set_current_step(0, 1)
    bound.segment([(1,)])
    paint_on(bound, 1)
    bound.session.undo()
    assert counts(bound.masks) == [0, 2, 0]
    bound.session.redo()
    assert counts(bound.masks) == [0, 3, 0]


def test_an_edit_that_no_event_tells_of_is_caught(bound, movie):
    bound.viewer.dims.set_current_step(0, 1)
    bound.segment([(1,)])
    bound.masks.data[1, 20:24, 20:24] = 50
    bound.viewer.dims.set_current_step(0, 0)
    assert states(bound, 1) == {50: "corrected"}
    assert bound.session.project.last_step.title == "edit from outside"


def test_napari_undo_is_caught(bound, movie):
    bound.viewer.dims.set_current_step(0, 1)
    bound.segment([(1,)])
    paint_on(bound, 1)
    bound.masks.undo()
    assert counts(bound.masks) == [0, 2, 0]
    assert 40 not in states(bound, 1)


def test_deleted_masks_come_back_with_all_frames(bound, movie):
    bound.segment([(0,), (1,)])
    paint_on(bound, 0)
    bound.viewer.layers.remove(bound.masks)
    assert bound.masks is None
    bound.session.status.choices[0][1]()
    assert bound.names == ["movie", "movie masks"]
    assert counts(bound.masks) == [2, 2, 0]


def test_an_image_that_is_opened_again_has_its_masks(bound, movie):
    bound.segment([(0,), (1,)])
    paint_on(bound, 0)
    data = movie.data
    bound.viewer.layers.clear()
    bound.viewer.add_image(data.copy(), name="again", axis_labels=("t", "y", "x"))
    assert bound.names == ["again", "again masks"]
    assert counts(bound.masks) == [2, 2, 0]


def test_masks_that_were_cropped_by_hand_are_left_alone(bound, movie):
    bound.segment([(0,)])
    mine = bound.masks
    mine.data = mine.data[:, :5, :7]
    bound.segment([(1,)])
    assert mine.data.shape == (3, 5, 7)
    assert bound.masks is not mine
    assert counts(bound.masks) == [1, 2, 0]


def test_the_highest_label_leaves_room_for_a_new_object(bound, movie):
    bound.viewer.dims.set_current_step(0, 2)
    bound.segment([(2,)])
    bound.masks.data[2, 0, 0] = 65535
    bound.segment([(2,)], window=(slice(8, 32), slice(0, 64)))
    assert bound.masks.selected_label == 65539
    assert bound.masks.data.dtype == np.int32
    assert len(np.unique(bound.masks.data[2])) == 5


def test_masks_deleted_in_the_middle_of_a_stroke(bound, movie):
    bound.segment([(0,)])

    class Press:
        type = "mouse_press"

    stroke = bound.binding.current.strokes._watch_stroke(bound.masks, Press)
    next(stroke)  # its end is never told
    bound.viewer.layers.remove(bound.masks)
    bound.segment([(0,)])
    assert counts(bound.masks) == [1, 0, 0]


def test_another_layer_chosen_in_the_middle_of_a_stroke(bound, movie):
    bound.viewer.dims.set_current_step(0, 0)
    bound.segment([(0,)])

    class Press:
        type = "mouse_press"

    stroke = bound.binding.current.strokes._watch_stroke(bound.masks, Press)
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
    bound.network.make_masks = lambda *args: original(*args).astype(np.uint32) * 40_000
    bound.segment([(1,)])
    assert bound.masks.data.dtype == np.int32
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


def test_masks_that_come_during_a_stroke_wait_and_spare_it(bound, movie, qtbot):
    bound.viewer.dims.set_current_step(0, 0)
    bound.segment([(0,)])
    results = bound.binding.current

    class Press:
        type = "mouse_press"

    stroke = results.strokes._watch_stroke(bound.masks, Press)
    next(stroke)
    bound.session.instances = InstanceOptions(threshold=0.95)
    bound.until(lambda: bound.session._held)
    assert counts(bound.masks) == [1, 0, 0]
    paint_on(bound, 0)
    Press.type = "mouse_release"
    next(stroke, None)
    qtbot.waitUntil(lambda: not bound.session._held)
    assert np.unique(bound.masks.data[0]).tolist() == [0, 40]


def test_masks_that_come_during_a_stroke_elsewhere_are_written_after_it(bound, movie, qtbot):
    bound.segment([(0,)])
    results = bound.binding.current

    class Press:
        type = "mouse_press"

    stroke = results.strokes._watch_stroke(bound.masks, Press)
    next(stroke)
    bound.segment([(1,)])
    assert counts(bound.masks) == [1, 0, 0]
    Press.type = "mouse_release"
    next(stroke, None)
    qtbot.waitUntil(lambda: counts(bound.masks) == [1, 2, 0])


@pytest.mark.parametrize(
    ("output", "kinds", "value"),
    [
        ("maps", {"probability", "borders", "distance"}, 0.25),
        ("instances", {"probability", "borders", "distance"}, 0.25),
        ("softmax", {"probability"}, 0.75),
    ],
)
def test_maps_of_each_output(output, kinds, value):
    kept = Kept(np.full((3, 2, 2), 0.25, np.float16), output, None, InstanceOptions())
    assert kinds_of(kept) == kinds
    assert map_of(kept, "probability").tolist() == [[value] * 2] * 2
