import numpy as np
import pytest

from napari_touchup.ui.other_masks import OtherMasks


@pytest.fixture
def movie(bound, spots):
    """Three frames, of which the second is shown and has masks."""
    data = np.stack([spots(90), spots(90, 60), spots(90)])
    layer = bound.viewer.add_image(data, name="movie", axis_labels=("t", "y", "x"), scale=(1, 2, 2))
    bound.viewer.dims.set_current_step(0, 1)
    bound.segment()
    return layer


@pytest.fixture
def other(bound, movie):
    other = OtherMasks(bound.viewer, bound.binding)
    yield other
    other.close()


def show(bound, other):
    labels = np.zeros((32, 64), np.int32)
    labels[4:8, 4:8] = 3
    other.show(bound.session.image, (1,), labels, "old one")


def test_it_lies_over_the_frame_and_is_neither_active_nor_editable(bound, other):
    active = bound.viewer.layers.selection.active
    bound.viewer.dims.set_current_step(0, 2)
    show(bound, other)
    layer = other.layer
    assert layer.name == "movie old one"
    assert layer.scale.tolist() == [1, 2, 2]
    assert layer.data[1, 4, 4] == 3
    assert not layer.data[[0, 2]].any()
    assert not layer.editable
    assert bound.viewer.layers.selection.active is active
    assert bound.session.frame == (1,)


def test_flip_and_take_away(bound, other):
    show(bound, other)
    assert (other.layer.visible, bound.masks.visible) == (True, False)
    other.flip(True)
    assert (other.layer.visible, bound.masks.visible) == (False, True)
    other.flip(False)
    other.take_away()
    assert bound.names == ["movie", "movie masks"]
    assert bound.masks.visible
    other.flip(True)  # nothing is left to flip


def test_a_layer_that_a_person_deletes(bound, other):
    heard = []
    other.removed.connect(lambda: heard.append(True))
    show(bound, other)
    bound.viewer.layers.remove(other.layer)
    assert heard == [True]
    assert other.layer is None
    assert bound.masks.visible


def test_an_image_that_is_gone(bound, other, movie):
    image = bound.session.image
    bound.viewer.layers.remove(movie)
    other.show(image, (1,), np.zeros((32, 64), np.int32), "old one")
    assert other.layer is None


def test_a_masks_layer_that_was_deleted_meanwhile(bound, other):
    show(bound, other)
    bound.viewer.layers.remove(bound.masks)
    other.flip(True)
    other.take_away()
    assert bound.names == ["movie"]
