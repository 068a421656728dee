from queue import Queue

import numpy as np
import pytest

from napari_touchup.core.delta import compare
from napari_touchup.io.project import ProjectFile
from napari_touchup.io.projects import known_projects
from napari_touchup.session.images import Image
from napari_touchup.session.keeper import READ_ONLY, Keeper
from napari_touchup.session.project import Counts
from napari_touchup.session.ring import ring_of
from napari_touchup.session.session import Session


class Window:
    """A session that keeps its project; the test makes the calls of its jobs."""

    def __init__(self, network, model):
        self.calls = Queue()
        self.session = Session(network=network, dispatch=self.calls.put, model=model)
        self.keeper = Keeper(self.session)

    def until(self, condition):
        while not condition():
            self.calls.get(timeout=20)()

    def close(self):
        self.session.close()
        while not self.calls.empty():
            self.calls.get()()

    def paint(self, image, label=9, y=24, index=()):
        tools = self.session.tools(image)
        before = tools.state(index).labels
        after = before.copy()
        after[y : y + 4, 40:44] = label
        tools.stroke("brush", {index: compare(before, after)})

    def labels(self, image, index=()):
        return self.session.tools(image).state(index).labels


@pytest.fixture
def window(fake_network, model_choice):
    windows = []

    def make():
        windows.append(Window(fake_network, model_choice()))
        return windows[-1]

    yield make
    for one in windows:
        one.close()


def cells(spots, path=None):
    return Image("cells", spots(90, 60), "YX", path=path)


def test_looking_makes_no_project(window, spots, projects):
    one = window()
    one.session.image = cells(spots)
    one.session.segment()
    one.until(lambda: not one.session.running)
    assert not projects.exists()
    assert one.session.saved == ""


def test_the_first_stroke_makes_a_project_and_says_where(window, spots, projects):
    one = window()
    one.session.image = image = cells(spots)
    one.paint(image)
    one.until(lambda: one.session.saved.startswith("Saved "))
    assert one.session.saved.endswith(f"in {projects / 'cells.touchup'}")
    one.close()
    with ProjectFile.open(projects / "cells.touchup") as store:
        assert [entry.kind for entry in store.entries()] == ["brush"]


def test_masks_states_and_roles_are_as_they_were(window, spots):
    one = window()
    one.session.image = image = cells(spots)
    one.session.segment()
    one.until(lambda: not one.session.running)
    one.paint(image)
    one.session.tools(image).confirm((), [1])
    before, objects = one.labels(image).copy(), dict(one.session.project.objects(image.key, ()))
    one.close()

    two = window()
    again = cells(spots)
    two.session.image = again
    two.until(lambda: two.session.status.kind == "ask")
    assert two.session.status.text.startswith("You worked on this image before: 2 corrections")
    (resume, go_on), _ = two.session.status.choices
    assert resume == "Resume"
    go_on()
    np.testing.assert_array_equal(two.labels(again), before)
    assert two.session.project.objects(again.key, ()) == objects
    assert two.session.counts == Counts(teach=2)
    assert two.session.status.text == "Going on with “cells”."


def test_the_channel_is_the_one_it_was(window, spots):
    """On the first one the lessons would be cut from other pixels than before."""

    def movie():
        return Image("cells", np.stack([spots(90), spots(60)]), "CYX")

    one = window()
    one.session.image = image = movie()
    one.session.channels = image.channels[1:]
    one.session.segment()
    one.until(lambda: not one.session.running)
    one.paint(image)
    one.close()

    two = window()
    two.session.image = movie()
    two.until(lambda: two.session.status.kind == "ask")
    two.session.status.choices[0][1]()
    assert [channel.label for channel in two.session.channels] == ["2"]
    assert two.session.status.text == "Going on with “cells”."


def test_an_image_that_was_open_before_is_looked_up_too(window, spots, fake_network, model_choice):
    one = window()
    one.session.image = cells(spots)
    one.paint(one.session.image)
    one.close()
    two = window()
    session = Session(network=fake_network, dispatch=two.calls.put, model=model_choice())
    session.image = cells(spots)
    keeper = Keeper(session)
    two.until(lambda: session.status.kind == "ask")
    assert not keeper.can_move
    session.close()


