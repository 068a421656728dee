import numpy as np
import pytest
from napari.utils._proxies import ReadOnlyWrapper
from napari.utils._test_utils import MouseEvent
from napari.utils.interactions import (
    mouse_move_callbacks,
    mouse_press_callbacks,
    mouse_release_callbacks,
)

from napari_touchup.options import BrushOptions
from napari_touchup.session.project import Counts


@pytest.fixture
def cells(bound, spots):
    """Two cells of 8 x 8 px, at rows 8-15 and columns 4-11, 20-27."""
    layer = bound.viewer.add_image(spots(90, 60), name="cells")
    bound.segment()
    bound.masks.mode = "paint"
    bound.masks.brush_size = 3
    return layer


def drag(bound, *places, modifiers=()):
    """Press, move and release; as napari hands it to a layer."""
    kinds = ["mouse_press", *["mouse_move"] * (len(places) - 1), "mouse_release"]
    calls = [mouse_press_callbacks, *[mouse_move_callbacks] * (len(places) - 1)]
    for kind, call, place in zip(
        kinds, [*calls, mouse_release_callbacks], [*places, places[-1]], strict=True
    ):
        event = MouseEvent(
            kind, position=place, dims_displayed=[0, 1], button=1, modifiers=list(modifiers),
            pos=np.array(place[::-1], float),
        )  # fmt: skip
        call(bound.masks, ReadOnlyWrapper(event, exceptions=("handled",)))


def labels(bound):
    return bound.session.tools(bound.session.image).state(()).labels


def test_a_stroke_on_background_is_a_new_cell_each_time(bound, cells):
    drag(bound, (28, 10), (28, 14))
    drag(bound, (28, 40), (28, 44))
    assert labels(bound)[28, 12] == 3
    assert labels(bound)[28, 42] == 4
    assert bound.session.counts == Counts(teach=2)
    np.testing.assert_array_equal(bound.masks.data, labels(bound))


def test_a_stroke_on_a_cell_extends_it_and_spares_the_neighbour(bound, cells):
    drag(bound, (12, 10), (12, 22))
    assert (labels(bound)[12, 4:20] == 1).all()
    assert (labels(bound)[12, 20:28] == 2).all()


def test_over_neighbours(bound, cells):
    bound.session.brush = BrushOptions(over_neighbours=True)
    drag(bound, (12, 10), (12, 22))
    assert (labels(bound)[12, 20:23] == 1).all()


def test_the_plain_brush(bound, cells):
    bound.session.brush = BrushOptions(smart=False)
    bound.masks.selected_label = 7
    drag(bound, (28, 10), (28, 14))
    drag(bound, (28, 40), (28, 44))
    assert np.unique(labels(bound)).tolist() == [0, 1, 2, 7]


def test_napari_preserve_labels_is_followed(bound, cells):
    bound.masks.preserve_labels = False
    assert bound.session.brush.over_neighbours


def test_the_session_knows_the_selected_cell(bound, cells):
    bound.masks.selected_label = 2
    assert bound.session.cell == 2


def test_ctrl_click_deletes(bound, cells):
    drag(bound, (12, 8), modifiers=("Control",))
    assert np.unique(labels(bound)).tolist() == [0, 2]
    np.testing.assert_array_equal(bound.masks.data, labels(bound))
    bound.session.undo()
    assert np.unique(bound.masks.data).tolist() == [0, 1, 2]


def test_alt_click_merges_with_the_one_that_is_selected(bound, cells):
    bound.masks.selected_label = 1
    drag(bound, (12, 22), modifiers=("Alt",))
    assert np.unique(labels(bound)).tolist() == [0, 1]


def test_a_cell_in_pieces_is_offered_as_several(bound, cells, qtbot):
    bound.masks.mode = "erase"
    drag(bound, (7, 8), (17, 8))
    qtbot.waitUntil(lambda: bound.session.status.kind == "ask")
    assert bound.session.status.text == "Cell 1 is in 2 pieces now."
    bound.session.status.choices[0][1]()
    assert np.unique(labels(bound)).tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(bound.masks.data, labels(bound))
