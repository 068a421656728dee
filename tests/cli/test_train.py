import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from safetensors.numpy import load_file
from typer.testing import CliRunner, Result

from napari_touchup.cli import app, training
from napari_touchup.core.synth import make
from napari_touchup.engine.events import DivergedError, Step
from napari_touchup.engine.replay import load_replay
from napari_touchup.io import curves
from napari_touchup.io.images import write_image, write_labels
from napari_touchup.nn.header import DEFAULT_MODEL, content_hash, read_header

EASY = {"density": 0.12, "diameter": 18, "noise": 0.02, "contrast": 8, "blur": 1, "clustering": 0}
SMALL = ["--init", "none", "--base", "2", "--depth", "1"]
QUICK = ["--steps", "2", "--batch", "2", "--crop", "32", "--device", "cpu"]

Place = tuple[Path, Path]


def write_scenes(folder: Path, count: int, size: int = 64, seed: int = 0) -> Place:
    """Write images and masks."""
    images, masks = folder / "images", folder / "masks"
    images.mkdir(parents=True)
    masks.mkdir()
    for index in range(count):
        scene = make("nuclei", (size, size), np.random.default_rng([seed, index]), **EASY)
        write_image(images / f"{index}.tif", scene.image, "YX")
        write_labels(masks / f"{index}.tif", scene.truth, "YX")
    return images, masks


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return write_scenes(tmp_path_factory.mktemp("scenes"), 2)


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def train(place: Place, out: Path, *words: object) -> Result:
    return run("train", *place, "-o", out, *words)


def test_a_model_and_its_report(scenes: Place, tmp_path: Path) -> None:
    out = tmp_path / "new" / "mine.safetensors"
    result = train(scenes, out, *SMALL, *QUICK, "--validation", *scenes, "--lr", "0.01")
    assert result.exit_code == 0, result.output
    assert f"{out}, report {out.with_suffix('.json')}" in result.stdout
    header = read_header(out)
    assert (header.name, header.spec.base, header.spec.depth) == ("mine", 2, 1)
    assert 14 < header.diameter_px < 18  # some are cut by the frame
    training, lineage = header.training, header.lineage
    assert [training[name] for name in ("images", "steps_done", "rate")] == [2, 2, 0.01]
    assert training["freeze_norm"] is False
    assert lineage["parent"] is None
    assert len(str(lineage["data"])) == 64
    report = json.loads(out.with_suffix(".json").read_text())
    assert report["ended"] == "finished"
    assert report["lineage"] == lineage
    assert report["curves"]["step"] == [1, 2]
    assert {"loss", "rate", "mask", "gradient"} <= report["curves"].keys()
    assert [row["step"] for row in report["validation"]] == [2]
    assert report["scores"] == lineage["scores"] == report["validation"][0]
    assert not list(tmp_path.glob("**/*.png"))


def test_it_begins_with_the_bundled_model(scenes: Place, tmp_path: Path) -> None:
    out = tmp_path / "m.safetensors"
    result = train(scenes, out, *QUICK[:-4], "--crop", 32, "--batch", 1, "--lr", 1e-9)
    assert result.exit_code == 0, result.output
    header = read_header(out)
    assert header.lineage["parent"] == content_hash(DEFAULT_MODEL)
    assert header.spec == read_header(DEFAULT_MODEL).spec
    assert header.training["freeze_norm"] is True
    before, after = load_file(DEFAULT_MODEL), load_file(out)
    for name, weights in before.items():
        np.testing.assert_allclose(after[name], weights, atol=1e-4, err_msg=name)
    skill = json.loads(out.with_suffix(".json").read_text())["old_skill"]
    assert skill["crops"] == 80
    assert skill["ap50_before"] > 0.6
    assert skill["ap50_after"] == pytest.approx(skill["ap50_before"], abs=0.01)


