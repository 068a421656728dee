import shlex
import sys
from dataclasses import replace
from pathlib import Path
from queue import Queue
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from napari_touchup.cli import app
from napari_touchup.core.delta import Object
from napari_touchup.core.synth import make_image
from napari_touchup.io.images import read_labels, write_image
from napari_touchup.nn.header import DEFAULT_MODEL, content_hash, read_header
from napari_touchup.options import InstanceOptions, SegmentOptions
from napari_touchup.session.images import Channel, Image
from napari_touchup.session.linking import Linking
from napari_touchup.session.recipe import as_command, as_python, methods_text, recipe
from napari_touchup.session.session import Session
from napari_touchup.session.wanted import ModelChoice

CPU = SegmentOptions(device="cpu", precision="float32")
posix = pytest.mark.skipif(sys.platform == "win32", reason="a command is quoted as POSIX has it")


@pytest.fixture
def calls() -> Queue[Any]:
    return Queue()


@pytest.fixture
def session(calls: Queue[Any]) -> Any:
    session = Session(dispatch=calls.put)
    session.model = ModelChoice(DEFAULT_MODEL, read_header(DEFAULT_MODEL))
    yield session
    session.close()


def opened(path: Path, data: np.ndarray, axes: str) -> Image:
    path.parent.mkdir(exist_ok=True)
    write_image(path, data, axes)
    return Image(path.stem, data, axes, path=path)


def masks_of(session: Session, calls: Queue[Any]) -> np.ndarray:
    """What the session draws."""
    session.segment()
    while session.running:
        calls.get(timeout=60)()
    image = session.image
    assert image is not None
    return session.project.state(image.key, session.frame, image.plane_shape).labels


@pytest.fixture
def settings(session: Session, tmp_path: Path) -> Session:
    """The second channel of a file whose name has a blank, with options that are not usual."""
    nuclei = make_image("nuclei", (96, 128), seed=1).image
    data = np.stack([np.zeros_like(nuclei), nuclei])
    session.image = opened(tmp_path / "my images" / "a.tif", data, "CYX")
    session.channels = (session.image.channels[1],)
    session.options = CPU.model_copy(update={"diameter": 24.0, "tile": 256})
    session.instances = InstanceOptions(threshold=0.4, h=0.2, min_size=9, fill_holes=False)
    return session


@posix
def test_the_command_writes_the_same_masks(settings: Session, calls: Queue[Any]) -> None:
    command = as_command(recipe(settings, None))
    expected = masks_of(settings, calls)
    assert expected.any()
    result = CliRunner().invoke(app, shlex.split(command)[1:])
    assert result.exit_code == 0, result.output
    written = recipe(settings, None).request.output / "a.tif"
    np.testing.assert_array_equal(read_labels(written).data, expected)


def test_the_python_writes_the_same_masks(settings: Session, calls: Queue[Any]) -> None:
    code = as_python(recipe(settings, None))
    expected = masks_of(settings, calls)
    exec(code, {"print": lambda *_: None})
    written = recipe(settings, None).request.output / "a.tif"
    np.testing.assert_array_equal(read_labels(written).data, expected)


@posix
def test_only_what_is_not_usual_is_told(session: Session, tmp_path: Path) -> None:
    session.image = opened(tmp_path / "b.tif", np.zeros((4, 5), np.uint8), "YX")
    out = tmp_path.parent / f"{tmp_path.name}_masks"
    assert as_command(recipe(session, None)) == f"touchup segment {tmp_path / 'b.tif'} -o {out}"
    assert as_command(recipe(session, "YX")).endswith(" --axes YX")


@posix
def test_the_command_links_as_the_window_does(
    session: Session, calls: Queue[Any], tmp_path: Path
) -> None:
    nuclei = make_image("nuclei", (96, 128), seed=1).image
    film = np.stack([nuclei, np.roll(nuclei, 3, axis=1), np.roll(nuclei, 60, axis=1)])
    image = session.image = opened(tmp_path / "film.tif", film, "TYX")
    session.channels = image.channels
    session.options = CPU
    session.link = "T"
    linking, done = Linking(session), list[bool]()
    session.segment([(0,), (1,), (2,)])
    while session.running:
        calls.get(timeout=60)()
    linking.link(lambda: done.append(True))
    while not done:
        calls.get(timeout=60)()
    made = recipe(session, None)
    shown = [session.project.state(image.key, (n,), (96, 128)).labels for n in range(3)]
    result = CliRunner().invoke(app, shlex.split(as_command(made))[1:])
    assert result.exit_code == 0, result.output
    np.testing.assert_array_equal(read_labels(made.request.output / "film.tif").data, shown)
    exec(as_python(made).replace("film.tif'))", "again.tif'))"))
    np.testing.assert_array_equal(read_labels(made.request.output / "again.tif").data, shown)
    linking.close()


def test_a_link_along_an_axis_that_is_not_there_is_left_out(settings: Session) -> None:
    settings.link = "Z"
    assert "--link" not in as_command(recipe(settings, None))


def test_methods_text(settings: Session) -> None:
    assert settings.model is not None
    states = ["corrected", "corrected", "confirmed", "deleted", "untouched"]
    reviewed = [Object("", "corrected", n, state, False) for n, state in enumerate(states, 1)]
    made = recipe(settings, None)
    text = methods_text(made, settings.model.header, 1, reviewed)
    assert text.startswith("Objects in 1 frame of a.tif were segmented with napari-touchup ")
    assert f"SHA-256 {content_hash(DEFAULT_MODEL)[:12]}…; unet, base 16, depth 4;" in text
    assert "with threshold 0.4, h 0.2, min size 9, fill holes False, device cpu" in text
    film = replace(made, request=replace(made.request, link="T"))
    linked = methods_text(film, settings.model.header, 2, [])
    assert ", and linked through T where they overlap (IoU of at least 0.1). " in linked
    assert "2 were corrected by hand, 1 confirmed as they were drawn and 1 deleted" in text


def test_what_no_command_can_read_is_said(session: Session, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Open an image and choose a model first"):
        recipe(session, None)
    session.image = Image("a", np.zeros((4, 5)), "YX")
    with pytest.raises(ValueError, match="has no file of its own"):
        recipe(session, None)
    session.image = opened(tmp_path / "c.tif", np.zeros((4, 5), np.uint8), "YX")
    session.channels = (Channel("other", np.zeros((4, 5)), "YX"),)
    with pytest.raises(ValueError, match="channels are of several layers"):
        recipe(session, None)
