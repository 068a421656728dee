from pathlib import Path

import numpy as np
import pytest

from napari_touchup.session.image_queue import QueueItem
from napari_touchup.session.images import Image
from napari_touchup.session.marks import Marks, image_mark
from napari_touchup.session.session import Session


@pytest.fixture
def movie(spots):
    return Image("movie", np.stack([spots(90), spots(60)]), "TYX", path=Path("movie.tif"))


@pytest.fixture
def session(movie):
    session = Session(image=movie)
    for frame in ((0,), (1,)):
        session.project.predict(movie.key, frame, (32, 64), (movie.data[frame] > 0).astype(int))
    yield session
    session.close()


@pytest.mark.parametrize(
    ("actions", "frames", "image"),
    [
        ([], ["to do", "to do"], "to do"),
        ([("confirm", (0,))], ["corrected", "to do"], "corrected"),
        ([("confirm", (0,)), ("unconfirm", (0,))], ["to do", "to do"], "to do"),
        ([("delete", (1,))], ["to do", "corrected"], "corrected"),
        ([("finish", (1,))], ["to do", "done"], "corrected"),
        ([("finish", (0,)), ("finish", (1,))], ["done", "done"], "done"),
        ([("confirm", (0,)), ("finish", (0,))], ["done", "to do"], "corrected"),
    ],
)
def test_marks(session, movie, actions, frames, image):
    tools = session.tools(movie)
    for name, frame in actions:
        getattr(tools, name)(frame, True if name == "finish" else [1])
    marks = Marks(session)
    assert [marks.of(QueueItem("", frame=(n,))) for n in (0, 1)] == frames
    item = QueueItem("movie.tif", Path("movie.tif"))
    assert marks.of(item) == "to do"  # it is not known yet which image this is
    marks.note_opened(Path("movie.tif"), movie)
    assert marks.of(item) == image


def test_a_frame_without_masks_is_not_done(session, movie):
    session.tools(movie).finish((0,), True)
    session.tools(movie).finish((1,), True)
    assert image_mark(session.project, movie.key, 3) == "corrected"


def test_files_that_a_project_knows(session, movie):
    session.tools(movie).confirm((0,), [1])
    marks = Marks(session)
    marks.refresh()
    assert marks.of(QueueItem("movie.tif", Path("movie.tif"))) == "corrected"


def test_no_image_is_open():
    session = Session()
    assert Marks(session).of(QueueItem("T 1", frame=(0,))) == "to do"
    session.close()
