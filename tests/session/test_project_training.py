from pathlib import Path

import pytest

from napari_touchup.core.delta import compare
from napari_touchup.core.entries import ImageRecord
from napari_touchup.core.scores import Pair, Scores
from napari_touchup.engine.lessons import Candidate
from napari_touchup.io.images import write_image
from napari_touchup.io.project import ProjectFile
from napari_touchup.nn.header import DEFAULT_MODEL, read_header
from napari_touchup.session.current import model_of
from napari_touchup.session.fine_tune_request import How
from napari_touchup.session.gallery import Gallery
from napari_touchup.session.images import Image
from napari_touchup.session.ledger import Ledger
from napari_touchup.session.project import Project
from napari_touchup.session.project_training import ProjectTraining, listed
from napari_touchup.session.tools import Tools


@pytest.fixture
def folder(tmp_path, spots):
    """A project with one image in a file, two cells of which a person painted."""
    image = Image("cells", spots(90, 40), "YX", path=tmp_path / "cells.tif")
    write_image(image.path, image.data, "YX")
    project = Project(Ledger(ProjectFile.create(tmp_path / "a.touchup")))
    project.ledger.put_image(Gallery().record(image))
    tools = Tools(project, image.key, image.plane_shape)
    for label, x in ((1, 4), (2, 20)):
        before = tools.state(()).labels
        after = before.copy()
        after[8:16, x : x + 8] = label
        tools.stroke("brush", {(): compare(before, after)})
    project.close()
    return tmp_path / "a.touchup"


@pytest.fixture
def training(folder):
    training = ProjectTraining(folder, write=True)
    yield training
    training.close()


def test_a_request_changes_nothing(training, folder, tmp_path):
    request = training.request(How(), tmp_path / "out.safetensors")
    assert (request.base, request.current) == (DEFAULT_MODEL, DEFAULT_MODEL)
    assert request.name == f"{read_header(DEFAULT_MODEL).name}, fine-tuned"
    assert sum(lesson.objects for lesson in request.lessons) == 2
    assert model_of(folder) is None
    assert training.away == ()


def test_accept(training, folder):
    request = training.request(How())
    assert request.out.parent == folder / "models"
    request.out.write_bytes(b"a model")
    version = training.accept(Candidate(request.out, Scores((Pair(0.5, 0.75),))))
    assert training.path(version).read_bytes() == b"a model"
    assert (version.number, version.parent, version.corrections) == (1, 0, 2)
    assert version.scores["corrected_iou_after"] == 0.75
    assert model_of(folder) == training.path(version) == training.model


def test_who_writes_there_is_told(training, folder):
    with pytest.raises(PermissionError, match=r"is open in another window .*-o MODEL"):
        ProjectTraining(folder, write=True)
    ProjectTraining(folder, write=False).close()


def test_listed():
    records = (
        ImageRecord("1", "a", Path("folder/a.tif"), "YX", False, (4, 4)),
        ImageRecord("2", "b", None, "YX", False, (4, 4)),
    )
    assert listed(records) == f"a ({Path('folder/a.tif')}), b (in memory only)"
