from queue import Queue

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QEvent, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_touchup.session.session import Session
from napari_touchup.ui.binding import Binding


class Bound:
    """A viewer without a window, bound to a session; the test makes the calls of its jobs."""

    def __init__(self, network, model):
        self.calls = Queue()
        self.viewer = ViewerModel()
        self.network = network
        self.session = Session(network=network, dispatch=self.calls.put, model=model)
        self.binding = Binding(self.viewer, self.session)

    @property
    def names(self):
        return [layer.name for layer in self.viewer.layers]

    @property
    def masks(self):
        return self.binding.current.masks

    def until(self, condition):
        while not condition():
            self.calls.get(timeout=20)()

    def segment(self, *args, **kwargs):
        self.session.segment(*args, **kwargs)
        self.until(lambda: not self.session.running)


@pytest.fixture
def bound(fake_network, model_choice, qapp):
    bound = Bound(fake_network, model_choice())
    yield bound
    fake_network.gate.set()
    bound.binding.close()


class Hand:
    """Moves a real mouse over the canvas of a viewer that is shown; places are (y, x) in pixels
    of `layer`, the one on top if there is none."""

    def __init__(self, viewer, qtbot):
        self.viewer = viewer
        self.qtbot = qtbot
        self.layer = None
        self.canvas = viewer.window._qt_viewer.canvas
        self.buttons = Qt.MouseButton.NoButton
        self.seen = None  # place on the canvas of the last event that napari has handled
        handle = self.canvas._process_mouse_event

        def spy(callbacks, event):
            handle(callbacks, event)
            self.seen = tuple(event.pos)

        self.canvas._process_mouse_event = spy

    def press(self, place, button=Qt.MouseButton.LeftButton, keys=Qt.KeyboardModifier.NoModifier):
        self.move(place)
        QApplication.processEvents()  # the status bar has a text now, and the canvas another size
        self.qtbot.waitUntil(self._drawn, timeout=5000)
        self.buttons = button
        self._send(QEvent.Type.MouseButtonPress, place, button, keys)

    def move(self, place, keys=Qt.KeyboardModifier.NoModifier):
        self._send(QEvent.Type.MouseMove, place, Qt.MouseButton.NoButton, keys)

    def release(self, place, keys=Qt.KeyboardModifier.NoModifier):
        button, self.buttons = self.buttons, Qt.MouseButton.NoButton
        self._send(QEvent.Type.MouseButtonRelease, place, button, keys)

    def drag(self, *places, **held):
        """Press at the first place, and release at the last."""
        self.press(places[0], **held)
        keys = held.get("keys", Qt.KeyboardModifier.NoModifier)
        for place in places[1:]:
            self.move(place, keys)
        self.release(places[-1], keys)

    def double_click(self, place):
        left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        self.buttons = left
        self._send(QEvent.Type.MouseButtonDblClick, place, left, none)
        self.release(place)

    def key(self, key, keys=Qt.KeyboardModifier.NoModifier):
        QTest.keyClick(self.canvas.native, key, keys)

    def _send(self, kind, place, button, keys):
        layer = self.layer or self.viewer.layers[-1]
        y, x = np.array(place) * layer.scale[-2:] + layer.translate[-2:]
        at = QPointF(*np.rint(self._to_canvas.map([x, y])[:2]))
        native = self.canvas.native
        event = QMouseEvent(kind, at, native.mapToGlobal(at), button, self.buttons, keys)
        native._last_time = 0  # vispy drops moves in quick succession
        QApplication.sendEvent(native, event)
        # napari hands moves on in its own time
        self.qtbot.waitUntil(lambda: self.seen == (at.x(), at.y()), timeout=5000)

    def _drawn(self):
        """Tell whether the canvas was drawn in its size: napari centres its camera then."""
        size = self.canvas.view.rect.size
        return np.allclose(self.canvas.camera._last_viewbox_size, size)

    @property
    def _to_canvas(self):
        return self.canvas.view.transform * self.canvas.view.scene.transform


@pytest.fixture
def shown(make_napari_viewer, qtbot):
    """A viewer on the screen, and the hand that works in it."""
    viewer = make_napari_viewer(show=True)
    qtbot.waitExposed(viewer.window._qt_window)
    return viewer, Hand(viewer, qtbot)