def test_starting_anew_makes_another_project(window, spots, projects):
    one = window()
    one.session.image = cells(spots)
    one.paint(one.session.image)
    one.close()
    two = window()
    two.session.image = cells(spots)
    two.until(lambda: two.session.status.kind == "ask")
    two.session.status.choices[1][1]()
    two.paint(two.session.image)
    two.until(lambda: two.session.saved.startswith("Saved "))
    assert [path.name for path in known_projects()] == ["cells 2.touchup", "cells.touchup"]


def test_a_second_window_reads_only(window, spots):
    one = window()
    one.session.image = cells(spots)
    one.paint(one.session.image)
    one.until(lambda: one.session.saved.startswith("Saved "))
    two = window()
    two.keeper.resume(one.session.project.ledger.folder)
    assert two.session.status.text == READ_ONLY


def test_the_project_can_lie_beside_the_image(window, spots, tmp_path):
    one = window()
    folder = tmp_path / "images"
    folder.mkdir()
    image = cells(spots, folder / "cells.tif")
    one.session.image = image
    assert not one.keeper.can_move
    one.paint(image)
    one.until(lambda: one.session.saved.startswith("Saved "))
    assert one.keeper.can_move
    one.keeper.keep_beside()
    one.until(lambda: str(folder) in one.session.saved)
    assert not one.keeper.can_move
    assert known_projects() == [folder / "cells.touchup"]
    one.paint(image, y=4)
    one.close()
    with ProjectFile.open(folder / "cells.touchup") as store:
        assert len(list(store.entries())) == 2


def test_where_no_project_can_be_made_work_goes_on_in_memory(window, spots, projects):
    one = window()
    projects.write_text("a file stands where the folder should be")
    one.session.image = image = cells(spots)
    one.paint(image)
    assert one.session.saved.startswith("Not saved yet: ")
    assert one.session.counts == Counts(teach=1)
    projects.unlink()
    one.paint(image, y=4)
    one.until(lambda: one.session.saved.startswith("Saved "))
    one.close()
    with ProjectFile.open(projects / "cells.touchup") as store:
        assert len(list(store.entries())) == 2


def test_a_folder_that_is_no_project_is_told(window, tmp_path):
    one = window()
    one.keeper.resume(tmp_path)
    assert one.session.status.kind == "failed"


def test_new_projects_in_a_folder_of_choice(window, spots, projects, tmp_path):
    first = window()
    first.keeper.place = tmp_path / "mine" / "work"
    image = first.session.image = cells(spots)
    first.paint(image)
    first.until(lambda: first.session.saved.startswith("Saved "))
    assert first.session.saved.endswith(f"in {tmp_path / 'mine' / 'work' / 'cells.touchup'}")
    first.close()
    # it is found again, whatever the folder is now
    assert [path.parent for path in known_projects()] == [tmp_path / "mine" / "work"]
    second = window()
    second.session.image = cells(spots)
    second.until(lambda: second.session.status.kind == "ask")
    assert "1 correction" in second.session.status.text


def test_a_folder_that_cannot_be_made_is_said(window, spots, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    one = window()
    one.keeper.place = tmp_path / "file"
    image = one.session.image = cells(spots)
    one.paint(image)
    assert one.session.saved.startswith("Not saved yet: no project can be made (")


def test_a_project_keeps_the_ring_that_it_began_with(window, spots, projects, tmp_path):
    first = window()
    first.keeper.ring_px = 4
    image = cells(spots)
    first.session.image = image
    first.paint(image)
    first.until(lambda: first.session.project.ledger.folder is not None)
    first.keeper.ring_px = 7  # for projects to come
    assert first.session.project.ring_px == 4
    folder = first.session.project.ledger.folder
    first.close()

    second = window()
    second.keeper.ring_px = 15
    second.keeper.resume(folder)
    assert second.session.project.ring_px == ring_of(second.session.project.ledger) == 4