@pytest.mark.parametrize(("words", "rate"), [([], 1e-3), (["--lr", 0.02], 0.02)])
def test_a_known_model_learns_more_slowly(
    scenes: Place, tmp_path: Path, words: list[object], rate: float
) -> None:
    first, second = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    assert train(scenes, first, *SMALL, *QUICK).exit_code == 0
    assert train(scenes, second, "--init", first, *QUICK, *words).exit_code == 0
    assert read_header(first).training["rate"] == 2e-3
    assert read_header(second).training["rate"] == rate


def test_the_same_seed_gives_the_same_model(scenes: Place, tmp_path: Path) -> None:
    outs = [tmp_path / f"{name}.safetensors" for name in "abc"]
    for out, seed in zip(outs, (5, 5, 6), strict=True):
        assert train(scenes, out, *SMALL, *QUICK, "--seed", seed).exit_code == 0
    one, same, other = (load_file(out)["head.weight"] for out in outs)
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_classes(tmp_path: Path) -> None:
    images, masks = write_scenes(tmp_path, 1)
    classes = np.zeros((64, 64), np.uint8)
    classes[8:24, 8:24], classes[30:50, 30:50] = 1, 3
    write_labels(masks / "0.tif", classes, "YX")
    out = tmp_path / "m.safetensors"
    words = "--semantic", "--validation", images, masks
    result = train((images, masks), out, *SMALL, *QUICK, *words)
    assert result.exit_code == 0, result.output
    spec = read_header(out).spec
    assert (spec.output, spec.classes) == ("softmax", 4)
    again = tmp_path / "n.safetensors"
    more = train((images, masks), again, "--init", out, *QUICK, "--semantic")
    assert more.exit_code == 0, more.output
    assert read_header(again).lineage["parent"] == content_hash(out)


def test_what_is_replayed(scenes: Place, tmp_path: Path) -> None:
    words = "--replay", 0.5, "--replay-from", *scenes
    result = train(scenes, tmp_path / "m.safetensors", *SMALL, *QUICK, *words)
    assert result.exit_code == 0, result.output
    assert read_header(tmp_path / "m.safetensors").training["replay"] == 0.5


