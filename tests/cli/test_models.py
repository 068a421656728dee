import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

from napari_touchup.cli import app
from napari_touchup.io.images import read_labels, write_image
from napari_touchup.io.project import ProjectFile
from napari_touchup.nn.build import build
from napari_touchup.nn.checkpoint import save
from napari_touchup.nn.header import DEFAULT_MODEL, Header, content_hash, read_header
from napari_touchup.options import ModelSpec
from napari_touchup.session.current import choose
from napari_touchup.session.ledger import Ledger
from napari_touchup.session.versions import Versions


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def tiny(path: Path, seed: int) -> Path:
    torch.manual_seed(seed)
    spec = ModelSpec(base=2, depth=1)
    save(path, build(spec), Header(name=path.stem, spec=spec, diameter_px=20))
    return path


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(ProjectFile.create(tmp_path / "a.touchup"))
    yield ledger
    ledger.close()


def test_a_project_stands_for_the_model_that_it_uses(ledger: Ledger, tmp_path: Path) -> None:
    versions = Versions(ledger)
    first, second = (versions.root(tiny(tmp_path / f"{n}.safetensors", n)) for n in (1, 2))
    write_image(tmp_path / "i.tif", np.random.default_rng(0).random((40, 40), np.float32), "YX")
    how = ("--device", "cpu", "--threshold", 0.3, "--min-size", 1, "--h", 0.01)
    for version in (second, first):
        choose(ledger, version)
        ledger.flush()
        for model, out in ((tmp_path / "a.touchup", "own"), (versions.path(version), "file")):
            where = tmp_path / f"{out} {version.number}"
            assert (
                run("segment", tmp_path / "i.tif", "-o", where, "--model", model, *how).exit_code
                == 0
            )
        own, file = (
            read_labels(tmp_path / f"{kind} {version.number}" / "i.tif").data
            for kind in ("own", "file")
        )
        np.testing.assert_array_equal(own, file)
    others = [read_labels(tmp_path / f"own {n}" / "i.tif").data for n in (0, 1)]
    assert not np.array_equal(*others)


@pytest.mark.usefixtures("ledger")
def test_a_new_project_stands_for_the_bundled_model(tmp_path: Path) -> None:
    write_image(tmp_path / "i.tif", np.zeros((32, 32), np.uint8), "YX")
    folder = tmp_path / "a.touchup"
    result = run("segment", tmp_path / "i.tif", "-o", tmp_path / "out", "--model", folder)
    assert result.exit_code == 0
    assert f"{folder} has no model of its own yet: the bundled one is taken" in result.stdout


def test_training_begins_with_the_model_of_a_project(ledger: Ledger, tmp_path: Path) -> None:
    Versions(ledger).root(tiny(tmp_path / "m.safetensors", 1))
    ledger.flush()
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
        labels = np.zeros((32, 32), np.uint8)
        labels[8:20, 8:20] = 1
        write_image(tmp_path / kind / "i.tif", labels, "YX")
    result = run(
        "train", tmp_path / "images", tmp_path / "masks", "-o", tmp_path / "out.safetensors",
        "--init", tmp_path / "a.touchup", "--steps", 1, "--crop", 32, "--device", "cpu",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    lineage = read_header(tmp_path / "out.safetensors").lineage
    assert lineage["parent"] == content_hash(tmp_path / "m.safetensors")


@pytest.mark.parametrize(
    "words", [["segment", "i.tif", "-o", "out", "--model", "folder"], ["models", "folder"]]
)
def test_a_folder_that_is_no_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    write_image(tmp_path / "i.tif", np.zeros((32, 32), np.uint8), "YX")
    result = run(*words)
    assert result.exit_code == 2
    assert re.fullmatch(r"touchup: \S+folder is no napari-touchup project: [^\n]+\n", result.stderr)
    assert not (tmp_path / "out").exists()


def test_versions_of_a_project(ledger: Ledger, tmp_path: Path) -> None:
    versions = Versions(ledger)
    root = versions.root(DEFAULT_MODEL)
    candidate = tiny(versions.new_file(), 1)
    scores = {"corrected": 3, "corrected_iou_before": 0.5, "corrected_iou_after": 0.75}
    versions.add(candidate, root, 12, scores)
    gone = versions.root(tiny(tmp_path / "gone.safetensors", 2))
    versions.throw_away(gone)
    choose(ledger, root)
    ledger.flush()
    text = run("models", tmp_path / "a.touchup").stdout
    assert re.search(rf"\* +{re.escape(root.name)} +\d{{4}}-\d\d-\d\d \d\d:\d\d +\n", text)
    assert re.search(r"version 1 +.* 12 +mended IoU 0\.50 -> 0\.75", text)
    assert "gone" not in text


@pytest.mark.usefixtures("ledger")
def test_a_project_without_a_version(tmp_path: Path) -> None:
    folder = tmp_path / "a.touchup"
    text = "".join(run("models", folder).stdout.split())  # a long title is folded
    assert f"{folder}:nomodelofitsownyet" in text


def test_levels_are_named_where_there_are_some(model_file: Any, layered: ModelSpec) -> None:
    deep, plain = model_file("deep.safetensors", spec=layered), model_file("m.safetensors")
    assert re.search(r"levels +1, 2, 3 \(--prune\)", run("models", deep).output)
    assert "--prune" not in run("models", plain).output
