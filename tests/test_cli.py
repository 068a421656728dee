import json
import os
import re
import subprocess
import sys
from io import StringIO

import numpy as np
import pytest
import tifffile
import typer.main
from rich.console import Console
from typer.testing import CliRunner

import napari_touchup as touchup
from napari_touchup.cli import app, console
from napari_touchup.core.synth import EVERY_KIND, make_image
from napari_touchup.io.images import open_image, read_labels, write_labels
from napari_touchup.io.tiff import PixelSize
from napari_touchup.nn.build import build
from napari_touchup.nn.checkpoint import load, save
from napari_touchup.nn.header import DEFAULT_MODEL
from napari_touchup.options import InstanceOptions, ModelSpec, SegmentOptions

COMMANDS = typer.main.get_command(app).commands


def _invoke(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def _fails(code, *words):
    result = _invoke(*words)
    assert result.exit_code == code, result.output
    assert re.fullmatch(r"touchup: [^\n]+\n", result.stderr), result.stderr
    return result.stderr


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A network that was never trained: what it says is noise, but always the same."""
    import torch

    path = tmp_path_factory.mktemp("models") / "tiny.safetensors"
    spec = ModelSpec(base=2, depth=1)
    torch.manual_seed(0)
    module = build(spec).eval()
    header = touchup.Header(name="tiny", spec=spec, diameter_px=20, training={"steps": 0})
    save(path, module, header)
    return path


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (4, 40, 50, 3), np.uint8)
    tifffile.imwrite(folder / "grey.tif", noise[0, ..., 0])
    tifffile.imwrite(folder / "colour.tif", noise[0], photometric="rgb")
    film = {"axes": "TYX", "unit": "um"}
    tifffile.imwrite(
        folder / "film.tif", noise[..., 1], imagej=True, metadata=film, resolution=(2, 2)
    )
    return folder


SEGMENT = ("--device", "cpu", "--threshold", "0.3", "--min-size", "1", "--h", "0.01")


def test_segment(tmp_path, images, network):
    out = tmp_path / "out"
    result = _invoke("segment", images, "-o", out, "--model", network, "--maps", *SEGMENT)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.output.count("colours are turned to grey") == 1
    assert re.search(r"3 images in \d+ s: \d+ objects; 0 without objects, 0 failed", result.output)
    film = read_labels(out / "film.tif")
    assert (film.axes, film.data.dtype, film.pixel) == ("TYX", np.uint16, PixelSize(0.5, 0.5))
    frame = tifffile.imread(images / "grey.tif")[np.newaxis]
    how = InstanceOptions(threshold=0.3, h=0.01, min_size=1)
    *_, expected = touchup.segment(load(network), frame, SegmentOptions(device="cpu"), how)
    np.testing.assert_array_equal(tifffile.imread(out / "grey.tif"), expected.masks)
    maps = tifffile.imread(out / "grey_maps.tif")
    np.testing.assert_allclose(maps, expected.maps, atol=1e-3)
    assert expected.masks.max() > 0


def test_segment_channel_and_axes(tmp_path, images, network):
    arguments = ["-o", tmp_path / "out", "--model", network, "--device", "cpu"]
    assert _invoke("segment", images / "colour.tif", "--channel", 2, *arguments).exit_code == 0
    result = _invoke("segment", images / "film.tif", "--axes", "ZYX", *arguments)
    assert result.exit_code == 0
    assert "grey" not in result.output
    assert read_labels(tmp_path / "out" / "film.tif").axes == "ZYX"


@pytest.fixture
def deep(tmp_path, layered):
    """A network that can be pruned, and was never trained."""
    import torch

    torch.manual_seed(0)
    path = tmp_path / "deep.safetensors"
    save(path, build(layered), touchup.Header(name="deep", spec=layered, diameter_px=20))
    return path


def test_prune(tmp_path, images, deep):
    frame = tifffile.imread(images / "grey.tif")[np.newaxis]
    how = InstanceOptions(threshold=0.3, h=0.01, min_size=1)
    for level in (1, 3):
        out = tmp_path / f"out{level}"
        words = ("segment", images / "grey.tif", "-o", out, "--model", deep, "--prune", level)
        assert _invoke(*words, "--maps", *SEGMENT).exit_code == 0
        part = touchup.load_model(str(deep), prune=level)
        assert part.header.spec.depth == level
        *_, expected = touchup.segment(part, frame, SegmentOptions(device="cpu"), how)
        maps = tifffile.imread(out / "grey_maps.tif")
        np.testing.assert_allclose(maps, expected.maps, atol=1e-3)
    assert np.abs(tifffile.imread(tmp_path / "out1" / "grey_maps.tif") - maps).max() > 0.01


@pytest.mark.parametrize(
    ("which", "level", "message"),
    [
        ("deep", 4, "expected to prune to a level of [1, 2, 3], got 4"),
        ("deep", 0, "--prune 0: input should be greater"),
        ("network", 2, "expected a model that can be pruned"),
        ("default", 2, "expected a model that can be pruned"),
    ],
)
def test_a_level_that_is_not_there(tmp_path, images, request, which, level, message):
    out = tmp_path / "out"
    (images / "broken.tif").write_bytes(b"no image")  # no image is read
    model = which if which == "default" else request.getfixturevalue(which)
    words = ("segment", images, "-o", out, "--model", model, "--prune", level)
    assert message in _fails(2, *words)
    assert not out.exists()


def test_resume(tmp_path, images, network):
    out = tmp_path / "out"
    arguments = ["segment", images, "-o", out, "--model", network, "--device", "cpu"]
    _invoke("segment", images / "grey.tif", *arguments[2:])
    before = (out / "grey.tif").stat().st_mtime_ns
    assert "already there: " in _fails(2, *arguments)
    assert sorted(path.name for path in out.iterdir()) == ["grey.tif"]
    result = _invoke(*arguments, "--resume")
    assert result.exit_code == 0
    assert "1 finished before, skipped" in result.output
    assert (out / "grey.tif").stat().st_mtime_ns == before
    assert _invoke(*arguments, "--resume").output == "3 finished before, skipped\n"


def test_unreadable_and_empty_images_are_told_at_the_end(tmp_path, images, network):
    (images / "broken[1].tif").write_bytes(b"no image")
    tifffile.imwrite(images / "blank.tif", np.zeros((40, 50), np.uint8))
    result = _invoke(
        "segment", images, "-o", tmp_path / "out", "--model", network, "--device", "cpu",
        "--threshold", 0.99,
    )  # fmt: skip
    assert result.exit_code == 1
    assert result.stderr == "touchup: 1 of 5 images failed\n"
    assert re.search(r"broken\[1\]\.tif +failed: cannot be read: it is no TIFF", result.stdout)
    assert re.search(r"blank\.tif +no objects found: another --channel, --diam", result.stdout)
    assert "4 without objects, 1 failed" in result.stdout
    assert len(list((tmp_path / "out").iterdir())) == 4


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing"], "No such command 'nothing'"),
        (["segment"], "Missing argument 'INPUT'"),
        (["segment", "."], "Missing option"),
        (["segment", "absent", "-o", "out"], "no such file or folder: absent"),
        (["segment", ".", "-o", "out"], "no images in . "),
        (["segment", "a.tif", "-o", "."], "results would be written over the images a.tif"),
        (["segment", "a.tif", "x/a.tif", "-o", "out"], "several images would have one result"),
        (["segment", "a.tif", "-o", "out", "--model", "absent"], "got absent: no such file"),
        (["segment", "a.tif", "-o", "out", "--device", "abacus"], "expected a device of"),
        (["segment", "a.tif", "-o", "out", "--threshold", "3"], "--threshold 3.0: input should be"),
        (["segment", "a.tif", "-o", "out", "--tile", "0"], "--tile 0: input should be greater"),
        (["segment", "a.tif", "-o", "out", "--tile", "x"], "Invalid value for '--tile'"),
        (["segment", "a.tif", "-o", "out", "--diameter", "-1"], "--diameter -1.0: input should"),
        (["segment", "a.tif", "-o", "out", "--channel", "0"], "--channel 0: input should be"),
        (["segment", "a.tif", "-o", "out", "--axes", "QYX"], "--axes QYX: expected axes from"),
        (["segment", "a.tif", "-o", "out", "--method", "magic"], "--method magic: input should"),
        (["weights", "absent.tif", "-o", "w.tif"], "does not exist"),
        (["weights", "a.tif", "-o", "a.tif"], "already there: a.tif"),
        (["weights", "a.tif", "-o", "w.tif", "--sigma", "0"], "--sigma 0.0: input should be"),
        (["synth", "unicorns", "-o", "out"], "expected a KIND of nuclei, phase"),
        (["synth", "nuclei", "-o", "out", "-n", "0"], "Invalid value for '-n'"),
        (["models", "absent"], "got absent: no such file"),
        (["gui", "absent.tif"], "no such file: absent.tif"),
        (["demo", "--screenshot", "absent/a.png"], "no such folder: absent"),
        (["evaluate", "a.tif", "absent"], "no such file or folder: absent"),
    ],
)
def test_bad_usage(tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").mkdir()
    if words != ["segment", ".", "-o", "out"]:
        for name in ("a.tif", "x/a.tif"):
            tifffile.imwrite(tmp_path / name, np.zeros((20, 20), np.uint8))
    assert message in _fails(2, *words)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["segment", "a.tif", "-o", "out", "--model", "text.txt"], "text.txt"),
        (["models", "text.txt"], "expected a model file"),
        (["weights", "text.txt", "-o", "w.tif"], "text.txt cannot be read: it is no TIFF"),
        (["weights", "float.tif", "-o", "w.tif"], "float.tif: expected labels"),
        (["evaluate", "a.tif", "float.tif"], "float.tif: expected labels"),
        (["evaluate", "a.tif", "b.tif"], r"expected equal shapes, got (20, 20) and (9, 9)"),
    ],
)
def test_failed_work(tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("hello")
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((20, 20), np.uint8))
    tifffile.imwrite(tmp_path / "b.tif", np.zeros((9, 9), np.uint8))
    tifffile.imwrite(tmp_path / "float.tif", np.full((20, 20), 0.5, np.float32))
    assert message in _fails(1, *words)


def test_a_window_needs_a_display(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert "there is no display" in _fails(1, "gui")
    assert "there is no display" in _fails(1, "demo")


def test_weights(tmp_path):
    labels = np.zeros((2, 20, 30), np.uint8)
    labels[0, 5:15, 5:14] = 1
    labels[0, 5:15, 15:25] = 2
    tifffile.imwrite(tmp_path / "a.tif", labels, imagej=True, metadata={"axes": "TYX"})
    out = tmp_path / "w.tif"
    result = _invoke("weights", tmp_path / "a.tif", "-o", out, "--w0", 4, "--sigma", 3)
    assert (result.exit_code, result.stderr) == (0, "")
    with open_image(out) as image:
        assert (image.axes, image.data.dtype) == ("TYX", np.float32)
        expected = touchup.weight_map(labels[0], None, touchup.WeightOptions(w0=4, sigma=3))
        np.testing.assert_array_equal(image.data[0], expected)
        np.testing.assert_array_equal(image.data[1], np.ones((20, 30)))
    assert image.data[0, 10, 14] == pytest.approx(1 + 4 * np.exp(-(2**2) / 18))


def test_weights_of_a_volume_know_the_pixel_size(tmp_path):
    labels = np.zeros((5, 12, 12), np.uint8)
    labels[0], labels[2] = 1, 2
    write_labels(tmp_path / "a.tif", labels, "ZYX", PixelSize(0.5, 0.5, 1.5))
    assert _invoke("weights", tmp_path / "a.tif", "-o", tmp_path / "w.tif").exit_code == 0
    middle = tifffile.imread(tmp_path / "w.tif")[1, 6, 6]
    assert middle == pytest.approx(1 + 10 * np.exp(-((3 + 3) ** 2) / 50), rel=1e-5)


def test_balanced_weights(tmp_path):
    labels = np.zeros((10, 10), np.uint8)
    labels[:, :2] = 1
    tifffile.imwrite(tmp_path / "a.tif", labels)
    assert (
        _invoke("weights", tmp_path / "a.tif", "-o", tmp_path / "w.tif", "--balance").exit_code == 0
    )
    weights = tifffile.imread(tmp_path / "w.tif")
    assert (weights[0, 0], weights[0, 9]) == (2.5, 0.625)


def test_synth(tmp_path):
    result = _invoke("synth", "nuclei", "-o", tmp_path, "-n", 2, "--size", 64, "--seed", 3)
    assert (result.exit_code, result.stderr) == (0, "")
    for index, name in enumerate(["nuclei_000.tif", "nuclei_001.tif"]):
        made = make_image("nuclei", (64, 64), seed=3, index=index)
        np.testing.assert_array_equal(tifffile.imread(tmp_path / "images" / name), made.image)
        np.testing.assert_array_equal(tifffile.imread(tmp_path / "masks" / name), made.truth)
    assert "already there" in _fails(2, "synth", "nuclei", "-o", tmp_path, "--size", 64)
    with open_image(tmp_path / "images" / "nuclei_000.tif") as image:
        assert image.pixel.x == pytest.approx(0.325)


def test_models(network):
    result = _invoke("models", network)
    assert result.exit_code == 0
    text = "".join(result.stdout.split())  # long paths are folded
    assert f"file{DEFAULT_MODEL}" in text
    assert f"file{network}" in text
    assert "takes1channel(s)givesmaps,3channelsobjectdiameter20px" in text
    assert "trainingsteps0" in text


def test_evaluate(tmp_path):
    truth, pred = tmp_path / "truth", tmp_path / "pred"
    labels = np.zeros((10, 10), np.uint16)
    labels[1:4, 1:4], labels[6:9, 6:9] = 1, 2
    for folder in (truth, pred):
        folder.mkdir()
        write_labels(folder / "same.tif", labels, "YX")
    write_labels(truth / "half.tif", labels, "YX")
    write_labels(pred / "half.tif", labels * (labels == 1), "YX")
    write_labels(truth / "unseen.tif", labels, "YX")
    write_labels(pred / "same_maps.tif", labels, "YX")  # as of --maps: no prediction
    file = tmp_path / "scores.json"
    result = _invoke("evaluate", pred, truth, "--json", file)
    assert (result.exit_code, result.stderr) == (0, "")
    assert re.search(r"half\.tif +0\.500 +0\.500 +0\.500 +0\.667", result.stdout)
    assert re.search(r"mean +0\.750 +0\.750", result.stdout)
    assert re.search(r"standard error +0\.250 +0\.250", result.stdout)
    assert "1 true masks have no prediction" in result.stdout
    scores = json.loads(file.read_text())
    assert scores["mean"]["ap50"] == 0.75
    assert scores["standard_error"]["ap50"] == 0.25
    assert [row["name"] for row in scores["images"]] == ["half.tif", "same.tif"]
    assert scores["images"][1]["warping_error"] == 0.0
    assert "already there" in _fails(2, "evaluate", pred, truth, "--json", file)


def test_evaluate_scores_each_time_point(tmp_path):
    film = np.zeros((2, 10, 10), np.uint16)
    film[:, 2:6, 2:6] = 1
    write_labels(tmp_path / "truth.tif", film, "TYX")
    write_labels(tmp_path / "pred.tif", film * np.array([1, 0], np.uint16)[:, None, None], "TYX")
    result = _invoke("evaluate", tmp_path / "pred.tif", tmp_path / "truth.tif", "--no-warping")
    assert re.search(r"pred\.tif \[0\] +1\.000", result.stdout)
    assert re.search(r"pred\.tif \[1\] +0\.000", result.stdout)
    assert "warping_error " not in result.stdout.splitlines()[1]


def test_evaluate_names_what_does_not_pair(tmp_path):
    for name in ("truth/a.tif", "pred/a.tif", "pred/b.tif"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_labels(tmp_path / name, np.ones((4, 4), np.uint8), "YX")
    assert "no true masks for " in _fails(2, "evaluate", tmp_path / "pred", tmp_path / "truth")


def _options():
    for name, command in COMMANDS.items():
        yield from (
            pytest.param(option, id=f"{name} {option.opts[0]}")
            for option in command.params
            if option.param_type_name == "option" and not option.is_flag
        )


@pytest.mark.parametrize("option", list(_options()))
def test_help_of_every_option_says_what_it_takes(option):
    units = r"pixels|gb|no unit|0 to 1|0\.\.1|relative|number|counted from|minutes|steps|crops|rate"
    files = r"folder|file|zip|dir|tiff|png|json|model|masks"
    kinds = r"name|text|spdx|auto|membrane|one letter|[a-z]+\|[a-z]+"
    told = f"{option.metavar or ''} {option.help}".lower()
    assert re.search(f"{units}|{files}|{kinds}", told), told


@pytest.mark.parametrize("name", [None, *COMMANDS])
def test_help(name):
    result = _invoke(*([name] if name else []), "--help")
    assert result.exit_code == 0
    if name:
        assert COMMANDS[name].help


def test_help_names_every_kind_of_synthetic_image():
    kind = next(param for param in COMMANDS["synth"].params if param.name == "kind")
    assert re.findall(r"\w+", kind.help) == [*EVERY_KIND[:-1], "or", EVERY_KIND[-1]]


def test_no_command_shows_the_help():
    result = _invoke()
    assert result.exit_code == 2
    assert "Usage: touchup" in result.output or "Usage: root" in result.output
    assert "Traceback" not in result.output


def test_interrupt(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("napari_touchup.io.images.write_image", interrupt)
    assert _fails(130, "synth", "nuclei", "-o", tmp_path, "--size", 32) == "touchup: stopped\n"


@pytest.mark.parametrize(("more", "text"), [(20, "20.0 images/s"), (0.5, "30.0 images/min")])
def test_progress_has_rate_and_time_left(more, text):
    now = 0.0
    stream = StringIO()
    bar = console.progress("images")
    assert bar.disable  # nobody watches
    bar.get_time = lambda: now
    task = bar.add_task("segment", total=101)
    bar.update(task, completed=1)
    now = 1.0
    bar.update(task, completed=1 + more)
    Console(file=stream, width=100).print(bar.make_tasks_table(bar.tasks))
    assert text in stream.getvalue()
    assert re.search(r"[1-9]+:\d+ left|0:0[1-9] left", stream.getvalue())


@pytest.mark.parametrize(
    ("words", "code"), [(["--help"], 0), (["segment", "absent", "-o", "out"], 2)]
)
def test_run_as_a_module(words, code):
    result = subprocess.run(
        [sys.executable, "-m", "napari_touchup.cli", *words],
        capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip
    assert result.returncode == code
    assert "touchup" in result.stdout + result.stderr
    assert "Traceback" not in result.stderr
