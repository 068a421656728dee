import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile

from napari_touchup.engine.segment import Notice, Prediction, Prepared, TileDone
from napari_touchup.io import batch
from napari_touchup.io.batch import (
    BatchOptions,
    FileDone,
    FileFailed,
    FileNotice,
    FileProgress,
    FileStarted,
    segment_files,
)
from napari_touchup.io.images import open_image
from napari_touchup.io.outputs import Task, plan_outputs
from napari_touchup.io.tiff import PixelSize


def _model(channels=1, classes=3, names=()):
    spec = SimpleNamespace(in_channels=channels, classes=classes)
    return SimpleNamespace(header=SimpleNamespace(spec=spec, channels=names))


def _fake_segment(model, frame, options, instances):
    """Masks are the first channel itself; the maps its value, doubled and tripled."""
    yield Prepared("CPU", 16, 1, 2)
    yield Notice("memory is short")
    yield TileDone(1, 2)
    if frame.max() == 13:
        raise RuntimeError("unlucky\nframe")
    yield TileDone(2, 2)
    masks = frame[0].astype(np.uint32 if frame.max() > 65535 else np.uint16)
    yield Prediction(np.stack([frame[0] * n for n in (1, 2, 3)]), masks, 0.5)


@pytest.fixture(autouse=True)
def _network(monkeypatch):
    monkeypatch.setattr(batch, "segment", _fake_segment)


def _write(path, data, **options):
    tifffile.imwrite(path, data, **options)
    return path


def _run(tmp_path, *sources, maps=False, model=None, **options):
    tasks = plan_outputs(sources, tmp_path / "out", maps=maps)
    return list(segment_files(tasks, model or _model(), BatchOptions(**options)))


def test_events_of_a_file(tmp_path):
    image = np.zeros((4, 5), np.uint16)
    image[1, 1:3] = 1, 2
    source = _write(tmp_path / "a.tif", image)
    events = _run(tmp_path, source)
    assert events[:-1] == [
        FileStarted(source),
        FileNotice(source, "CPU"),
        FileNotice(source, "memory is short"),
        FileProgress(source, 0.5),
        FileProgress(source, 1.0),
    ]
    done = events[-1]
    assert (done.masks, done.frames, done.objects) == (tmp_path / "out" / "a.tif", 1, 2)
    assert pickle.loads(pickle.dumps(events)) == events
    np.testing.assert_array_equal(tifffile.imread(done.masks), image)


@pytest.mark.parametrize(
    ("axes", "shape", "frame_axes", "mask_axes"),
    [("TYX", (3, 4, 5), "T", "TYX"), ("TZCYX", (2, 3, 1, 4, 5), "TZ", "TZYX")],
)
def test_all_frames(tmp_path, axes, shape, frame_axes, mask_axes):
    image = np.arange(np.prod(shape), dtype=np.uint16).reshape(shape) + 100
    options = {"imagej": True, "resolution": (4, 2)}
    metadata = {"axes": axes, "unit": "um", "spacing": 3.0}
    source = _write(tmp_path / "a.tif", image, metadata=metadata, **options)
    done = _run(tmp_path, source, maps=True)[-1]
    frames = int(
        np.prod([n for letter, n in zip(axes, shape, strict=True) if letter in frame_axes])
    )
    assert done.frames == frames
    with open_image(done.masks) as masks, open_image(tmp_path / "out" / "a_maps.tif") as maps:
        assert masks.axes == mask_axes
        np.testing.assert_array_equal(masks.data, image.squeeze())
        assert masks.pixel == maps.pixel == PixelSize(0.5, 0.25, 3.0)
        assert maps.axes == f"{frame_axes}CYX"
        assert maps.data.dtype == np.float32
        second = maps.stack((1,)).read((0,) * len(frame_axes))
        np.testing.assert_array_equal(second[0], image.reshape(frames, 4, 5)[0] * 2)


def test_frames_are_written_in_the_order_of_imagej(tmp_path):
    image = np.arange(2 * 3 * 4 * 5, dtype=np.uint16).reshape(2, 3, 4, 5) + 100
    source = _write(tmp_path / "a.tif", image, photometric="minisblack")
    done = _run(tmp_path, source, axes="ZTYX")[-1]
    np.testing.assert_array_equal(tifffile.imread(done.masks), image.swapaxes(0, 1))


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        (None, [[[1, 1, 0], [0, 1, 1]], [[0, 1, 1], [1, 1, 0]]]),
        ("T", [[[1, 1, 0], [0, 2, 2]], [[0, 1, 1], [2, 2, 0]]]),
        ("Z", [[[1, 1, 0], [0, 1, 1]], [[0, 2, 2], [2, 2, 0]]]),
    ],
)
def test_objects_keep_their_number_along_an_axis(tmp_path, link, expected):
    frames = np.array([[[1, 1, 0], [0, 1, 1]], [[0, 1, 1], [1, 1, 0]]], np.uint8)  # (T, Z, X)
    source = _write(tmp_path / "a.tif", frames[:, :, None], photometric="minisblack")
    done = _run(tmp_path, source, axes="TZYX", link=link)[-1]
    assert done.objects == 4  # in every frame anew
    assert tifffile.imread(done.masks)[:, :, 0].tolist() == expected