def test_bundled_crops_are_replayed_and_never_those_of_old_skill(
    scenes: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []

    def fit(*rest: Any, replay: Any, **more: Any) -> Any:
        given.extend(replay)
        return engine_fit(*rest, replay=replay, **more)

    engine_fit = training.fit
    monkeypatch.setattr(training, "fit", fit)
    out = tmp_path / "m.safetensors"
    result = train(scenes, out, *SMALL, *QUICK, "--replay", 0.5)
    assert result.exit_code == 0, result.output
    (replayed,) = given
    images = {sample.image.tobytes() for sample in replayed.samples}
    bank = load_replay()
    assert images == {sample.image.tobytes() for sample in bank.replayed}
    assert not images & {sample.image.tobytes() for sample in bank.old_skill}
    assert "old skill" not in result.stdout  # a new model has none
    assert "old_skill" not in json.loads(out.with_suffix(".json").read_text())


@pytest.mark.parametrize("kind", ["colours", "classes"])
def test_bundled_crops_do_not_fit_every_model(scenes: Place, tmp_path: Path, kind: str) -> None:
    images, masks = scenes
    words = ["--semantic"] if kind == "classes" else []
    if kind == "colours":
        images, masks = tmp_path / "i.tif", masks / "0.tif"
        write_image(images, np.zeros((2, 64, 64), np.uint8), "CYX")
    out = tmp_path / "m.safetensors"
    result = train((images, masks), out, *SMALL, *QUICK, *words, "--replay", 0.5)
    assert result.exit_code == 2
    assert "--replay: the bundled crops have one channel and objects" in result.stderr
    assert "expected --replay-from IMAGES MASKS" in result.stderr
    assert not out.exists()


def test_old_skill_of_a_taught_model(
    scenes: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank = load_replay()
    monkeypatch.setattr(
        training, "load_replay", lambda: replace(bank, old_skill=bank.old_skill[:3])
    )
    first, second = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    assert train(scenes, first, *SMALL, *QUICK).exit_code == 0
    result = train(scenes, second, "--init", first, *QUICK)
    assert result.exit_code == 0, result.output
    skill = json.loads(second.with_suffix(".json").read_text())["old_skill"]
    assert skill["crops"] == 3
    before, after = skill["ap50_before"], skill["ap50_after"]
    told = f"old skill (3 synthetic crops): AP50 {before:.2f} -> {after:.2f}"
    assert result.stdout.splitlines()[-1] == told


def test_annotated_pixels(scenes: Place, tmp_path: Path) -> None:
    marks = np.zeros((64, 64), np.uint8)
    (tmp_path / "marks").mkdir()
    write_labels(tmp_path / "marks" / "0.tif", marks + 1, "YX")
    write_labels(tmp_path / "marks" / "1.tif", marks, "YX")
    words = *SMALL, *QUICK, "--annotated", tmp_path / "marks"
    result = train(scenes, tmp_path / "m.safetensors", *words)
    assert result.exit_code == 2
    assert f"nothing counts in {tmp_path / 'marks' / '1.tif'}" in result.stderr
    write_labels(tmp_path / "marks" / "1.tif", marks + 1, "YX")
    assert train(scenes, tmp_path / "m.safetensors", *words).exit_code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--init", "default", "--base", "64"],
            "nothing of a unet of base 16 fits a unet of base 64; a new one: --init none",
        ),
        (["--arch", "other"], "--arch: expected an architecture of ['unet', 'unet-paper', "),
        (["--arch", "unet:up"], "--arch: expected NAME[:OPTION=VALUE...], got 'unet:up'"),
        (["--arch", "unet:up=4x4"], "--up 4x4: input should be '2x2' or '3x3'"),
        (["--arch", "fcn8s", "--depth", "3"], "--arch: fcn8s has no depth 3; it has base, norm"),
        (["--encoder", "vgg"], "--encoder vgg: input should be 'resnet18'"),
        (
            ["--init", "default", "--encoder-weights", "w.pth"],
            "--encoder-weights is for a new network, got --init default",
        ),
        (["--encoder", "resnet18", "--base", "2", "--encoder-weights", "w.pth"], "w.pth"),
        (["--init", "nowhere"], "expected 'default' or a model file, got nowhere: no such file"),
        (["--replay-from", "a", "b"], "expected --replay, a share above 0, with --replay-from"),
        (["--replay", "2"], "--replay 2.0: input should be less than or equal to 1"),
        (["--lr", "0"], "--lr 0.0: input should be greater than 0"),
        (["--steps", "0"], "--steps 0: input should be greater than or equal to 1"),
        (["--crop", "0"], "--crop 0: input should be greater than or equal to 8"),
        (["--optimizer", "lion"], "--optimizer lion: input should be 'adamw' or 'sgd'"),
        (["--device", "abacus"], "expected a device of"),
        (["-o", "m.pt"], "expected -o MODEL.safetensors, got m.pt"),
        (["--channel", "2"], "0.tif: expected channels of 1 to 1, got (2,)"),
        (["--validation", "nowhere", "nowhere"], "no such file or folder: nowhere"),
    ],
)
def test_wrong_words(scenes: Place, tmp_path: Path, words: list[str], message: str) -> None:
    result = train(scenes, tmp_path / "m.safetensors", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "spec"),
    [
        (["--arch", "unetpp", "--base", "2", "--depth", "2"], {"arch": "unetpp", "depth": 2}),
        (["--arch", "unet:up=3x3:base=2", "--depth", "1"], {"arch": "unet", "up": "3x3"}),
        (["--arch", "fcn8s", "--base", "2"], {"arch": "fcn8s", "dropout": 0.5}),
        (["--encoder", "resnet18", "--base", "2"], {"arch": "unet", "encoder": "resnet18"}),
    ],
)
def test_another_architecture_is_a_new_network(
    scenes: Place, tmp_path: Path, words: list[str], spec: dict[str, object]
) -> None:
    out = tmp_path / "m.safetensors"
    result = train(scenes, out, *words, *QUICK)
    assert result.exit_code == 0, result.output
    header = read_header(out)
    assert header.lineage["parent"] is None
    assert header.spec.base == 2
    assert header.spec.model_dump().items() >= spec.items()
    assert (header.training["rate"], header.training["freeze_norm"]) == (2e-3, False)


