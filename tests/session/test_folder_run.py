"""Runs over real files in real threads and processes; a tiny network where one is needed."""

import pickle
import subprocess
import sys
from dataclasses import replace
from queue import Queue

import numpy as np
import pytest
import tifffile

from napari_touchup.core.synth import make_image
from napari_touchup.engine.segment import Prediction, Prepared, TileDone
from napari_touchup.io import batch
from napari_touchup.nn.header import DEFAULT_MODEL, Header
from napari_touchup.options import InstanceOptions, ModelSpec, SegmentOptions
from napari_touchup.session.folder import (
    FolderRequest,
    Recalled,
    default_output,
    folder_request,
    segment_folder,
)
from napari_touchup.session.folder_report import Counted, Failed
from napari_touchup.session.folder_run import FolderRun, describe
from napari_touchup.session.images import Image
from napari_touchup.session.segment_run import LOADING
from napari_touchup.session.session import Session

KILLED = """
import sys
from pathlib import Path
from napari_touchup.session.folder import At, Counted, FolderRequest, segment_folder
folder, output, model = map(Path, sys.argv[1:])
for event in segment_folder(FolderRequest(folder, output, model)):
    print(type(event).__name__, flush=True)
"""


@pytest.fixture
def tiny_model(tmp_path):
    import torch

    from napari_touchup.nn.build import build
    from napari_touchup.nn.checkpoint import save

    torch.manual_seed(0)
    spec = ModelSpec(base=2, depth=2)
    path = tmp_path / "tiny.safetensors"
    save(path, build(spec), Header(name="tiny", spec=spec, diameter_px=20))
    return path


@pytest.fixture
def fake_segment(monkeypatch):
    """Masks are the image itself; 99 fails."""

    def segment(model, frame, options, instances):
        yield Prepared("a fake device", 16, 1, 2)
        yield TileDone(1, 2)
        if frame.max() == 99:
            raise RuntimeError("unlucky")
        yield Prediction(np.stack([frame[0]] * 3), frame[0].astype(np.uint16), 0.5)

    monkeypatch.setattr(batch, "segment", segment)


@pytest.fixture
def plate(tmp_path):
    """Makes a folder of images; the number of cells in each is given."""

    def write(*counts):
        folder = tmp_path / "plate"
        folder.mkdir(exist_ok=True)
        for number, count in enumerate(counts):
            image = np.zeros((16, 16), np.uint16)
            image.ravel()[:count] = np.arange(1, count + 1)
            tifffile.imwrite(folder / f"{number}.tif", image)
        return folder

    return write


@pytest.fixture
def request_of(tiny_model):
    def request(folder):
        options = SegmentOptions(device="cpu", precision="float32")
        return FolderRequest(folder, default_output(folder), tiny_model, "tiny", segment=options)

    return request


class Loop:
    """A run, and the calls of its job made one by one by the test."""

    def __init__(self):
        self.calls = Queue()
        self.run = FolderRun(dispatch=self.calls.put)
        self.texts = []
        self.run.events.status.connect(lambda status: self.texts.append(status.text))

    def until(self, condition):
        while not condition():
            self.calls.get(timeout=60)()

    def finish(self):
        self.until(lambda: not self.run.running)


@pytest.fixture
def loop():
    loop = Loop()
    yield loop
    loop.run.close()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_to_its_report(loop, plate, request_of, fake_segment):
    folder = plate(*[20, 21, 19, 20, 22, 20, 18, 20], 200, 0, 99)
    (folder / "bad.tif").write_bytes(b"II*\0 and nothing more")
    loop.run.start(request_of(folder))
    assert loop.run.running
    loop.finish()
    report = loop.run.report
    assert (report.images, report.objects, report.left) == (10, 360, 0)
    assert [(f.kind, f.source.name) for f in report.findings] == [
        ("failed", "10.tif"),
        ("failed", "bad.tif"),
        ("empty", "9.tif"),
        ("unusual", "8.tif"),
    ]
    assert report.findings[0].reason == "unlucky"
    assert report.findings[1].reason.startswith("cannot be read")
    assert report.notices == ("a fake device",)
    assert names(folder.with_name("plate_masks")) == [f"{n}.tif" for n in range(10)]
    assert loop.run.status.kind == "done"
    assert loop.run.status.text == "10 images segmented, 360 cells; 2 failed\na fake device"
    assert LOADING in loop.texts
    assert "Image 1 of 12\n0.tif" in loop.texts
    assert any(text.startswith("Image 12 of 12, ") for text in loop.texts)


def test_progress_counts_what_was_finished_before(loop, plate, request_of, fake_segment):
    folder = plate(3, 4, 5, 6)
    output = default_output(folder)
    output.mkdir()
    tifffile.imwrite(output / "1.tif", np.array([[1, 7]], np.uint16))  # mended by hand
    stages = []
    loop.run.events.status.connect(lambda status: stages.append((status.done, status.total)))
    loop.run.start(request_of(folder))
    loop.finish()
    assert (1000, 4000) in stages
    assert "Image 2 of 4\n0.tif" in loop.texts
    assert (loop.run.report.images, loop.run.report.objects) == (4, 3 + 2 + 5 + 6)
    np.testing.assert_array_equal(tifffile.imread(output / "1.tif"), [[1, 7]])


