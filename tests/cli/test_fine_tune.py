import re
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from typer.testing import CliRunner, Result

from napari_touchup.cli import app
from napari_touchup.core.synth import make
from napari_touchup.engine.fine_tune import fine_tune
from napari_touchup.io.images import open_image, write_image
from napari_touchup.io.project import ProjectFile
from napari_touchup.nn.build import build
from napari_touchup.nn.checkpoint import save
from napari_touchup.nn.header import Header, read_header
from napari_touchup.options import ModelSpec, SegmentOptions, TrainOptions
from napari_touchup.session.current import model_of
from napari_touchup.session.fine_tuning import FineTuning
from napari_touchup.session.images import Image
from napari_touchup.session.keeper import Keeper
from napari_touchup.session.ledger import Ledger
from napari_touchup.session.project import Project
from napari_touchup.session.session import Session

EASY = {"density": 0.15, "diameter": 20, "noise": 0.02, "contrast": 8, "blur": 1, "clustering": 0}
QUICK = ("--steps", 2, "--replay", 0, "--device", "cpu")
OPTIONS = TrainOptions.fine_tuning().model_copy(update={"steps": 2, "replay": 0.0, "device": "cpu"})


class InProcess:
    """What `Child` does, without another process."""

    def events(self, task: str, request: Any) -> Iterator[Any]:
        yield from fine_tune(request)

    def close(self) -> None:
        pass


