import numpy as np
import pytest
from napari.utils.key_bindings import coerce_keybinding
from napari.utils.shortcuts import default_shortcuts
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel

from napari_touchup.ui.correct_tools import tools_of
from napari_touchup.ui.key_table import sections
from napari_touchup.ui.keys_overlay import KeysOverlay
from napari_touchup.ui.undo_keys import REDO, UNDO


@pytest.fixture
def overlay(shown):
    viewer, hand = shown
    viewer.add_image(np.zeros((20, 30)))
    window = viewer.window._qt_window
    window.activateWindow()
    tools = [(UNDO, "Undo"), (REDO, "Redo"), ("K", "Confirm"), ("", "No key")]
    return viewer, hand, KeysOverlay(window, lambda: sections(tools))


def texts(overlay):
    return [label.text() for label in overlay.findChildren(QLabel)]


def test_the_list(overlay):
    _, _, keys = overlay
    keys.toggle()
    for text in ("Ctrl+Z", "Ctrl+Shift+Z", "Undo", "Confirm", "Alt+click", "Eraser"):
        assert text in texts(keys)
    assert "No key" not in texts(keys)
    assert not keys.isModal()
    assert keys.width() <= 1100
    keys.toggle()
    assert not keys.isVisible()


def test_the_key(overlay, qtbot):
    _, hand, keys = overlay
    window = hand.viewer.window._qt_window
    qtbot.waitUntil(window.isActiveWindow)
    hand.key(Qt.Key.Key_Question)  # a keyboard's Shift is taken up by the "?"
    qtbot.waitUntil(keys.isVisible)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    hand.key(Qt.Key.Key_Question)
    qtbot.waitUntil(lambda: not keys.isVisible())


def test_escape(overlay, qtbot):
    _, _, keys = overlay
    keys.toggle()
    qtbot.keyClick(keys, Qt.Key.Key_Escape)
    assert not keys.isVisible()


def test_the_list_is_made_anew(overlay):
    _, _, keys = overlay
    keys.toggle()
    keys.toggle()
    keys._sections = lambda: sections([("J", "Next cell")], subtracts=True)
    keys.toggle()
    shown = [label.text() for label in keys.findChildren(QLabel) if label.isVisible()]
    assert "Next cell" in shown
    assert "Take pixels from the cell" in shown
    assert "Confirm" not in shown


def test_released(overlay):
    _, hand, keys = overlay
    shown = []
    keys.toggle = lambda: shown.append(1)
    keys.release()
    hand.key(Qt.Key.Key_Question)
    assert not shown


OTHERS = ("points", "shapes", "vertex", "vertices", "direct_mode", "select_mode", "_in_slice")


def test_no_key_is_one_of_naparis(keys_of_tools):
    taken = {
        str(key)
        for action, keys in default_shortcuts.items()
        for key in keys
        # of points and shapes: they go before the viewer's keys while such a layer is active
        if not any(word in action for word in OTHERS)
    }
    ours = {str(coerce_keybinding(key)) for key in keys_of_tools if key}
    assert "E" in taken
    assert ours & taken == set()


@pytest.fixture
def keys_of_tools(bound):
    from napari_touchup.ui.correct import Correct

    correct = Correct(bound.viewer, bound.session, bound.binding)
    yield [tool.key for tool in tools_of(correct, bound.session)] + [UNDO, REDO]
    correct.close()