def test_what_fits_of_a_model_for_other_channels_and_classes(tmp_path: Path) -> None:
    images, masks = write_scenes(tmp_path, 1)
    scene = make("nuclei", (64, 64), np.random.default_rng(0), **EASY)
    write_image(images / "0.tif", np.stack([scene.image] * 2), "CYX")
    write_labels(masks / "0.tif", (scene.truth > 0).astype(np.uint8), "YX")
    out, place = tmp_path / "m.safetensors", (images, masks)
    words = "--init", "default", "--channel", 1, "--channel", 2, "--semantic", "--lr", 1e-9
    result = train(place, out, *words, *QUICK)
    assert result.exit_code == 0, result.output
    spec = read_header(out).spec
    assert (spec.in_channels, spec.output, spec.classes, spec.base) == (2, "softmax", 2, 16)
    told = "default: 116 of 118 tensors taken over; fresh: head.weight, head.bias; not used: head"
    assert told in result.stdout
    before, after = load_file(DEFAULT_MODEL), load_file(out)
    shared = np.repeat(before["down.0.0.weight"], 2, axis=1) / 2
    np.testing.assert_allclose(after["down.0.0.weight"], shared, atol=1e-4)
    np.testing.assert_allclose(after["up.0.weight"], before["up.0.weight"], atol=1e-4)


def test_all_that_is_wrong_with_the_files_in_one_line(tmp_path: Path) -> None:
    images, masks = write_scenes(tmp_path, 3)
    write_labels(masks / "0.tif", np.ones((32, 64), np.uint8), "YX")
    write_labels(masks / "2.tif", np.zeros((64, 64), np.uint8), "YX")
    result = train((images, masks), tmp_path / "m.safetensors")
    assert result.exit_code == 2
    assert result.stderr == (
        f"touchup: shapes differ: {images / '0.tif'} (64, 64) and {masks / '0.tif'} (32, 64); "
        f"no objects in {masks / '2.tif'}\n"
    )
    (masks / "1.tif").rename(masks / "one.tif")
    result = train((images, masks), tmp_path / "m.safetensors")
    assert result.stderr == (
        f"touchup: no masks for {images / '1.tif'}; no image for {masks / 'one.tif'}\n"
    )


@pytest.mark.parametrize("there", ["m.safetensors", "m.json", "m.png"])
def test_nothing_is_written_over(
    scenes: Place, tmp_path: Path, there: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / there).write_text("mine")
    result = train(scenes, tmp_path / "m.safetensors", *SMALL, *QUICK, "--plot")
    assert result.exit_code == 2
    assert f"already there: {tmp_path / there}" in result.stderr
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(there, "mine")]