class Window:
    """A session that works in a project's folder; the test makes the calls of its jobs."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.calls: Queue[Callable[[], None]] = Queue()
        self.session = Session(dispatch=self.calls.put, options=SegmentOptions(device="cpu"))
        self.keeper = Keeper(self.session)
        self.session.open_project(Project(Ledger(ProjectFile.create(folder), self.calls.put)))
        self.session.open_model(model)
        self.tuning = FineTuning(self.session, options=OPTIONS)

    def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self.calls.get(timeout=60)()

    def confirm(self, path: Path, seed: int) -> None:
        """Open a file, and say that its cells are right as they are."""
        scene = make("nuclei", (96, 96), np.random.default_rng(seed), **EASY)
        write_image(path, scene.image, "YX")
        with open_image(path) as file:
            image = Image(path.stem, np.asarray(file.data), file.axes, path=path)
        self.session.image = image
        tools = self.session.tools(image)
        self.session.project.predict(image.key, (), image.plane_shape, scene.truth)
        tools.confirm((), np.unique(scene.truth)[1:])

    def train(self) -> dict[str, np.ndarray]:
        """Weights of a candidate, which is discarded after that."""
        self.tuning.start()
        self.until(lambda: self.tuning.trial is not None)
        weights = load_file(self.tuning.trial.path)
        self.tuning.discard()
        return weights

    def close(self) -> None:
        self.tuning.close()
        self.session.close()


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads of tiny networks on a busy machine only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path, spec = tmp_path / "tiny.safetensors", ModelSpec(base=2, depth=1)
    save(path, build(spec), Header(name="tiny", spec=spec, diameter_px=20))
    return path


@pytest.fixture
def window(tmp_path: Path, tiny: Path) -> Iterator[Window]:
    """A project of two images, whose model is the tiny one."""
    window = Window(tmp_path / "a.touchup", tiny)
    for seed, name in enumerate(("first", "second")):
        window.confirm(tmp_path / f"{name}.tif", seed)
    window.session.versions.root(tiny)
    window.session.project.ledger.flush()
    yield window
    window.close()


@pytest.fixture
def folder(window: Window, tmp_path: Path) -> Path:
    """The same, after the window was closed."""
    window.close()
    return tmp_path / "a.touchup"


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_touchup.cli.lesson.Child", InProcess)


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def fails(code: int, *words: object) -> str:
    result = run(*words)
    assert result.exit_code == code, result.output
    assert re.fullmatch(r"touchup: [^\n]+\n", result.stderr), result.stderr
    return result.stderr


def test_a_model_that_cannot_learn_yet(
    window: Window, tmp_path: Path, model_file: Any, detecting: ModelSpec
) -> None:
    window.session.versions.root(model_file("objects.safetensors", spec=detecting))  # the newest
    window.session.project.ledger.flush()
    window.close()
    out = tmp_path / "mine.safetensors"
    error = fails(1, "fine-tune", tmp_path / "a.touchup", "-o", out, *QUICK)
    assert "models that detect objects is not there yet" in error
    assert not out.exists()


def test_window_and_command_give_the_same_weights(window: Window, tmp_path: Path) -> None:
    wanted = window.train()
    window.close()
    out = tmp_path / "new" / "mine.safetensors"
    result = run("fine-tune", tmp_path / "a.touchup", "-o", out, *QUICK)
    assert (result.exit_code, result.stderr) == (0, "")
    found, before = load_file(out), load_file(tmp_path / "tiny.safetensors")
    assert found.keys() == wanted.keys()
    for name, weights in wanted.items():
        np.testing.assert_array_equal(found[name], weights, err_msg=name)
    assert not np.array_equal(found["head.weight"], before["head.weight"])
    assert read_header(out).name == "mine"


@pytest.mark.usefixtures("in_process")
def test_accept_adds_a_version_that_is_used(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "copy.safetensors"
    result = run("fine-tune", folder, "--accept", "-o", out, *QUICK)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "Cannot score yet: 0 mended cells are kept for checking, 3 are needed." in result.stdout
    assert "version 1 is the model of the project now" in result.stdout
    with ProjectFile.open(folder) as project:
        root, version = project.versions()
        assert not project.read_only  # the command has let go of it
    assert (version.name, version.parent) == ("version 1", root.number)
    teach = int(re.search(r"objects that teach: (\d+)", result.stdout)[1])
    assert version.corrections == teach > 0
    assert model_of(folder) == folder / "models" / version.file
    assert read_header(model_of(folder)).name == "tiny, fine-tuned"
    kept, copied = load_file(model_of(folder)), load_file(out)
    assert all(np.array_equal(kept[name], copied[name]) for name in kept)
    listed = run("models", folder).stdout
    assert re.search(rf"\* +version 1 +tiny +\d{{4}}-.* {teach} ", listed)


@pytest.mark.usefixtures("in_process")
def test_another_training_begins_with_the_base_again(folder: Path, tmp_path: Path) -> None:
    assert run("fine-tune", folder, "--accept", *QUICK).exit_code == 0
    out = tmp_path / "m.safetensors"
    assert run("fine-tune", folder, "-o", out, *QUICK).exit_code == 0
    first, second = load_file(model_of(folder)), load_file(out)
    np.testing.assert_array_equal(first["head.weight"], second["head.weight"])


@pytest.mark.usefixtures("in_process")
def test_a_window_that_is_open_is_left_alone(window: Window, tmp_path: Path) -> None:
    folder, out = tmp_path / "a.touchup", tmp_path / "m.safetensors"
    assert "is open in another window" in fails(1, "fine-tune", folder, "--accept", *QUICK)
    before = window.session.project.ledger.versions()
    assert run("fine-tune", folder, "-o", out, *QUICK).exit_code == 0
    assert out.exists()
    assert window.session.project.ledger.versions() == before
    assert not list(folder.glob("models/candidate*"))


@pytest.mark.usefixtures("in_process")
def test_images_that_are_away_are_listed(folder: Path, tmp_path: Path) -> None:
    out, moved = tmp_path / "m.safetensors", tmp_path / "elsewhere"
    moved.mkdir()
    (tmp_path / "second.tif").rename(moved / "second.tif")
    result = run("fine-tune", folder, "-o", out, *QUICK)
    assert result.exit_code == 0
    notice = f"not found, so they teach nothing: second ({tmp_path / 'second.tif'})"
    assert result.stdout.count(notice) == 1
    write_image(tmp_path / "first.tif", np.zeros((96, 96), np.uint8), "YX")  # other pixels
    text = fails(1, "fine-tune", folder, "--accept", *QUICK)
    assert re.search(r"none of the corrected images was found: .*first \(", text)
    folder.rename(moved / folder.name)
    again = run("fine-tune", moved / folder.name, "--accept", *QUICK)
    assert again.exit_code == 0  # one of them lies beside the project
    assert "they teach nothing: first (" in again.stdout


def test_nothing_teaches(tmp_path: Path) -> None:
    ProjectFile.create(tmp_path / "a.touchup").close()
    out = tmp_path / "m.safetensors"
    assert "Nothing teaches yet" in fails(1, "fine-tune", tmp_path / "a.touchup", "-o", out)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a.touchup"], "expected --accept, or -o MODEL.safetensors, or both"),
        (["a.touchup", "-o", "m.pt"], "expected -o MODEL.safetensors, got m.pt"),
        (["a.touchup", "-o", "there.safetensors"], "already there: there.safetensors"),
        (["a.touchup", "--accept", "--steps", "0"], "--steps 0: input should be"),
        (["a.touchup", "--accept", "--lr", "-1"], "--lr -1.0: input should be"),
        (["a.touchup", "--accept", "--replay", "2"], "--replay 2.0: input should be"),
        (["a.touchup", "--accept", "--diameter", "0"], "--diameter 0.0: input should be"),
        (["folder", "--accept"], "folder is no napari-touchup project"),
        (["absent", "--accept"], "absent is no napari-touchup project"),
    ],
)
def test_bad_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "there.safetensors").touch()
    assert message in fails(2, "fine-tune", *words)


def test_a_failure_leaves_nothing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(InProcess):
        def events(self, task: str, request: Any) -> Iterator[Any]:
            request.out.touch()
            raise RuntimeError("no memory left")
            yield

    monkeypatch.setattr("napari_touchup.cli.lesson.Child", Failing)
    assert "no memory left" in fails(1, "fine-tune", folder, "--accept", *QUICK)
    assert not list(folder.glob("models/candidate*"))
    with ProjectFile.open(folder) as project:
        assert len(project.versions()) == 1


@pytest.mark.usefixtures("in_process")
def test_a_level_is_scored_and_all_of_them_learn(
    tmp_path: Path, model_file: Any, layered: ModelSpec
) -> None:
    window = Window(tmp_path / "a.touchup", model_file("deep.safetensors", spec=layered))
    window.confirm(tmp_path / "first.tif", 0)
    folder = window.session.project.ledger.folder
    window.session.versions.root(tmp_path / "deep.safetensors")
    window.close()
    message = fails(2, "fine-tune", folder, "--accept", "--prune", 4, *QUICK)
    assert message == "touchup: expected to prune to a level of [1, 2, 3], got 4\n"
    assert run("fine-tune", folder, "--accept", "--prune", 1, *QUICK).exit_code == 0
    assert read_header(model_of(folder)).spec == layered
    words = ("--model", folder, "--prune", 2, "--device", "cpu")
    assert run("segment", tmp_path / "first.tif", "-o", tmp_path / "out", *words).exit_code == 0
