import json
from queue import Queue

import numpy as np
import pytest

from napari_touchup.core.delta import compare
from napari_touchup.core.scores import Pair, Scores
from napari_touchup.nn.header import DEFAULT_MODEL, content_hash, read_header
from napari_touchup.session import models, versions
from napari_touchup.session.images import Image
from napari_touchup.session.keeper import Keeper
from napari_touchup.session.models import SHARED, Models
from napari_touchup.session.session import Session


class Window:
    """A session that keeps its project; the test makes the calls of its jobs."""

    def __init__(self, network):
        self.calls = Queue()
        self.session = Session(network=network, dispatch=self.calls.put)
        self.keeper = Keeper(self.session)
        self.models = Models(self.session)
        self.told = 0
        self.models.changed.connect(self.count)

    def count(self):
        self.told += 1

    def until(self, condition):
        while not condition():
            self.calls.get(timeout=20)()

    def begin_project(self, path=None):
        """Paint: a project has a folder from the first stroke on."""
        image = Image("cells", np.zeros((16, 16), np.uint8), "YX", path=path)
        self.session.image = image
        tools = self.session.tools(image)
        before = tools.state(()).labels
        after = before.copy()
        after[:4, :4] = 1
        tools.stroke("brush", {(): compare(before, after)})
        self.until(lambda: self.session.project.ledger.folder is not None)

    def learn(self, candidate, corrections=5):
        """Accept a candidate, as after a training."""
        versions = self.session.versions
        root = versions.root(self.session.model.path)
        scores = Scores((Pair(0.5, 0.7),) * 4).as_json()
        version = versions.add(candidate, root, corrections, scores)
        self.models.use(version)
        return version

    @property
    def names(self):
        return [(offer.name, offer.origin) for offer in self.models.offers()]


@pytest.fixture
def window(fake_network):
    one = Window(fake_network)
    yield one
    one.session.close()


def test_the_bundled_one_is_always_there(window):
    assert window.names == [("default", "bundled")]
    assert window.models.offers()[0].path == DEFAULT_MODEL


def test_files_that_were_opened_are_listed_once(window, model_file):
    path = model_file("a.safetensors", name="worms")
    for _ in range(2):
        window.session.open_model(path)
    window.session.open_model(DEFAULT_MODEL)
    assert window.names == [("default", "bundled"), ("worms", "file")]


def test_versions_of_the_project_the_newest_first(window, model_file):
    window.begin_project()
    window.session.open_model(DEFAULT_MODEL)
    first = window.learn(model_file("c.safetensors"))
    window.learn(model_file("c.safetensors"))
    told = window.told
    window.session.versions.rename(first, "my cells")
    assert window.told > told
    assert window.names == [
        ("default", "bundled"), ("version 2", "project"), ("my cells", "project"),
    ]  # fmt: skip


def test_a_project_keeps_the_bundled_model_that_it_began_with(window, model_file, monkeypatch):
    window.begin_project()
    window.session.open_model(DEFAULT_MODEL)
    root = window.session.versions.root(DEFAULT_MODEL)
    assert window.session.versions.path(root) == DEFAULT_MODEL

    newer = model_file("newer.safetensors")  # the next release of this package brings another
    for module in (models, versions):
        monkeypatch.setattr(module, "DEFAULT_MODEL", newer)
    kept = window.session.versions.path(root)
    assert kept.parent.parent == window.session.project.ledger.folder
    assert content_hash(kept) == root.digest
    assert window.names[:2] == [("default", "bundled"), ("default", "project")]
    assert window.session.versions.root(newer).number == root.number + 1


def test_models_from_before_the_project_had_a_folder_come_into_it(window, model_file):
    window.session.open_model(DEFAULT_MODEL)
    version = window.learn(model_file("c.safetensors"))
    root, _ = window.session.versions.all()
    window.begin_project()
    kept = window.session.versions.path(version)
    assert kept.parent == window.session.project.ledger.folder / "models"
    assert content_hash(kept) == version.digest
    assert content_hash(kept.with_name(root.file)) == root.digest


def test_a_thrown_away_one_is_not_listed_and_comes_back(window, model_file):
    window.begin_project()
    window.session.open_model(DEFAULT_MODEL)
    version = window.learn(model_file("c.safetensors"))
    window.models.use(window.session.versions.all()[0])
    window.session.versions.throw_away(version)
    assert window.names == [("default", "bundled")]
    (binned,) = window.session.versions.binned()
    window.session.versions.take_back(binned)
    assert ("version 1", "project") in window.names


def test_bringing_in_without_a_project_opens_the_file(window, model_file):
    path = model_file("a.safetensors", name="worms")
    window.models.bring_in(path)
    assert window.session.model.path == path
    assert window.session.versions.all() == ()


def test_bringing_in_makes_a_root_version_and_uses_it(window, model_file):
    window.begin_project()
    path = model_file("a.safetensors", name="worms")
    window.models.bring_in(path)
    path.unlink()
    (version,) = window.session.versions.all()
    assert (version.name, version.parent) == ("worms", version.number)
    assert window.session.model.path.parent == window.session.project.ledger.folder / "models"
    assert window.session.versions.root(window.session.model.path) == version
    assert window.session.status.text == "“worms” is in the project now, and in use."
    assert window.names == [("default", "bundled"), ("worms", "project")]