def test_plot_without_matplotlib(
    scenes: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(curves, "find_spec", lambda name: None)
    result = train(scenes, tmp_path / "m.safetensors", "--plot")
    assert result.stderr == (
        "touchup: --plot needs matplotlib: pip install 'napari-touchup[plot]'\n"
    )
    assert result.exit_code == 1


def test_plot(scenes: Place, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    result = train(scenes, tmp_path / "m.safetensors", *SMALL, *QUICK, "--plot")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "m.png").exists()


def diverging(steps: int) -> Callable[..., Any]:
    def fit(model: Any, *rest: Any, **more: Any) -> Any:
        for step in range(1, steps + 1):
            yield Step(step, step / 9, 1.0, {"total": 1.0}, 1e-3, 1.0, 0.0)
        weights = {name: tensor.numpy() for name, tensor in model.module.state_dict().items()}
        raise DivergedError("the loss is not a number", weights)

    return fit


@pytest.mark.parametrize("steps", [0, 3])
def test_a_failed_run_saves_its_last_good_weights(
    scenes: Place, tmp_path: Path, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "fit", diverging(steps))
    out = tmp_path / "m.safetensors"
    result = train(scenes, out, *SMALL, *QUICK)
    assert result.exit_code == 1
    assert result.stderr == "touchup: the loss is not a number\n"
    assert out.exists() == (steps > 0)
    if steps:
        assert f"{steps} steps in 1 s: {out}" in result.stdout
        report = json.loads(out.with_suffix(".json").read_text())
        assert report["ended"] == "the loss is not a number"
        assert read_header(out).training["steps_done"] == 3


def start(scenes: Place, out: Path) -> "subprocess.Popen[str]":
    """Begin an endless run in a process of its own, and wait for its first step."""
    words = *map(str, scenes), "-o", str(out), *SMALL, *QUICK, "--steps", "1000000"
    command = [sys.executable, "-u", "-m", "napari_touchup.cli", "train", *words]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("step 1, loss"):
            return process
    raise AssertionError(process.communicate())


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGINT for one process")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_saves_what_is_there(scenes: Place, tmp_path: Path, number: signal.Signals) -> None:
    out = tmp_path / "m.safetensors"
    process = start(scenes, out)
    process.send_signal(number)
    told, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f": {out}, report {out.with_suffix('.json')}" in told
    assert errors == "stopping after this step ...\ntouchup: stopped\n"
    report = json.loads(out.with_suffix(".json").read_text())
    assert report["ended"] == "stopped"
    assert report["training"]["steps_done"] == len(report["curves"]["loss"]) >= 1
    assert np.isfinite(load_file(out)["head.weight"]).all()


def test_the_third_ctrl_c_ends_at_once() -> None:
    before = signal.getsignal(signal.SIGINT)
    with training.interrupts() as seen:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)  # torchrun sends two
        assert seen == [signal.SIGINT] * 2
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) == before


def test_train_segment_evaluate(tmp_path: Path) -> None:
    known = write_scenes(tmp_path / "known", 12, 128)
    images, masks = write_scenes(tmp_path / "new", 3, 128, seed=1)
    model, pred, scores = tmp_path / "m.safetensors", tmp_path / "pred", tmp_path / "scores.json"
    shape = ["--init", "none", "--base", "8", "--depth", "3"]
    length = ["--steps", "300", "--batch", "8", "--crop", "64", "--lr", "0.005"]
    assert train(known, model, *shape, *length, "--device", "cpu").exit_code == 0
    assert run("segment", images, "-o", pred, "--model", model, "--device", "cpu").exit_code == 0
    assert run("evaluate", pred, masks, "--json", scores, "--no-warping").exit_code == 0
    assert json.loads(scores.read_text())["mean"]["ap50"] > 0.5  # seeds and rates: .64 to .77


def test_names_of_channels(tmp_path: Path) -> None:
    _, masks = write_scenes(tmp_path, 1)
    two = np.random.default_rng(0).integers(0, 255, (2, 64, 64), np.uint8)
    images, out = tmp_path / "0.ome.tif", tmp_path / "m.safetensors"
    about = {"axes": "CYX", "Channel": {"Name": ["DAPI", "GFP"]}}
    tifffile.imwrite(images, two, ome=True, metadata=about)
    place = (images, masks / "0.tif")
    assert train(place, out, *SMALL, *QUICK).exit_code == 0
    assert read_header(out).channels == ("DAPI", "GFP")

    again = tmp_path / "again.safetensors"
    words = ["--init", out, "--channel-names", "H, E"]
    assert train(place, again, *words, *QUICK).exit_code == 0
    assert read_header(again).channels == ("H", "E")

    result = train(place, tmp_path / "no.safetensors", *SMALL, *QUICK, "--channel-names", "DAPI")
    assert result.exit_code == 2
    assert "--channel-names: expected 2 name(s)" in result.stderr

    model = ["--model", again, "--channel"]
    result = run("segment", images, "-o", tmp_path / "out", *model, 1, "--channel", 2)
    assert result.exit_code == 0, result.output
    told = "This model learned H, E; here it is given DAPI, GFP."
    assert [line for line in result.stdout.splitlines() if "learned" in line] == [told]
