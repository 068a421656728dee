import dataclasses
from queue import Queue

import numpy as np
import pytest

from napari_touchup.core.delta import compare
from napari_touchup.core.normalize import limits
from napari_touchup.options import InstanceOptions, SegmentOptions
from napari_touchup.session.images import Image
from napari_touchup.session.project import Counts
from napari_touchup.session.segment_run import LOADING
from napari_touchup.session.session import Session


class Loop:
    """A session, and the calls of its jobs made one by one by the test."""

    def __init__(self, network, model):
        self.calls = Queue()
        self.session = Session(network=network, dispatch=self.calls.put, model=model)
        self.shown = []  # (image's name, index, number of objects)
        self.texts = []
        self.session.frame_done.connect(self._on_frame_done)
        self.session.events.status.connect(lambda status: self.texts.append(status.text))

    def _on_frame_done(self, image, done):
        self.shown.append((image.name, done.index, int(done.masks.max())))

    def until(self, condition):
        while not condition():
            self.calls.get(timeout=20)()

    def finish(self):
        self.until(lambda: not self.session.running)

    def remade(self, count):
        self.until(lambda: len(self.shown) >= count)


@pytest.fixture
def loop(fake_network, model_choice):
    loop = Loop(fake_network, model_choice())
    yield loop
    fake_network.gate.set()
    loop.session.close()


@pytest.fixture
def movie(spots):
    """Frames with 1, 2 and 3 objects of 64 pixels."""
    frames = [spots(90), spots(90, 60), spots(90, 60, 90)]
    return Image("movie", np.stack(frames), "TYX")


def test_segment_shows_masks_and_says_what_it_does(loop, movie):
    loop.session.image, loop.session.frame = movie, (1,)
    loop.session.segment()
    assert loop.session.status.text == LOADING
    assert loop.session.running
    loop.finish()
    assert loop.shown == [("movie", (1,), 2)]
    assert loop.session.status.kind == "done"
    assert loop.session.status.text == "2 cells, median 9 px\nloaded"
    assert loop.session.device == "a fake device"
    assert [text.partition(",")[0] for text in loop.texts if "ile" in text] == [
        "Tile 1 of 2",
        "Tile 2 of 2",
    ]


def test_all_frames(loop, movie, fake_network):
    loop.session.image = movie
    loop.session.segment([(0,), (1,), (2,)])
    loop.finish()
    assert loop.shown == [("movie", (0,), 1), ("movie", (1,), 2), ("movie", (2,), 3)]
    assert loop.session.status.text.startswith("3 frames, 6 cells")
    assert fake_network.loads == 1


def test_window(loop, movie, fake_network):
    loop.session.image, loop.session.frame = movie, (2,)
    loop.session.segment(window=(slice(0, 32), slice(0, 16)))
    loop.finish()
    assert loop.shown == [("movie", (2,), 1)]
    assert fake_network.read == [(1, 32, 16)]


def test_a_window_is_normalised_as_the_whole_frame(loop, movie, fake_network):
    movie.data[0, 20:, 40:] = 250
    loop.session.image, loop.session.frame = movie, (0,)
    loop.session.segment()
    loop.finish()
    assert fake_network.limits is None
    loop.session.segment(window=(slice(0, 32), slice(0, 16)))
    loop.finish()
    np.testing.assert_array_equal(fake_network.limits, limits(movie.data[:1]))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"image": None}, "Open an image first"),
        ({"model": None}, "Choose a model first"),
        ({"channels": (None, None)}, "takes 2 channels"),
    ],
)
def test_asks_for_what_is_missing(loop, movie, change, words):
    loop.session.image = movie
    for name, value in change.items():
        setattr(loop.session, name, value)
    loop.session.segment()
    assert loop.session.status.kind == "ask"
    assert words in loop.session.status.text
    assert not loop.session.running


def test_failure_of_any_kind_ends_the_run(loop, movie, fake_network):
    fake_network.error = RuntimeError("CUDA out of memory")
    loop.session.image, loop.session.frame = movie, (0,)
    loop.session.segment()
    loop.finish()
    assert loop.session.status.kind == "failed"
    assert loop.session.status.failure.what == "There was not enough memory."
    fake_network.error = None
    loop.session.segment()
    loop.finish()
    assert loop.session.status.kind == "done"


