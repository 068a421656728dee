"""The loop with a worker that answers at once; the real one is in tests/engine and tests/ui."""

from queue import Queue

import numpy as np
import pytest

from napari_touchup.core.delta import compare
from napari_touchup.session.fine_tuning import FineTuning
from napari_touchup.session.images import Image
from napari_touchup.session.session import Session


class Loop:
    def __init__(self, network, worker, model):
        self.calls = Queue()
        self.session = Session(network=network, dispatch=self.calls.put, model=model)
        self.worker = worker
        self.tuning = FineTuning(self.session, self.worker)

    def until(self, condition):
        while not condition():
            self.calls.get(timeout=20)()

    def train(self):
        self.tuning.start()
        self.until(lambda: not self.tuning.running and self.calls.empty())
        if self.worker.error is None:
            self.until(lambda: self.tuning.trial is not None)

    def labels(self, image, index=()):
        return self.session.tools(image).state(index).labels


@pytest.fixture
def loop(fake_network, fake_worker, tiny_choice):
    loop = Loop(fake_network, fake_worker, tiny_choice)
    yield loop
    loop.tuning.close()
    loop.session.close()


@pytest.fixture
def image(loop, spots):
    """Two cells, of which one was found; the model will find both."""
    image = Image("cells", spots(90, 40), "YX")
    loop.session.image = image
    loop.session.segment()
    loop.until(lambda: not loop.session.running)
    loop.worker.masks = np.where(image.data > 0, 1, 0).astype(np.uint16)
    loop.worker.masks[:, 16:] *= 2
    return image


def painted(loop, image, y=24, x=40, label=9, index=()):
    state = loop.session.tools(image).state(index)
    after = state.labels.copy()
    after[y : y + 4, x : x + 4] = label
    loop.session.tools(image).stroke("brush", {index: compare(state.labels, after)})


def test_without_corrections_it_says_what_to_do(loop, image):
    loop.tuning.start()
    loop.until(lambda: not loop.tuning.running)
    assert loop.session.status.kind == "ask"
    assert "Nothing teaches yet" in loop.session.status.text
    assert loop.worker.requests == []


def test_a_model_that_cannot_learn_says_so_before_anything_is_read(
    loop, image, model_choice, detecting
):
    painted(loop, image)
    loop.session.model = model_choice(spec=detecting)
    loop.tuning.start()
    assert not loop.tuning.running
    assert loop.session.status.kind == "ask"
    assert loop.session.status.text.startswith("Fine-tuning of models that detect objects is not")
    assert loop.worker.requests == []


def test_one_corrected_cell_is_enough(loop, image):
    painted(loop, image)
    loop.train()
    (request,) = loop.worker.requests
    (lesson,) = request.lessons
    assert lesson.objects == 1
    assert lesson.annotated.sum() > 16  # and its ring
    assert request.checks == ()
    assert request.base.parent == loop.session.versions.folder()


def test_the_ring_is_as_wide_as_that_of_the_project(loop, image):
    loop.session.project.begin_with(0)
    painted(loop, image)
    loop.train()
    (request,) = loop.worker.requests
    (lesson,) = request.lessons
    np.testing.assert_array_equal(lesson.annotated, lesson.truth > 0)


def test_the_model_learns_what_its_channels_are_called(loop, image):
    painted(loop, image)
    loop.train()
    loop.tuning.discard()
    image.rename("DAPI", ("DAPI",))
    loop.train()
    assert [request.channels for request in loop.worker.requests] == [None, ("DAPI",)]


def test_held_out_objects_are_checked_and_do_not_teach(loop, image):
    for n in range(5):
        painted(loop, image, y=20, x=4 + 12 * n, label=20 + n)
    loop.train()
    (request,) = loop.worker.requests
    (check,) = request.checks
    assert check.mask.sum() == 16
    assert sum(lesson.objects for lesson in request.lessons) == 4


def test_the_candidate_changes_nothing_until_it_is_accepted(loop, image):
    painted(loop, image)
    before = loop.labels(image).copy()
    loop.train()
    trial = loop.tuning.trial
    np.testing.assert_array_equal(loop.labels(image), before)
    assert loop.session.model.header.name == "m"
    assert [change.kind for change in trial.changes] == ["gained"]
    assert (trial.labels[before == 1] == 1).all()  # the same number for the same cell
    assert (trial.labels[before == 9] == 9).all()  # hand work stays
    assert "Too few" in trial.verdict.text


