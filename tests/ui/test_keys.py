import pytest
from napari.components import ViewerModel
from napari.utils.shortcuts import default_shortcuts

from napari_touchup.ui.apply import NEXT, PREVIOUS
from napari_touchup.ui.keys import BoundKeys


def press(viewer, key):
    binding = next(known for known in viewer.keymap if str(known) == key)
    viewer.keymap[binding](viewer)


@pytest.fixture
def log():
    return []


def test_keys_are_given_back(log):
    viewer = ViewerModel()
    viewer.bind_key("J", lambda _viewer: log.append("before"))
    keys = BoundKeys(viewer, {"J": lambda: log.append("ours"), "K": lambda: log.append("K")})
    press(viewer, "J")
    press(viewer, "K")
    keys.close()
    press(viewer, "J")
    assert log == ["ours", "K", "before"]
    assert [str(key) for key in viewer.keymap] == ["J"]


def test_the_keys_are_free_while_images_and_masks_are_worked_at():
    taken = {
        action
        for action, keys in default_shortcuts.items()
        for key in keys
        if str(key) in (PREVIOUS, NEXT)
    }
    # of points and shapes, which go before the viewer's keys while such a layer is active
    names = ("select_all_in_slice", "select_shapes_in_slice", "activate_direct_mode")
    assert taken == {f"napari:{name}" for name in names}