def test_the_same_file_is_taken_in_once(window, model_file):
    window.begin_project()
    path = model_file("a.safetensors", name="worms")
    window.models.bring_in(path)
    (version,) = window.session.versions.all()
    window.session.versions.throw_away(version)
    window.models.bring_in(path)
    assert window.session.versions.all() == (version,)


@pytest.mark.parametrize("project", [False, True])
def test_a_bad_file_is_told_in_one_sentence(window, tmp_path, project):
    if project:
        window.begin_project()
    (tmp_path / "bad.safetensors").write_bytes(b"PK\x03\x04 and so on")
    window.models.bring_in(tmp_path / "bad.safetensors")
    status = window.session.status
    assert status.text == "The model was not opened."
    assert status.failure.what == (
        "expected a model file (.safetensors), but bad.safetensors is a pickled file, which could"
        " run code"
    )
    assert window.session.versions.all() == ()
    assert window.names == [("default", "bundled")]


def test_an_export_has_the_name_of_its_file_and_no_paths(window, model_file, tmp_path):
    window.begin_project()
    window.session.open_model(model_file("base.safetensors", channels=("DAPI",)))
    candidate = model_file("c.safetensors", channels=("DAPI",), training={"steps": 9})
    version = window.learn(candidate)
    target = tmp_path / "for Anna.safetensors"
    window.models.export(version, target)
    assert str(target) in window.session.status.text
    header = read_header(target)
    assert (header.name, header.channels, header.diameter_px) == ("for Anna", ("DAPI",), 20)
    assert header.training == {"steps": 9}
    assert str(tmp_path).encode() not in target.read_bytes()
    assert json.dumps(str(tmp_path)).encode() not in target.read_bytes()
    window.models.bring_in(target)
    assert window.session.model.header.name == "for Anna"


def test_an_export_that_cannot_be_written_is_told(window, model_file, tmp_path):
    window.begin_project()
    window.models.bring_in(model_file("a.safetensors"))
    (version,) = window.session.versions.all()
    window.models.export(version, tmp_path / "nowhere" / "a.safetensors")
    assert window.session.status.text == "The model was not exported."
    window.models.export(version, window.session.versions.path(version))
    assert "not the project's own" in window.session.status.failure.what


def test_models_of_an_administrator(fake_network, model_file, tmp_path, monkeypatch):
    for name in ("worms", "Cells"):
        model_file(f"shared/{name}.safetensors", name=name)
    (tmp_path / "shared" / "notes.txt").write_text("ours")
    (tmp_path / "shared" / "broken.safetensors").write_bytes(b"x")
    monkeypatch.setenv(SHARED, str(tmp_path / "shared"))
    window = Window(fake_network)
    window.until(lambda: len(window.names) == 3)
    assert window.names == [("default", "bundled"), ("Cells", "shared"), ("worms", "shared")]
    window.session.open_model(tmp_path / "shared" / "worms.safetensors")
    assert len(window.names) == 3
    window.session.close()


def test_a_folder_of_ones_own_beside_the_administrators(
    fake_network, model_file, tmp_path, monkeypatch
):
    model_file("shared/worms.safetensors", name="worms")
    model_file("own/yeast.safetensors", name="yeast")
    monkeypatch.setenv(SHARED, str(tmp_path / "shared"))
    session = Session(network=fake_network, dispatch=(calls := Queue()).put)
    models = Models(session, tmp_path / "own")
    while len(models.offers()) < 3:
        calls.get(timeout=20)()
    assert {offer.name for offer in models.offers()} == {"default", "worms", "yeast"}
    session.close()


def test_an_administrators_folder_that_is_not_there(fake_network, tmp_path, monkeypatch):
    monkeypatch.setenv(SHARED, str(tmp_path / "nowhere"))
    window = Window(fake_network)
    window.until(lambda: window.models.trouble)
    assert window.models.trouble == (
        f"The folder of shared models cannot be read ({tmp_path / 'nowhere'}):"
        " No such file or directory."
    )
    window.session.close()


def test_a_resumed_project_brings_its_models(window, fake_network, model_file):
    window.begin_project()
    window.session.open_model(DEFAULT_MODEL)
    window.learn(model_file("c.safetensors"))
    folder = window.session.project.ledger.folder
    window.session.close()
    other = Window(fake_network)
    other.keeper.resume(folder)
    assert other.names == [("default", "bundled"), ("version 1", "project")]
    assert other.session.model.path == folder / "models" / "version-1.safetensors"
    other.session.close()


def test_a_moved_project_goes_on_with_its_model(window, model_file, tmp_path):
    (tmp_path / "images").mkdir()
    window.begin_project(tmp_path / "images" / "cells.tif")
    window.models.bring_in(model_file("a.safetensors"))
    window.keeper.keep_beside()
    folder = tmp_path / "images" / "cells.touchup"
    window.until(lambda: window.session.model.path.parent == folder / "models")
    assert window.session.model.path.exists()
    assert [offer.path.parent for offer in window.models.offers()[1:]] == [folder / "models"]
