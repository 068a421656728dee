import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_touchup.ui.layers import MADE_BY
from napari_touchup.ui.undo_keys import UndoKeys

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def keys(shown):
    """A viewer with an image, masks that are ours, and labels of the person's own."""
    viewer, hand = shown
    viewer.add_image(np.zeros((20, 30)), name="image")
    undone = []
    keys = UndoKeys(viewer, lambda: undone.append("undo"), lambda: undone.append("redo"))
    viewer.add_labels(np.zeros((20, 30), int), name="masks", metadata={MADE_BY: "masks"})
    viewer.add_labels(np.zeros((20, 30), int), name="own")
    return viewer, hand, keys, undone


@pytest.mark.parametrize("active", ["image", "masks", None])
def test_with_any_layer(keys, active):
    viewer, hand, _, undone = keys
    layer = None if active is None else viewer.layers[active]
    viewer.layers.selection.active = layer
    viewer.layers["masks"].paint((5, 5), 3)
    hand.key(Qt.Key.Key_Z, CTRL)
    hand.key(Qt.Key.Key_Z, CTRL | SHIFT)
    assert undone == ["undo", "redo"]
    assert viewer.layers["masks"].data[5, 5] == 3  # napari's own undo stays out of it


def test_a_persons_own_labels_keep_naparis_undo(keys):
    viewer, hand, _, undone = keys
    own = viewer.layers["own"]
    viewer.layers.selection.active = own
    own.paint((5, 5), 3)
    hand.key(Qt.Key.Key_Z, CTRL)
    assert own.data[5, 5] == 0
    assert undone == []


def test_given_back(keys):
    viewer, hand, bound, undone = keys
    masks = viewer.layers["masks"]
    bound.close()
    viewer.layers.selection.active = masks
    masks.paint((5, 5), 3)
    hand.key(Qt.Key.Key_Z, CTRL)
    assert masks.data[5, 5] == 0
    viewer.layers.selection.active = viewer.layers["image"]
    hand.key(Qt.Key.Key_Z, CTRL)
    assert undone == []


def test_a_layer_that_goes_is_released(keys):
    viewer, _, bound, _ = keys
    masks = viewer.layers["masks"]
    viewer.layers.remove(masks)
    assert not masks.keymap
    bound.close()