def test_stop_keeps_finished_frames(loop, movie, fake_network):
    loop.session.image = movie
    fake_network.gate.clear()
    fake_network.free = 1
    loop.session.segment([(0,), (1,), (2,)])
    loop.remade(1)
    loop.session.stop()
    assert loop.session.status.text == "Stopping after this tile"
    fake_network.gate.set()
    loop.finish()
    assert loop.session.status.text.startswith("Stopped: 1 of 3 frames done.")
    assert loop.shown == [("movie", (0,), 1)]


def test_events_of_a_closed_session_are_dropped(loop, movie, fake_network):
    fake_network.gate.clear()
    loop.session.image, loop.session.frame = movie, (0,)
    loop.session.segment()
    job = loop.session._run._job
    loop.session.close()
    fake_network.gate.set()
    assert job.wait(10)
    while not loop.calls.empty():
        loop.calls.get()()
    assert loop.shown == []


def test_masks_are_made_again_without_the_network(loop, movie, fake_network):
    loop.session.image, loop.session.frame = movie, (1,)
    loop.session.segment()
    loop.finish()
    loop.session.instances = InstanceOptions(threshold=0.7)
    loop.remade(2)
    assert loop.shown[1] == ("movie", (1,), 1)
    assert len(fake_network.read) == 1
    assert loop.session.status.text == "1 cell, median 9 px"


def test_of_many_wishes_only_the_last_waits(loop, movie, fake_network):
    loop.session.image, loop.session.frame = movie, (1,)
    loop.session.segment()
    loop.finish()
    before = fake_network.remade
    for threshold in (0.1, 0.2, 0.3, 0.4, 0.7):
        loop.session.instances = InstanceOptions(threshold=threshold)
    loop.until(lambda: loop.shown[-1] == ("movie", (1,), 1))
    assert fake_network.remade - before <= 2


def test_apply_to_the_other_frames(loop, movie):
    loop.session.image, loop.session.frame = movie, (0,)
    loop.session.segment([(0,), (1,), (2,)])
    loop.finish()
    assert loop.session.outdated == ()
    loop.session.instances = InstanceOptions(threshold=0.7)
    assert loop.session.outdated == ((1,), (2,))
    loop.session.tools(movie).finish((2,), True)
    loop.remade(4)
    assert loop.session.outdated == ((1,),)
    loop.session.apply_to_outdated()
    assert loop.session.outdated == ()  # they are promised
    loop.remade(5)
    assert loop.shown[3:] == [("movie", (0,), 1), ("movie", (1,), 1)]
    assert loop.session.outdated == ()


def painted(session, movie, index, label=40):
    """A person paints a cell of 4 x 4 px where nothing is."""
    state = session.tools(movie).state(index)
    after = state.labels.copy()
    after[24:28, 56:60] = label
    session.tools(movie).stroke("brush", {index: compare(state.labels, after)})


def labels(session, movie, index):
    return session.project.state(movie.key, index, movie.plane_shape).labels


def test_new_masks_spare_what_a_person_painted(loop, movie):
    loop.session.image, loop.session.frame = movie, (1,)
    loop.session.segment()
    loop.finish()
    painted(loop.session, movie, (1,))
    loop.session.instances = InstanceOptions(threshold=0.95)
    loop.remade(2)
    assert np.unique(labels(loop.session, movie, (1,))).tolist() == [0, 40]
    loop.session.segment()
    loop.finish()
    assert (labels(loop.session, movie, (1,))[24:28, 56:60] == 40).all()


def test_a_frame_that_is_done_is_not_changed_unasked(loop, movie):
    loop.session.image, loop.session.frame = movie, (1,)
    loop.session.tools(movie).finish((1,), True)
    loop.session.segment([(0,), (1,)])
    assert loop.session.status.kind == "ask"
    (leave, leave_it), _ = loop.session.status.choices
    assert leave == "Leave it"
    leave_it()
    loop.finish()
    assert loop.shown == [("movie", (0,), 1)]


def test_a_frame_that_is_done_is_changed_when_a_person_says_so(loop, movie):
    loop.session.image, loop.session.frame = movie, (1,)
    loop.session.tools(movie).finish((1,), True)
    loop.session.segment()
    loop.session.status.choices[1][1]()
    loop.finish()
    assert loop.shown == [("movie", (1,), 2)]
    assert labels(loop.session, movie, (1,)).max() == 2


def test_the_end_of_the_review_during_a_run_protects_the_frame(loop, movie, fake_network):
    fake_network.gate.clear()
    loop.session.image, loop.session.frame = movie, (1,)
    loop.session.segment()
    loop.session.tools(movie).finish((1,), True)
    fake_network.gate.set()
    loop.finish()
    assert loop.shown == []


