from queue import Queue

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_touchup.core.weights import weight_map
from napari_touchup.options import WeightOptions
from napari_touchup.ui.live_weights import AT_ONCE, LiveWeights, difference


class Live:
    def __init__(self, data, **options):
        self.calls = Queue()
        self.viewer = ViewerModel()
        self.labels = self.viewer.add_labels(data, name="cells", scale=(0.5,) * data.ndim)
        self.live = LiveWeights(self.viewer, self.labels, self.calls.put, **options)
        self.true = 0
        self.live.computed.connect(self._on_computed)

    def _on_computed(self):
        self.true += 1

    def until_true(self, times):
        while self.true < times:
            self.calls.get(timeout=20)()

    def check(self, index=()):
        expected = weight_map(self.labels.data[index], None, self.live.options)
        np.testing.assert_allclose(self.live.layer.data[index], expected, atol=1e-5)


def cells(*shape):
    data = np.zeros(shape, np.uint16)
    data[..., 4:12, 4:12] = 1
    data[..., 4:12, 14:22] = 2
    data[..., 24:30, 30:40] = 3
    return data


@pytest.fixture
def make(qapp):
    made = []

    def factory(data, **options):
        made.append(Live(data, **options))
        return made[-1]

    yield factory
    for live in made:
        live.live.close()


@pytest.fixture
def plane(make):
    live = make(cells(40, 60))
    live.until_true(1)
    return live


def test_made_for_any_labels(plane):
    plane.check()
    layer = plane.live.layer
    assert layer.name == "cells weights"
    assert layer.scale.tolist() == [0.5, 0.5]
    assert layer.contrast_limits == [0, 11]
    assert layer.data.dtype == np.float32
    assert plane.viewer.layers.selection.active is plane.labels


def test_follows_a_stroke_at_once(plane):
    plane.labels.brush_size = 4
    with plane.labels.block_history():
        plane.labels.paint((20, 10), 4)
        plane.labels.paint((20, 14), 4)
    plane.check()
    assert plane.true == 1


def test_follows_undo_and_redo(plane):
    plane.labels.paint((20, 10), 4)
    painted = plane.live.layer.data.copy()
    plane.labels.undo()
    plane.check()
    plane.labels.redo()
    np.testing.assert_array_equal(plane.live.layer.data, painted)


def test_follows_data_set_by_others(plane):
    plane.labels.data = cells(40, 60)[:, ::-1].copy()
    plane.check()


def test_a_large_change_is_computed_in_a_thread(make):
    edge = int(AT_ONCE**0.5) + 8
    live = make(cells(edge, edge))
    live.until_true(1)
    live.labels.data_setitem((np.array([0, edge - 1]), np.array([0, edge - 1])), 9)
    live.until_true(2)
    live.check()


def test_a_stroke_while_the_map_is_on_its_way(make):
    live = make(cells(40, 60))
    live.labels.paint((20, 10), 4)
    live.until_true(1)
    live.check()


def test_options(plane):
    plane.live.change(WeightOptions(w0=3, sigma=2), balance=False)
    plane.until_true(2)
    plane.check()
    assert plane.live.layer.contrast_limits == [0, 4]


def test_class_balance_stays_fixed_while_a_person_paints(make):
    live = make(cells(40, 60), balance=True)
    live.until_true(1)
    before = live.live.options
    # 188 of 2400 pixels are objects
    assert before.foreground == pytest.approx(2400 / (2 * 188))
    live.labels.paint((20, 10), 4)
    assert live.live.options == before
    live.check()


def test_frames_are_computed_when_they_are_shown(make):
    live = make(cells(3, 40, 60))
    live.viewer.dims.set_current_step(0, 0)
    live.until_true(1)
    live.check((0,))
    assert not live.live.layer.data[2].any()
    live.viewer.dims.set_current_step(0, 2)
    live.until_true(2)
    live.check((2,))
    live.labels.paint((2, 20, 10), 4)
    live.check((2,))
    live.viewer.dims.set_current_step(0, 0)
    live.viewer.dims.set_current_step(0, 2)
    assert live.live._true
    assert live.true == 2


def test_a_frame_that_changed_unseen_is_computed_again(make):
    live = make(cells(3, 40, 60))
    live.viewer.dims.set_current_step(0, 0)
    live.until_true(1)
    live.viewer.dims.set_current_step(0, 1)
    live.until_true(2)
    live.labels.data[0, 35, 5] = 8
    live.viewer.dims.set_current_step(0, 0)
    live.until_true(3)
    live.check((0,))


def test_closed(plane):
    plane.live.close()
    before = plane.live.layer.data.copy()
    plane.labels.paint((20, 10), 4)
    np.testing.assert_array_equal(plane.live.layer.data, before)


@pytest.mark.parametrize(
    ("changed", "box"),
    [
        ([], None),
        ([(2, 3)], (slice(2, 3), slice(3, 4))),
        ([(2, 3), (5, 0)], (slice(2, 6), slice(0, 4))),
    ],
)
def test_difference(changed, box):
    before = np.zeros((8, 9), int)
    after = before.copy()
    for place in changed:
        after[place] = 1
    assert difference(before, after) == box