def test_nothing_left_to_do_loads_no_network(loop, plate, request_of, tmp_path):
    folder = plate(3)
    output = default_output(folder)
    output.mkdir()
    tifffile.imwrite(output / "0.tif", np.array([[1, 7]], np.uint16))
    loop.run.start(replace(request_of(folder), model=tmp_path / "absent"))
    loop.finish()
    assert loop.run.status.text == "1 images segmented, 2 cells"


def test_stop_and_go_on(loop, plate, request_of, fake_segment):
    folder = plate(3, 4, 5)
    loop.run.start(request_of(folder))
    loop.until(lambda: loop.texts[-1].startswith("Image 2 of 3"))
    loop.run.stop()
    assert loop.run.status.text == "Stopping after this tile"
    loop.finish()
    output = default_output(folder)
    if loop.run.report.left:  # the thread may have been faster than the test
        assert loop.run.status.text.startswith("Stopped: ")
    assert not [name for name in names(output) if name.startswith(".")]
    loop.run.start(request_of(folder))
    loop.finish()
    assert names(output) == ["0.tif", "1.tif", "2.tif"]
    assert loop.run.report.objects == 12


def test_a_killed_run_is_gone_on_with(tmp_path, tiny_model, request_of):
    folder = tmp_path / "plate"
    folder.mkdir()
    for seed in range(4):
        image = make_image("nuclei", (192, 192), seed=seed).image
        tifffile.imwrite(folder / f"{seed}.tif", image)
    output = default_output(folder)
    arguments = [sys.executable, "-c", KILLED, folder, output, tiny_model]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        ends = 0
        for line in process.stdout:  # in the middle of the third image
            ends += line.strip() == "Counted"
            if ends == 2 and line.strip() == "At":
                break
        process.kill()
    before = {path.name: path.read_bytes() for path in output.glob("[!.]*")}
    assert len(before) >= 2
    for path in output.glob("[!.]*"):
        assert tifffile.imread(path).shape == (192, 192)
    events = list(segment_folder(request_of(folder)))
    ends = [event for event in events if isinstance(event, Counted | Failed)]
    assert len(ends) == 4 - len(before)
    assert sum(isinstance(event, Recalled) for event in events) == len(before)
    assert names(output) == ["0.tif", "1.tif", "2.tif", "3.tif"]
    assert all((output / name).read_bytes() == content for name, content in before.items())


def test_the_default_model(loop, tmp_path):
    folder = tmp_path / "nuclei"
    folder.mkdir()
    truths = []
    for seed in range(3):
        sample = make_image("nuclei", (128, 128), seed=seed)
        tifffile.imwrite(folder / f"{seed}.tif", sample.image)
        truths.append(int(sample.truth.max()))
    session = Session()
    session.open_model(DEFAULT_MODEL)
    loop.run.start(folder_request(session, folder))
    loop.finish()
    assert loop.run.report.images == 3
    assert loop.run.report.findings == ()
    assert loop.run.report.objects == pytest.approx(sum(truths), rel=0.3)


@pytest.mark.parametrize(
    ("break_it", "kind", "words"),
    [
        ({"folder": "absent"}, "ask", "No such file or folder"),
        ({"output": "plate"}, "ask", "would be written over the images"),
        ({"model": "absent.safetensors"}, "failed", "not segmented to its end"),
        ({"segment": SegmentOptions(device="tpu")}, "failed", "not segmented to its end"),
    ],
)
def test_what_is_wrong_is_said_once(loop, plate, request_of, tmp_path, break_it, kind, words):
    folder = plate(3, 4)
    change = {k: tmp_path / v if isinstance(v, str) else v for k, v in break_it.items()}
    request = replace(request_of(folder), **change)
    loop.run.propose(request, lambda: None)
    if loop.run.status.choices[0][0] == "Start":
        loop.run.status.choices[0][1]()
        loop.finish()
    assert loop.run.status.kind == kind
    assert words in loop.run.status.text


def test_an_output_that_cannot_be_made(loop, plate, request_of, tmp_path):
    (tmp_path / "file").touch()
    loop.run.start(replace(request_of(plate(3)), output=tmp_path / "file" / "masks"))
    loop.finish()
    assert loop.run.status.failure.what
    assert loop.run.status.kind == "failed"