def test_sliders_ask_before_they_change_a_frame_that_is_done(loop, movie):
    loop.session.image, loop.session.frame = movie, (1,)
    loop.session.segment()
    loop.finish()
    loop.session.tools(movie).finish((1,), True)
    loop.session.instances = InstanceOptions(threshold=0.7)
    assert loop.session.status.kind == "ask"
    loop.session.status.choices[1][1]()
    loop.remade(2)
    assert loop.shown[1] == ("movie", (1,), 1)


def test_masks_that_come_while_a_brush_is_down_wait_for_its_end(loop, movie):
    loop.session.image, loop.session.frame = movie, (1,)
    loop.session.painting = movie
    loop.session.segment()
    loop.finish()
    assert loop.shown == []
    loop.session.painting = None
    assert loop.shown == [("movie", (1,), 2)]


def test_undo_says_what_it_took_back_and_shows_where(loop, movie):
    places = []
    loop.session.shown_frame.connect(lambda image, frame: places.append((image, frame)))
    loop.session.image = movie
    painted(loop.session, movie, (2,))
    assert loop.session.counts == Counts(teach=1)
    loop.session.frame = (0,)
    loop.session.undo()
    assert loop.session.status.text == "Undo: brush stroke"
    assert places == [(movie.key, (2,))]
    assert loop.session.counts == Counts()
    loop.session.redo()
    assert loop.session.status.text == "Redo: brush stroke"
    assert (labels(loop.session, movie, (2,))[24:28, 56:60] == 40).all()


def test_undo_stops_at_new_masks_and_says_why(loop, movie):
    loop.session.image, loop.session.frame = movie, (1,)
    painted(loop.session, movie, (1,))
    loop.session.segment()
    loop.finish()
    loop.session.undo()
    assert "made anew after this brush stroke" in loop.session.status.text
    assert loop.session.counts.teach == 1


def test_masks_that_are_gone_can_be_restored(loop, movie):
    wanted = []
    loop.session.masks_wanted.connect(wanted.append)
    loop.session.note_masks_gone(movie)
    assert loop.session.status.kind == "idle"  # there were none
    loop.session.image, loop.session.frame = movie, (1,)
    loop.session.segment()
    loop.finish()
    loop.session.note_masks_gone(movie)
    assert [text for text, _ in loop.session.status.choices] == ["Restore masks", "Leave it"]
    loop.session.status.choices[0][1]()
    assert wanted == [movie]


def test_results_of_an_image_stay_its_own(loop, movie, spots, fake_network):
    fake_network.gate.clear()
    loop.session.image, loop.session.frame = movie, (0,)
    loop.session.segment()
    loop.session.image = Image("other", spots(90, 90), "YX")
    loop.session.frame = ()
    fake_network.gate.set()
    loop.finish()
    assert loop.shown == [("movie", (0,), 1)]


def test_a_file_that_is_no_model(loop, tmp_path):
    path = tmp_path / "no.safetensors"
    path.write_bytes(b"nothing")
    chosen = loop.session.model
    loop.session.open_model(path)
    assert loop.session.status.kind == "failed"
    assert loop.session.model is chosen


def test_model_with_two_channels(loop, spots, model_choice, fake_network):
    loop.session.image = Image("two", np.stack([spots(90), spots(90)]), "CYX")
    assert [channel.label for channel in loop.session.channels] == ["1"]
    loop.session.model = model_choice(2)
    assert [channel.label for channel in loop.session.channels] == ["1", "2"]
    loop.session.segment()
    loop.finish()
    assert fake_network.read == [(2, 32, 64)]


def test_state_tells_of_its_changes(loop):
    heard = []
    for name in ("options", "instances", "frame", "running"):
        loop.session.events[name].connect(lambda name=name: heard.append(name), max_args=0)
    loop.session.frame = (1,)
    loop.session.frame = (1,)
    loop.session.instances = InstanceOptions(h=0.3)
    assert heard == ["frame", "instances"]


def test_a_frame_that_comes_to_be_shown_still_counts_as_outdated(loop, movie):
    loop.session.image, loop.session.frame = movie, (0,)
    loop.session.segment([(0,), (1,)])
    loop.finish()
    loop.session.instances = InstanceOptions(threshold=0.7)
    loop.session.frame = (1,)
    loop.remade(3)
    assert loop.session.outdated == ((1,),)
    loop.session.apply_to_outdated()
    loop.remade(4)
    assert loop.shown[3] == ("movie", (1,), 1)