def test_accept_makes_it_the_model_and_shows_its_masks(loop, image):
    painted(loop, image)
    loop.train()
    wanted = loop.tuning.trial.labels
    painted(loop, image, y=0, x=0, label=30)  # meanwhile
    loop.tuning.accept()
    assert loop.session.status.text == "Version 1 is the model now."
    assert loop.session.model.header.name == "m, fine-tuned"
    now = loop.labels(image)
    assert (now[0:4, 0:4] == 30).all()
    np.testing.assert_array_equal(now[6:], wanted[6:])
    root, version = loop.session.versions.all()
    assert (version.parent, version.corrections) == (root.number, 1)
    assert version.scores["corrected_iou_after"] == 0.7
    assert loop.tuning.trial is None


def test_discard_leaves_everything_as_it_was(loop, image):
    painted(loop, image)
    before = loop.labels(image).copy()
    loop.train()
    path = loop.tuning.trial.path
    painted(loop, image, y=0, x=0, label=30)
    loop.tuning.discard()
    assert not path.exists()
    assert loop.session.model.header.name == "m"
    assert (loop.labels(image)[0:4, 0:4] == 30).all()
    np.testing.assert_array_equal(loop.labels(image)[6:], before[6:])


def test_the_next_training_begins_with_the_base_again(loop, image):
    painted(loop, image)
    loop.train()
    loop.tuning.accept()
    painted(loop, image, y=0, x=0, label=30)
    loop.train()
    first, second = loop.worker.requests
    assert second.base == first.base
    assert second.current == loop.session.model.path
    assert sum(lesson.objects for lesson in second.lessons) == 2


def test_going_back_to_a_version(loop, image):
    painted(loop, image)
    loop.train()
    loop.tuning.accept()
    root, _ = loop.session.versions.all()
    loop.tuning.use(root)
    assert loop.session.model.header.name == "m"


def test_other_frames_are_offered_and_those_that_are_done_are_not(loop, spots):
    movie = Image("movie", np.stack([spots(90), spots(90, 60), spots(90)]), "TYX")
    loop.session.image, loop.session.frame = movie, (0,)
    loop.session.segment([(0,), (1,), (2,)])
    loop.until(lambda: not loop.session.running)
    loop.session.tools(movie).finish((2,), True)
    painted(loop, movie, index=(0,))
    loop.worker.masks = np.asarray(spots(90) > 0).astype(np.uint16)
    loop.train()
    loop.tuning.accept()
    assert loop.tuning.rest == 1
    loop.tuning.apply_to_rest()
    loop.until(lambda: not loop.session.running)
    assert loop.tuning.rest == 0
    assert loop.session.network.read[-1] == (1, 32, 64)


def test_a_failure_costs_only_the_run(loop, image):
    painted(loop, image)
    loop.worker.error = RuntimeError("the worker is gone")
    loop.train()
    assert loop.session.status.kind == "failed"
    assert loop.tuning.trial is None
    loop.worker.error = None
    loop.train()
    assert loop.tuning.trial is not None


def test_previews_are_of_what_is_seen(loop, image):
    seen = []
    loop.tuning.previewed.connect(seen.append)
    painted(loop, image)
    loop.tuning.previews = True
    loop.tuning.start((slice(4, 20), slice(0, 30)))
    loop.until(lambda: loop.tuning.trial is not None)
    (preview,) = seen
    assert preview.masks.shape == (16, 30)
    assert preview.window == (slice(4, 20), slice(0, 30))


@pytest.mark.parametrize(("device", "expected"), [("CPU (2 threads)", False), ("cuda:0", True)])
def test_previews_are_on_where_a_gpu_was_used(loop, device, expected):
    loop.session.device = device
    assert loop.tuning.previews == expected


def test_corrections_of_other_images_teach_too(loop, image, spots):
    painted(loop, image)
    other = Image("other", spots(10, 90, 80), "YX")
    loop.session.image = other
    painted(loop, other)
    loop.worker.masks = np.asarray(other.data > 50).astype(np.uint16)
    loop.train()
    (request,) = loop.worker.requests
    assert len(request.lessons) == 2
