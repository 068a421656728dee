from queue import Queue

import numpy as np
import pytest

from napari_touchup.core.delta import compare
from napari_touchup.nn.header import read_header
from napari_touchup.options import SegmentOptions
from napari_touchup.session.comparison import Comparison
from napari_touchup.session.fine_tuning import FineTuning
from napari_touchup.session.images import Image
from napari_touchup.session.run import Note, Predicted, Tile
from napari_touchup.session.session import Session
from napari_touchup.session.wanted import ModelChoice


class Bench:
    """A session with a second model; the test makes the calls of its jobs."""

    def __init__(self, network, other, model_file):
        self.calls = Queue()
        model = model_file("m.safetensors")
        choice = ModelChoice(model, read_header(model))
        self.session = Session(network=network, dispatch=self.calls.put, model=choice)
        self.comparison = Comparison(FineTuning(self.session), lambda: other)
        self.version = self.session.versions.take_in(model_file("o.safetensors", name="other"))

    def until(self, condition):
        while not condition():
            self.calls.get(timeout=20)()

    def segment(self, image):
        self.session.image = image
        self.session.segment()
        self.until(lambda: not self.session.running)

    def compare(self):
        self.comparison.start(self.version)
        self.until(lambda: not self.comparison.running)

    def labels(self):
        return self.session.tools(self.session.image).state(self.session.frame).labels


class Finds:
    """A network that always finds the same masks."""

    def __init__(self, masks):
        self.masks = masks
        self.error = None

    def loaded(self, path, prune):
        return False

    def load(self, path, prune):
        self.path, self.prune = path, prune
        yield Note("loaded")

    def segment(self, frame, options, instances, limits):
        yield Tile(1, 1)
        if self.error is not None:
            raise self.error
        yield Predicted(np.zeros((3, *self.masks.shape), np.float32), self.masks, "maps")


@pytest.fixture
def bench(fake_network, model_file, spots):
    """Of three cells two were found; the other model finds the first and the third."""
    masks = np.zeros((32, 64), np.uint16)
    masks[8:16, 4:12], masks[8:16, 36:44] = 2, 1
    bench = Bench(fake_network, Finds(masks), model_file)
    bench.segment(Image("cells", spots(90, 80, 40), "YX"))
    yield bench
    fake_network.gate.set()
    bench.comparison.close()
    bench.session.close()


def test_it_shows_what_would_be_and_changes_nothing(bench):
    before, model = bench.labels().copy(), bench.session.model
    bench.compare()
    shown = bench.comparison.shown
    assert shown.labels[8, 4] == before[8, 4] == 1  # the same cell, the same number
    assert shown.labels[8, 20] == 0
    assert shown.labels[8, 36] > 2
    assert shown.text == "With “other”: 1 of 2 cells change, and 1 more."
    assert bench.session.status.text == shown.text
    np.testing.assert_array_equal(bench.labels(), before)
    assert bench.session.model is model
    assert bench.comparison.network().path == bench.session.versions.path(bench.version)


def test_hand_work_stays(bench):
    tools = bench.session.tools(bench.session.image)
    after = bench.labels().copy()
    after[24:28, 4:8] = 7
    tools.stroke("brush", {(): compare(bench.labels(), after)})
    bench.compare()
    assert (bench.comparison.shown.labels[24:28, 4:8] == 7).all()


def test_without_masks_there_is_nothing_to_compare_with(bench, spots):
    bench.session.image = Image("new", spots(90, 10), "YX")
    bench.compare()
    assert bench.session.status.text.startswith("Segment this frame first")
    assert bench.comparison.shown is None


def test_a_model_of_other_channels(bench, model_file):
    two = model_file("two.safetensors", name="two", in_channels=2)
    bench.version = bench.session.versions.take_in(two)
    bench.compare()
    assert bench.session.status.text.startswith("“two” takes 2 channels")


def test_a_candidate_is_answered_first(bench):
    bench.comparison.tuning.trial = object()
    bench.compare()
    assert bench.session.status.text.startswith("Accept or discard")


@pytest.mark.parametrize("name", ["image", "model", "segment", "trial"])
def test_it_ends_when_something_else_is_looked_at(bench, name, model_file, spots):
    bench.compare()
    match name:
        case "image":
            bench.session.image = Image("new", spots(90), "YX")
        case "model":
            bench.session.open_model(model_file("n.safetensors"))
        case "segment":
            bench.session.segment()
        case "trial":
            bench.comparison.tuning.trial = object()
    assert bench.comparison.shown is None


def test_ending_it_while_it_runs(bench):
    bench.comparison.start(bench.version)
    bench.comparison.end()
    assert not bench.comparison.running
    while not bench.calls.empty():
        bench.calls.get()()
    assert bench.comparison.shown is None
    assert bench.session.status.text == ""


def test_a_failure_is_told(bench):
    bench.comparison.network().error = RuntimeError("CUDA out of memory")
    bench.compare()
    assert bench.session.status.text == "The models were not compared."
    assert bench.comparison.shown is None


def test_a_file_that_is_gone_is_told(bench):
    bench.session.versions.path(bench.version).unlink()
    bench.compare()
    assert "cannot be read: No such file" in bench.session.status.failure.what


def test_a_version_without_the_level_is_run_whole(bench, model_file, layered):
    bench.session.open_model(model_file("deep.safetensors", spec=layered))
    bench.session.options = SegmentOptions(prune=2)
    bench.compare()
    assert bench.comparison.network().prune is None
    assert bench.session.options.prune == 2
    bench.version = bench.session.versions.take_in(model_file("deep.safetensors", spec=layered))
    bench.compare()
    assert bench.comparison.network().prune == 2