def test_the_question_names_what_is_used(loop, plate, request_of):
    folder = plate(3, 4, 5)
    output = default_output(folder)
    output.mkdir()
    (output / "1.tif").touch()
    called = []
    loop.run.propose(request_of(folder), lambda: called.append(True))
    status = loop.run.status
    assert status.kind == "ask"
    assert status.text == (
        "3 images of plate; masks go to plate_masks. 1 of them have masks there and are skipped."
        " Used: model tiny, threshold 0.5, split 0.25, minimum size 15 px."
    )
    assert [text for text, _ in status.choices] == ["Start", "Masks elsewhere…"]
    status.choices[1][1]()
    assert called == [True]
    assert not loop.run.running


def test_where_all_is_finished_there_is_nothing_to_start(loop, plate, request_of):
    folder = plate(3)
    output = default_output(folder)
    output.mkdir()
    (output / "0.tif").touch()
    loop.run.propose(request_of(folder), lambda: None)
    assert "All of them have masks there. For those of another model" in loop.run.status.text
    assert [text for text, _ in loop.run.status.choices] == ["Masks elsewhere…"]


def test_describe_names_what_differs(request_of, tmp_path):
    request = request_of(tmp_path)
    segment = SegmentOptions(diameter=24, prune=2)
    text = describe(replace(request, channels=(2, 1), axes="ZYX", segment=segment), 3, 0)
    assert "channel 2, 1, axes ZYX, diameter 24 px, levels 2, " in text
    assert "cells linked through Z." in describe(replace(request, link="Z"), 3, 0)


def test_the_frames_of_its_films_are_linked(loop, tmp_path, request_of, fake_segment):
    folder = tmp_path / "films"
    folder.mkdir()
    film = np.zeros((2, 16, 16), np.uint16)
    film[0, :4, :4], film[1, :4, 8:], film[1, :4, :5] = 1, 1, 2
    tifffile.imwrite(folder / "0.tif", film, imagej=True, metadata={"axes": "TYX"})
    loop.run.start(replace(request_of(folder), link="T"))
    loop.finish()
    masks = tifffile.imread(tmp_path / "films_masks" / "0.tif")
    assert [masks[0, 0, 0], masks[1, 0, 0], masks[1, 0, 8]] == [1, 1, 2]


def test_a_request_is_frozen(plate, model_choice, request_of):
    folder = plate(1)
    session = Session(model=model_choice())
    session.options = SegmentOptions(diameter=24)
    request = folder_request(session, folder)
    session.options = SegmentOptions(diameter=50)
    assert request.segment.diameter == 24
    assert request.output == folder.with_name("plate_masks")
    assert pickle.loads(pickle.dumps(request)) == request
    with pytest.raises(AttributeError):
        request.folder = None
    with pytest.raises(RuntimeError, match="Choose a model"):
        folder_request(Session(), folder)


@pytest.mark.parametrize(
    ("shape", "axes", "rgb", "chosen", "numbers"),
    [
        ((4, 5), "YX", False, [0], ()),
        ((3, 14, 15), "CYX", False, [1], (2,)),
        ((3, 14, 15), "CYX", False, [2, 0], (3, 1)),
        ((14, 15, 3), "YXC", True, [0], ()),  # grey of the colours
        ((14, 15, 3), "YXC", True, [1], (1,)),
    ],
)
def test_channels_of_files(plate, model_choice, shape, axes, rgb, chosen, numbers):
    session = Session(model=model_choice(len(chosen)))
    session.image = Image("a", np.zeros(shape), axes, rgb)
    session.channels = tuple(session.image.channels[n] for n in chosen)
    assert folder_request(session, plate(1)).channels == numbers


def test_events_of_a_closed_run_are_dropped(loop, plate, request_of, fake_segment):
    loop.run.start(request_of(plate(3, 4)))
    job = loop.run._job
    loop.run.close()
    assert job.wait(60)
    while not loop.calls.empty():
        loop.calls.get()()
    assert loop.run.report is None


def test_one_run_at_a_time(loop, plate, request_of, fake_segment):
    request = request_of(plate(3, 4))
    loop.run.start(request)
    job = loop.run._job
    loop.run.start(request)
    loop.run.propose(request, lambda: None)
    assert loop.run._job is job
    loop.finish()
    assert loop.run.output_of(request.folder) == request.output


def test_torch_stays_out_until_a_run_begins():
    code = (
        "import sys, napari_touchup.session.folder_run, napari_touchup.session.image_queue;"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_level_is_run(loop, plate, request_of, model_file, layered):
    path = model_file("deep.safetensors", spec=layered)
    how = SegmentOptions(device="cpu", precision="float32", prune=1)
    easy = InstanceOptions(threshold=0.1, h=0.01, min_size=1)
    request = replace(request_of(plate(3)), model=path, segment=how, instances=easy)
    loop.run.start(request)
    loop.finish()
    from napari_touchup.engine.segment import segment
    from napari_touchup.nn.checkpoint import load

    frame = tifffile.imread(request.folder / "0.tif")[None]
    *_, expected = segment(load(path, prune=1), frame, instances=easy)
    np.testing.assert_array_equal(tifffile.imread(request.output / "0.tif"), expected.masks)
