from queue import Queue

import numpy as np
import pytest

from napari_touchup.core.delta import Delta, Patch
from napari_touchup.io.project import ProjectFile
from napari_touchup.session.frames import Kept
from napari_touchup.session.images import Image
from napari_touchup.session.ledger import Ledger
from napari_touchup.session.linking import Linking
from napari_touchup.session.project import Project
from napari_touchup.session.session import Session

WHOLE = (slice(0, 1), slice(0, 6))


class Film:
    """Four frames of one row, in which two cells have other labels in each frame."""

    rows = ([1, 1, 0, 2, 2, 0], [2, 2, 0, 0, 1, 1], [5, 5, 0, 3, 0, 1], [0, 2, 0, 7, 7, 0])

    def __init__(self, network):
        self.calls = Queue()
        self.session = Session(network=network, dispatch=self.calls.put)
        self.linking = Linking(self.session)
        self.image = Image("film", np.arange(24, dtype=np.uint8).reshape(4, 1, 6), "TYX")
        self.session.image = self.image
        for index in range(4):
            self.predict(index)

    @property
    def project(self):
        return self.session.project

    def predict(self, index):
        masks = np.array([self.rows[index]], np.uint16)
        kept = Kept(masks.astype(np.float16)[None], "maps", None, self.session.instances)
        self.session.show(self.image, (index,), masks, kept)

    def until(self, condition):
        while not condition():
            self.calls.get(timeout=20)()

    def link(self):
        done = []
        self.linking.link(lambda: done.append(True))
        self.until(lambda: done)

    def tools(self):
        return self.session.tools(self.image)

    def state(self, index):
        return self.tools().state((index,))

    def labels(self):
        return [self.state(index).labels[0].tolist() for index in range(4)]

    def stroke(self, index, x, label):
        before = self.state(index).labels[:, x : x + 1].copy()
        patch = Patch((slice(0, 1), slice(x, x + 1)), before, np.full_like(before, label))
        self.tools().stroke("brush", {(index,): patch})


UNLINKED = [list(row) for row in Film.rows]
LINKED = [[1, 1, 0, 2, 2, 0], [1, 1, 0, 0, 2, 2], [1, 1, 0, 3, 0, 2], [0, 1, 0, 3, 3, 0]]


@pytest.fixture
def film(fake_network):
    film = Film(fake_network)
    yield film
    film.linking.close()
    film.session.close()


def test_one_cell_keeps_one_label(film):
    film.session.link = "T"
    film.link()
    assert film.labels() == LINKED
    assert film.session.status.text == "Linked through T: 3 cells in 4 frames"
    film.link()  # nothing is left to change
    assert film.labels() == LINKED


@pytest.mark.parametrize("axis", [None, "Z"])
def test_without_such_an_axis_nothing_is_linked(film, axis):
    film.session.link = axis
    film.link()
    assert film.labels() == UNLINKED
    assert film.session.status.text == ""


def test_of_an_object_only_the_label_changes(film):
    film.tools().confirm((2,), [5])
    film.stroke(2, 2, 5)
    film.stroke(1, 3, 1)
    film.tools().delete((1,), [2])
    film.tools().finish((1,), True)
    before = [dict(film.state(index).objects) for index in range(4)]
    counts, corrected = film.project.counts(), film.project.corrected()
    film.session.link = "T"
    film.link()
    # the cell that was deleted from the second frame is a new one in the third
    assert film.labels() == [
        [1, 1, 0, 2, 2, 0],
        [0, 0, 0, 2, 2, 2],
        [4, 4, 4, 3, 0, 2],
        [0, 4, 0, 3, 3, 0],
    ]
    after = [film.state(index).objects for index in range(4)]
    assert [list(known) for known in before] == [[], [1, -4], [5], []]
    assert after[1] == {2: before[1][1], -4: before[1][-4]}
    assert after[2] == {4: before[2][5]}
    assert film.project.objects(film.image.key, (2,)) == {4: before[2][5]}
    assert (film.project.counts(), film.project.corrected()) == (counts, corrected)
    assert film.project.is_done(film.image.key, (1,))


def test_undo_takes_back_the_links_then_what_was_done_before(film):
    film.stroke(3, 2, 2)
    film.session.link = "T"
    film.link()
    assert film.labels()[3] == [0, 1, 1, 3, 3, 0]
    film.session.undo()
    assert film.session.status.text == "Undo: linked frames"
    assert film.labels() == [*UNLINKED[:3], [0, 2, 2, 7, 7, 0]]
    film.session.undo()
    assert film.labels() == UNLINKED
    film.session.redo()
    film.session.redo()
    assert film.labels() == [*LINKED[:3], [0, 1, 1, 3, 3, 0]]