def test_apply_at_once_after_a_slider_forgets_no_frame(loop, movie, fake_network):
    loop.session.image, loop.session.frame = movie, (0,)
    loop.session.segment([(0,), (1,), (2,)])
    loop.finish()
    loop.session.instances = InstanceOptions(threshold=0.95)
    loop.session.apply_to_outdated()
    loop.until(lambda: {shown[1:] for shown in loop.shown[3:]} == {((n,), 0) for n in range(3)})
    assert loop.session.outdated == ()


def test_a_slider_that_moves_during_the_run_is_followed_after_it(loop, movie, fake_network):
    fake_network.gate.clear()
    loop.session.image, loop.session.frame = movie, (1,)
    loop.session.segment()
    loop.session.instances = InstanceOptions(threshold=0.7)
    fake_network.gate.set()
    loop.remade(2)
    assert loop.shown == [("movie", (1,), 2), ("movie", (1,), 1)]


def test_masks_of_older_maps_do_not_replace_those_of_a_newer_run(loop, movie, fake_network):
    loop.session.image, loop.session.frame = movie, (1,)
    loop.session.segment()
    loop.finish()
    old = movie.frames[1,]
    loop.session.instances = InstanceOptions(threshold=0.7)
    fresh = dataclasses.replace(old, maps=old.maps.copy())
    movie.frames.put((1,), fresh)  # as a run would, while the masks of the old maps are made
    loop.until(lambda: loop.session._remaker._job is None)
    assert movie.frames[1,].maps is fresh.maps


def test_the_answer_to_a_question_is_about_the_frame_that_was_asked_about(loop, movie):
    loop.session.image, loop.session.frame = movie, (1,)
    loop.session.segment([(1,), (2,)])
    loop.finish()
    for index in ((1,), (2,)):
        loop.session.tools(movie).finish(index, True)
    loop.session.instances = InstanceOptions(threshold=0.7)
    change_it = loop.session.status.choices[1][1]
    loop.session.frame = (2,)
    assert loop.session.status.kind == "idle"  # the question was about the other frame
    change_it()
    loop.remade(3)
    assert loop.shown[2][1] == (1,)
    assert labels(loop.session, movie, (2,)).max() == 3


def test_to_leave_the_only_frame_drops_the_question(loop, movie):
    loop.session.image, loop.session.frame = movie, (1,)
    loop.session.tools(movie).finish((1,), True)
    loop.session.segment()
    loop.session.status.choices[0][1]()
    assert loop.session.status.kind == "idle"
    assert not loop.session.running


def test_channels_that_do_not_go_together_are_said(loop, movie, spots, model_choice):
    loop.session.image, loop.session.model = movie, model_choice(2)
    other = Image("other", np.stack([spots(90)] * 3), "ZYX")
    loop.session.channels = (movie.channels[0], other.channels[0])
    loop.session.segment()
    assert "do not go together" in loop.session.status.text


def test_advice_stays_and_is_not_part_of_the_status(loop, movie, fake_network):
    fake_network.advice = "There is a card. See https://example.org"
    loop.session.image, loop.session.frame = movie, (0,)
    loop.session.segment()
    loop.finish()
    assert loop.session.advice == "There is a card. See https://example.org"
    assert loop.session.status.text == "1 cell, median 9 px\nloaded"


def test_a_change_of_the_level_loads_the_network_again(loop, movie, model_choice, layered):
    network, session = loop.session.network, loop.session
    session.image, session.model = movie, model_choice(spec=layered)
    for prune in (None, 2, 2, 3):
        session.options = SegmentOptions(prune=prune)
        session.segment()
        loop.finish()
        assert network.prune == prune
    assert network.loads == 3


def test_a_model_without_the_level_is_run_whole(loop, model_choice, layered):
    session = loop.session
    session.model = model_choice(spec=layered)
    session.options = SegmentOptions(prune=2, tile=64)
    session.model = model_choice(spec=layered.model_copy(update={"depth": 2}))
    assert session.options == SegmentOptions(prune=2, tile=64)
    session.model = model_choice(spec=layered.model_copy(update={"depth": 1}))
    assert session.options == SegmentOptions(tile=64)
    session.options = SegmentOptions(prune=1)
    session.model = model_choice()
    assert session.options == SegmentOptions()