def test_a_file_without_that_axis_is_not_linked(tmp_path):
    source = _write(tmp_path / "a.tif", np.array([[0, 3, 3]], np.uint8))
    assert tifffile.imread(_run(tmp_path, source, link="T")[-1].masks).tolist() == [[0, 3, 3]]


def test_one_frame_of_many_objects_makes_all_uint32(tmp_path):
    image = np.array([[[1, 2]], [[70_000, 3]]] * 3, np.uint32)
    source = _write(tmp_path / "a.tif", image, photometric="minisblack")
    done = _run(tmp_path, source, axes="TYX")[-1]
    masks = tifffile.imread(done.masks)
    assert masks.dtype == np.uint32
    np.testing.assert_array_equal(masks, image)


def test_a_failure_does_not_stop_the_others(tmp_path):
    good = np.full((4, 5), 2, np.uint16)
    sources = [
        _write(tmp_path / "a.tif", good),
        tmp_path / "b.tif",
        _write(tmp_path / "c.tif", np.full((4, 5), 13, np.uint16)),
        _write(tmp_path / "d.tif", good * 0),
    ]
    sources[1].write_bytes(b"II*\0 and nothing more")
    ends = [e for e in _run(tmp_path, *sources, maps=True) if isinstance(e, FileDone | FileFailed)]
    assert [type(end) for end in ends] == [FileDone, FileFailed, FileFailed, FileDone]
    assert "b.tif cannot be read" in ends[1].reason
    assert ends[2].reason == "unlucky"
    assert ends[3].objects == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["a.tif", "a_maps.tif", "d.tif", "d_maps.tif"]


def test_stopping_leaves_nothing_half(tmp_path):
    source = _write(tmp_path / "a.tif", np.ones((4, 5), np.uint16))
    events = segment_files(plan_outputs([source], tmp_path / "out", maps=True), _model())
    for event in events:
        if isinstance(event, FileProgress):
            break
    events.close()
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("channels", "wanted", "mask"),
    [((), 3, 10), ((), 1, 18), ((3,), 1, 30), ((2, 1), 2, 20)],
)
def test_colours(tmp_path, channels, wanted, mask):
    image = np.broadcast_to(np.array([10, 20, 30], np.uint8), (4, 5, 3))
    source = _write(tmp_path / "a.tif", image, photometric="rgb")
    events = _run(tmp_path, source, model=_model(wanted), channels=channels)
    assert events[-1].objects == mask
    told = FileNotice(
        source, "colours are turned to grey: grey = 0.299 red + 0.587 green + 0.114 blue"
    )
    assert (told in events) == (wanted == 1 and not channels)


@pytest.mark.parametrize(
    ("channels", "wanted", "reason"),
    [
        (
            (),
            1,
            "expected 1 channel for this model, got 2: say which of 1 to 2 to use, or, if these"
            " are frames, give the axes",
        ),
        ((3,), 1, "expected a channel of 1 to 2, got 3"),
        ((1,), 2, "expected 2 channels for this model, got 1"),
    ],
)
def test_channels_are_never_left_out_unasked(tmp_path, channels, wanted, reason):
    image = np.ones((2, 14, 15), np.uint16)
    source = _write(tmp_path / "a.tif", image, imagej=True, metadata={"axes": "CYX"})
    events = _run(tmp_path, source, model=_model(wanted), channels=channels)
    assert events[-1] == FileFailed(source, reason)


def test_channels_count_from_one():
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        BatchOptions(channels=(0,))


def test_a_task_knows_when_it_is_finished(tmp_path):
    task = Task(tmp_path / "a.png", tmp_path / "a.tif", tmp_path / "a_maps.tif")
    task.masks.touch()
    assert not task.finished
    task.maps.touch()
    assert task.finished


@pytest.mark.parametrize(
    ("channels", "learned", "told"),
    [
        ((), ("DAPI", "GFP"), ["This model learned DAPI, GFP; here it is given GFP, DAPI."]),
        ((2, 1), ("DAPI", "GFP"), []),
        ((2,), ("dapi",), []),
        ((1,), ("DAPI",), ["This model learned DAPI; here it is given GFP."]),
        ((1,), (), []),
    ],
)
def test_other_channels_than_learned_are_told(tmp_path, channels, learned, told):
    about = {"axes": "CYX", "Channel": {"Name": ["GFP", "DAPI"]}}
    source = _write(tmp_path / "a.ome.tif", np.zeros((2, 4, 5), np.uint8), ome=True, metadata=about)
    model = _model(len(channels) or 2, names=learned)
    events = _run(tmp_path, source, model=model, channels=channels)
    texts = [event.text for event in events if isinstance(event, FileNotice)]
    assert [text for text in texts if "learned" in text] == told
    assert isinstance(events[-1], FileDone)