def test_new_masks_in_one_frame_do_not_bind_the_others(film):
    film.stroke(3, 2, 2)
    film.session.link = "T"
    film.link()
    film.predict(1)
    film.session.undo()
    film.session.undo()
    assert film.session.status.text == "Undo: brush stroke"
    assert film.labels() == UNLINKED
    film.session.undo()
    assert film.session.status.text == "There is nothing to undo."


def test_links_that_were_all_replaced_are_passed_over(film):
    film.stroke(0, 2, 3)
    film.session.link = "T"
    film.link()
    for index in range(1, 4):
        film.predict(index)
    film.session.undo()
    assert film.session.status.text == "Undo: brush stroke"


def test_a_stroke_meanwhile_is_linked_too(film):
    film.session.link = "T"
    film.linking.link()
    film.stroke(
        3, 5, 1
    )  # before any answer came; it is the second cell's label, which has another by now
    film.link()
    assert film.labels() == [*LINKED[:3], [0, 1, 0, 3, 3, 2]]


def test_a_brush_that_is_down_is_waited_for(film):
    done = []
    film.session.painting = film.image
    film.session.link = "T"
    film.linking.link(lambda: done.append(True))
    assert film.labels() == UNLINKED
    film.session.painting = None
    film.until(lambda: done)
    assert film.labels() == LINKED


def test_it_is_rebuilt_from_the_ledger_alone(film, tmp_path):
    film.stroke(2, 2, 5)
    uid = film.state(2).objects[5].uid
    film.session.link = "T"
    film.link()
    film.project.ledger.adopt(
        ProjectFile.create(tmp_path / "a.touchup", film.project.ledger.identity)
    )
    film.session.close()
    project = Project(Ledger(ProjectFile.open(tmp_path / "a.touchup")))
    assert project.objects(film.image.key, (2,))[1].uid == uid
    assert project.state(film.image.key, (2,), (1, 6)).labels.tolist() == [[1, 1, 1, 3, 0, 2]]
    assert project.state(film.image.key, (2,), (1, 6)).objects[1].uid == uid
    assert project.corrected() == ((film.image.key, (2,)),)
    project.close()


def test_a_film_is_linked_after_a_run(fake_network, model_choice, spots):
    calls = Queue()
    session = Session(network=fake_network, dispatch=calls.put, model=model_choice())
    linking = Linking(session)
    session.image = Image("film", np.stack([spots(90, 60), spots(0, 60), spots(90, 60)]), "TYX")
    session.link = "T"
    session.segment([(0,), (1,), (2,)])
    while "Linked" not in session.status.text:
        calls.get(timeout=20)()
    assert session.status.text.splitlines()[0].startswith("3 frames, 5 cells")
    assert session.status.text.splitlines()[-1] == "Linked through T: 3 cells in 3 frames"
    tools = session.tools(session.image)
    assert [np.unique(tools.state((n,)).labels).tolist() for n in range(3)] == [
        [0, 1, 2],
        [0, 2],
        [0, 2, 3],
    ]
    linking.close()
    session.close()


def test_planes_of_two_times_share_no_label(fake_network):
    calls = Queue()
    session = Session(network=fake_network, dispatch=calls.put)
    linking = Linking(session)
    image = session.image = Image("stack", np.arange(8, dtype=np.uint8).reshape(2, 2, 1, 2), "TZYX")
    for index, label in {(0, 0): 3, (0, 1): 4, (1, 0): 4, (1, 1): 1}.items():
        masks = np.full((1, 2), label, np.uint16)
        session.show(image, index, masks, Kept(masks[None], "maps", None, session.instances))
    done = []
    session.link = "Z"
    linking.link(lambda: done.append(True))
    while not done:
        calls.get(timeout=20)()
    tools = session.tools(image)
    found = {
        index: int(tools.state(index).labels[0, 0]) for index in session.project.masked(image.key)
    }
    assert found == {(0, 0): 1, (0, 1): 1, (1, 0): 2, (1, 1): 2}
    linking.close()
    session.close()


def test_a_renumbering_turned_round_is_itself():
    delta = Delta(numbers=((1, 2), (2, 5)))
    assert delta.reversed().numbers == ((2, 1), (5, 2))
    assert delta.box is None
    assert delta
