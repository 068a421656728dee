import csv
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from napari_touchup.cli import app
from napari_touchup.core.synth import make
from napari_touchup.io.images import read_labels, write_image, write_labels
from napari_touchup.nn.header import read_header

EASY = {"density": 0.12, "diameter": 18, "noise": 0.02, "contrast": 8, "blur": 1, "clustering": 0}
QUICK = ["--steps", "2", "--batch", "2", "--crop", "32", "--device", "cpu"]
TWO = "unet:base=2:depth=1,unetpp:base=2:depth=1"


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("scenes")
    images, masks = folder / "images", folder / "masks"
    for index in range(6):
        scene = make("nuclei", (64, 64), np.random.default_rng(index), **EASY)
        for place in (images, masks):
            place.mkdir(exist_ok=True)
        write_image(images / f"{index}.tif", scene.image, "YX")
        write_labels(masks / f"{index}.tif", scene.truth, "YX")
    return images, masks


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def compare(place: tuple[Path, Path], out: Path, *words: object) -> Result:
    return run("compare", *place, "-o", out, *words)


def test_table_figure_and_models(scenes: tuple[Path, Path], tmp_path: Path) -> None:
    out, held_out = tmp_path / "out", tmp_path / "names.txt"
    held_out.write_text("0\n3\n")
    result = compare(scenes, out, "--arch", TWO, "--held-out", held_out, *QUICK)
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in out.iterdir()) == [
        "figure.png",
        "table.csv",
        "unet_base-2_depth-1.safetensors",
        "unetpp_base-2_depth-1.safetensors",
    ]
    assert "4 images to learn, 2 to score" in result.stdout
    with (out / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["network"] for row in rows] == TWO.split(",")
    assert [row["steps"] for row in rows] == ["2", "2"]
    assert all(row["AP50"] in result.stdout for row in rows)
    header = read_header(out / "unetpp_base-2_depth-1.safetensors")
    assert (header.spec.arch, header.spec.deep_supervision) == ("unetpp", True)
    assert 14 < header.diameter_px < 18


def test_scores_are_those_of_segment_and_evaluate(
    scenes: tuple[Path, Path], tmp_path: Path
) -> None:
    out, held_out = tmp_path / "out", tmp_path / "names.txt"
    held_out.write_text("1 2")
    words = "--arch", "unet:base=8:depth=2", "--held-out", held_out, "--lr", 0.01
    steps = "--steps", 150, "--batch", 4, "--crop", 64, "--device", "cpu"
    assert compare(scenes, out, *words, *steps).exit_code == 0
    with (out / "table.csv").open(newline="") as file:
        row = next(csv.DictReader(file))
    assert float(row["AP50"]) > 0
    inputs = [scenes[0] / f"{name}.tif" for name in (1, 2)]
    model = out / "unet_base-8_depth-2.safetensors"
    assert run("segment", *inputs, "-o", tmp_path / "m", "--model", model).exit_code == 0
    assert read_labels(tmp_path / "m" / "1.tif").data.any()
    scores = tmp_path / "scores.json"
    judge = run("evaluate", tmp_path / "m", scenes[1], "--no-warping", "--json", scores)
    assert judge.exit_code == 0, judge.output
    mean = json.loads(scores.read_text())["mean"]
    for column, name in (("AP50", "ap50"), ("AP75", "ap75"), ("IoU", "iou")):
        assert row[column] == f"{mean[name]:.3f}"


def test_without_a_list_a_fifth_is_held_out(scenes: tuple[Path, Path], tmp_path: Path) -> None:
    result = compare(scenes, tmp_path / "out", "--arch", "unet:base=2:depth=1", *QUICK)
    assert result.exit_code == 0, result.output
    assert "4 images to learn, 2 to score" in result.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--arch", "unet,vnet"], "--arch: expected an architecture of ['unet', 'unet-paper', "),
        (["--arch", "fcn8s:depth=3"], "--arch: fcn8s has no depth 3; it has base, norm, dropout"),
        (["--held-out", "nowhere.txt"], "--held-out: cannot read nowhere.txt: No such file"),
        (["--held-out", "FILE"], "--held-out: no images of the names seven, six"),
        (["--held-out", "ALL"], "expected images to learn and images to score, got 0 and 6"),
        (["--lr", "0"], "--lr 0.0: input should be greater than 0"),
    ],
)
def test_wrong_words(
    scenes: tuple[Path, Path], tmp_path: Path, words: list[str], message: str
) -> None:
    lists = {"FILE": "0 six seven", "ALL": "0 1 2 3 4 5"}
    for name, text in lists.items():
        (tmp_path / name).write_text(text)
    words = [str(tmp_path / word) if word in lists else word for word in words]
    result = compare(scenes, tmp_path / "out", *words, *QUICK)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_over(scenes: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("mine")
    result = compare(scenes, tmp_path, "--arch", TWO, *QUICK)
    assert result.exit_code == 2
    assert f"already there: {tmp_path / 'table.csv'}" in result.stderr
