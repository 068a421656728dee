from queue import Queue

import pytest
from napari.components import ViewerModel

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
