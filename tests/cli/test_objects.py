"""The commands with networks that detect objects."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from napari_touchup.cli import app
from napari_touchup.io.images import read_labels, write_image, write_labels
from napari_touchup.nn.header import read_header

NAME = "mask-rcnn:base=2"
QUICK = ["--batch", "2", "--crop", "64", "--device", "cpu"]

Place = tuple[Path, Path]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Five images of bright squares."""
    folder = tmp_path_factory.mktemp("squares")
    images, masks = folder / "images", folder / "masks"
    for index in range(5):
        rng = np.random.default_rng(index)
        truth = np.zeros((64, 64), np.uint8)
        for number in range(6):
            y, x = 20 * (number // 3) + rng.integers(2, 8), 20 * (number % 3) + rng.integers(2, 8)
            truth[y : y + 12, x : x + 12] = number + 1
        image = (200 * (truth > 0) + rng.integers(0, 40, (64, 64))).astype(np.uint8)
        for where in (images, masks):
            where.mkdir(exist_ok=True)
        write_image(images / f"{index}.tif", image, "YX")
        write_labels(masks / f"{index}.tif", truth, "YX")
    return images, masks


@pytest.fixture(scope="module")
def model(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model after three steps, which were scored."""
    out = tmp_path_factory.mktemp("models") / "objects.safetensors"
    words = "--arch", NAME, "--steps", 3, "--validation", *place, *QUICK
    result = run("train", *place, "-o", out, *words)
    assert result.exit_code == 0, result.output
    return out


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_training_and_its_report(model: Path) -> None:
    spec = read_header(model).spec
    assert (spec.output, spec.encoder, spec.base) == ("instances", "resnet18", 2)
    report = json.loads(model.with_suffix(".json").read_text())
    parts = {"objectness", "proposal", "class", "box", "mask", "gradient"}
    assert parts | {"step", "loss", "rate", "seconds"} <= report["curves"].keys()
    assert report["curves"]["step"] == [1, 2, 3]
    total = sum(report["curves"][name][0] for name in parts - {"gradient"})
    assert report["curves"]["loss"][0] == pytest.approx(total, rel=1e-3)
    assert 0 <= report["scores"]["ap50"] <= 1


def test_training_goes_on(model: Path, place: Place, tmp_path: Path) -> None:
    out = tmp_path / "more.safetensors"
    result = run("train", *place, "-o", out, "--init", model, "--steps", 1, *QUICK)
    assert result.exit_code == 0, result.output
    assert read_header(out).spec == read_header(model).spec


def test_segment(model: Path, place: Place, tmp_path: Path) -> None:
    result = run("segment", *place[0].iterdir(), "-o", tmp_path, "--model", model, "--maps")
    assert result.exit_code == 0, result.output
    assert read_labels(tmp_path / "0.tif").data.shape == (64, 64)


def test_models(model: Path) -> None:
    result = run("models", model)
    assert result.exit_code == 0, result.output
    text = " ".join(result.stdout.split())
    assert "mask-rcnn, encoder resnet18, base 2" in text
    assert "gives instances, each on its own" in text


def test_compare(place: Place, tmp_path: Path) -> None:
    two = f"unet:base=2:depth=1,{NAME}"
    out = tmp_path / "out"
    result = run("compare", *place, "-o", out, "--arch", two, "--steps", 2, *QUICK)
    assert result.exit_code == 0, result.output
    with (out / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["network"] for row in rows] == two.split(",")
    assert all(float(row["AP50"]) >= 0 for row in rows)
    assert (out / "figure.png").exists()


def test_classes_are_not_objects(place: Place, tmp_path: Path) -> None:
    out = tmp_path / "m.safetensors"
    result = run("train", *place, "-o", out, "--arch", NAME, "--semantic", "--steps", 1, *QUICK)
    assert result.exit_code == 2
    assert result.stderr == (
        "touchup: --arch: mask-rcnn gives instances, each on its own; it has no output 'softmax'\n"
    )
    assert not out.exists()
