"""Images that people really have, from the file to the masks."""

from queue import Queue

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from napari_touchup.core import normalize
from napari_touchup.core.synth import make_image
from napari_touchup.engine import spool
from napari_touchup.engine.segment import FLAT, Prediction, segment
from napari_touchup.io import tiff
from napari_touchup.io.batch import BatchOptions, FileDone, FileFailed, FileNotice, segment_files
from napari_touchup.io.images import open_image
from napari_touchup.io.outputs import plan_outputs
from napari_touchup.nn.header import DEFAULT_MODEL, read_header
from napari_touchup.options import SegmentOptions
from napari_touchup.session.images import Image
from napari_touchup.session.network import TorchNetwork
from napari_touchup.session.session import Session
from napari_touchup.session.wanted import ModelChoice

OPTIONS = SegmentOptions(device="cpu", precision="float32")
PLANE = make_image("nuclei", (128, 160), seed=3).image.squeeze().astype(np.float64)
PLANE = (PLANE - PLANE.min()) / np.ptp(PLANE)
TWELVE = np.uint16(PLANE * 4095)  # of 16 bits, as most cameras write


@pytest.fixture(scope="module")
def model():
    from napari_touchup.nn.checkpoint import load

    return load(DEFAULT_MODEL)


class Files:
    """Segments one file, masks and maps."""

    def __init__(self, folder, model):
        self.folder = folder
        self.model = model
        self.count = 0

    def end(self, path, **how):
        self.count += 1
        (task,) = plan_outputs([path], self.folder / f"out{self.count}", maps=True)
        events = list(segment_files([task], self.model, BatchOptions(segment=OPTIONS, **how)))
        self.told = [event.text for event in events if isinstance(event, FileNotice)]
        return events[-1]

    def masks(self, path, **how):
        done = self.end(path, **how)
        assert isinstance(done, FileDone), done
        with open_image(done.masks.with_name(f"{done.masks.stem}_maps.tif")) as maps:
            assert np.isfinite(maps.data).all()
        masks = tifffile.imread(done.masks)
        assert masks.max() == done.objects or done.frames > 1
        return masks

    def of(self, data, **how):
        """Masks of an array that is written as a TIFF first."""
        path = self.folder / f"{self.count}.tif"
        tifffile.imwrite(path, data, **how)
        return self.masks(path)


@pytest.fixture
def files(tmp_path, model):
    return Files(tmp_path, model)


def agreement(a, b):
    """Share of the pixels in which two label images, numbered alike, are the same."""
    assert a.shape == b.shape
    return float((a == b).mean())


@pytest.mark.parametrize(
    ("data", "how"),
    [
        pytest.param(TWELVE.astype(">u2"), {"byteorder": ">"}, id="big-endian"),
        pytest.param(np.int16(TWELVE.astype(int) - 2000), {}, id="signed 16 bits"),
        pytest.param(TWELVE * 1e-6, {}, id="float64"),
        pytest.param(np.uint8(PLANE * 255), {}, id="8 bits"),
        pytest.param(
            np.repeat(np.uint8(PLANE * 255)[..., np.newaxis], 3, axis=2),
            {"photometric": "rgb"},
            id="a screenshot of grey",
        ),
    ],
)
def test_the_same_picture_in_other_numbers(files, data, how):
    expected = files.of(TWELVE)
    assert expected.max() > 5
    assert agreement(files.of(data, **how), expected) > 0.99


def test_a_screenshot_that_is_a_png(files, tmp_path):
    grey = np.uint8(PLANE * 255)
    Pillow.fromarray(np.repeat(grey[..., np.newaxis], 4, axis=2)).save(tmp_path / "shot.png")
    Pillow.fromarray(grey).save(tmp_path / "grey.png")
    shot, plain = files.masks(tmp_path / "shot.png"), files.masks(tmp_path / "grey.png")
    assert agreement(shot, plain) > 0.99


def test_a_mask_as_an_image(files):
    masks = files.of(PLANE > 0.3)
    assert 0 < masks.max() < 50


def test_a_scale_bar_that_is_burnt_in(files):
    barred = np.uint8(PLANE * 200)
    plain = files.of(barred)
    barred[116:121, 100:150] = 255
    masks = files.of(barred)
    assert np.bincount(masks.ravel())[1:].max() < 2 * np.bincount(plain.ravel())[1:].max()
    far = np.s_[:100]
    assert agreement(masks[far] > 0, plain[far] > 0) > 0.97


@pytest.mark.parametrize("metadata", [{}, None])
@pytest.mark.parametrize("part", [np.s_[60:61], np.s_[:, 70:71], np.s_[60:61, 70:71]])
def test_one_pixel_wide(files, part, metadata):
    line = TWELVE[part]
    assert files.of(line, metadata=metadata).size == line.size


@pytest.mark.parametrize(
    "value",
    [np.uint8(0), np.uint16(0), np.uint16(77), np.float32(0.5), np.float32(np.nan), np.bool_(True)],
)
def test_nothing_to_see(files, value):
    assert files.of(np.full((90, 100), value)).max() == 0
    assert FLAT in files.told


def test_what_is_seen_is_not_called_flat(files):
    files.of(TWELVE)
    assert FLAT not in files.told


def test_a_border_of_nan(files):
    plain = files.of(TWELVE.astype(np.float32))
    bordered = TWELVE.astype(np.float32)
    bordered[:6] = bordered[:, -6:] = np.nan
    masks = files.of(bordered)
    assert agreement(masks[20:, :-20] > 0, plain[20:, :-20] > 0) > 0.98


def test_two_pages_that_do_not_say_what_they_are(files, tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for _ in range(2):
            file.write(TWELVE, metadata=None)
    end = files.end(tmp_path / "a.tif")
    assert isinstance(end, FileFailed)
    assert end.reason.endswith("say which of 1 to 2 to use, or, if these are frames, give the axes")
    one = files.masks(tmp_path / "a.tif", channels=(2,))
    both = files.masks(tmp_path / "a.tif", axes="TYX")
    assert both.tolist() == [one.tolist()] * 2


class Recording:
    """An array that notes how much is read of it at once, pixels."""

    def __init__(self, data):
        self._data = data
        self.shape, self.dtype = data.shape, data.dtype
        self.reads = []

    def __getitem__(self, key):
        part = self._data[key]
        self.reads.append(part.size)
        return part


def test_a_huge_plane_is_read_tile_by_tile(model, monkeypatch):
    monkeypatch.setattr(spool, "MEMORY_BYTES", 1000)
    monkeypatch.setattr(normalize, "SAMPLE_PX", 2000)
    frame = Recording(np.tile(TWELVE, (4, 3))[np.newaxis])  # (1, 512, 480)
    options = OPTIONS.model_copy(update={"tile": 256, "batch": 1})
    *_, found = segment(model, frame, options)
    assert isinstance(found, Prediction)
    assert not isinstance(found.maps, np.ndarray)
    assert found.maps.dtype == np.float16
    assert len(frame.reads) > 4
    assert max(frame.reads) <= 256 * 256
    *_, whole = segment(model, np.asarray(frame._data), options)
    assert agreement(found.masks, whole.masks) > 0.99


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_huge_file(files, tmp_path, monkeypatch, compression):
    tifffile.imwrite(tmp_path / "a.tif", TWELVE, compression=compression)
    expected = files.masks(tmp_path / "a.tif")
    monkeypatch.setattr(spool, "MEMORY_BYTES", 1000)
    monkeypatch.setattr(tiff, "LAZY_BYTES", 1000)
    assert agreement(files.masks(tmp_path / "a.tif"), expected) > 0.99


class Window:
    """A session with the real network; the test makes the calls of its jobs."""

    def __init__(self):
        self.calls = Queue()
        choice = ModelChoice(DEFAULT_MODEL, read_header(DEFAULT_MODEL))
        self.session = Session(
            network=TorchNetwork(), dispatch=self.calls.put, model=choice, options=OPTIONS
        )

    def segment(self, data, axes="YX"):
        image = self.session.image = Image("a", data, axes)
        self.session.segment()
        while self.session.running:
            self.calls.get(timeout=60)()
        assert self.session.status.kind == "done", self.session.status
        return image, self.session.tools(image).state(()).labels


@pytest.fixture(scope="module")
def window():
    made = Window()
    yield made
    made.session.close()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(TWELVE[60:61], id="1 x N"),
        pytest.param(TWELVE[:, 70:71], id="N x 1"),
        pytest.param(TWELVE.astype(">u2"), id="big-endian"),
        pytest.param(TWELVE > 2000, id="bool"),
        pytest.param(np.where(TWELVE > 4000, np.nan, TWELVE), id="NaN"),
        pytest.param(np.int16(TWELVE.astype(int) - 2000), id="signed"),
    ],
)
def test_in_the_window(window, data):
    _, masks = window.segment(data)
    assert masks.shape == data.shape


def test_nothing_to_see_in_the_window(window):
    _, masks = window.segment(np.zeros((64, 64), np.uint16))
    assert masks.max() == 0
    said = window.session.status.text
    assert said.startswith("No cells found. Try another channel")
    assert said.endswith(FLAT)


def test_a_huge_plane_in_the_window(window, monkeypatch):
    expected = window.segment(TWELVE)[1].copy()
    monkeypatch.setattr(spool, "MEMORY_BYTES", 1000)
    image, masks = window.segment(TWELVE.astype(float))
    assert isinstance(image.frames[()].maps, np.memmap)
    assert agreement(masks, expected) > 0.99
    threshold = window.session.instances.model_copy(update={"threshold": 0.6})
    window.session.instances = threshold  # made again of the maps on disk
    while not window.calls.empty() or image.frames[()].made_with != threshold:
        window.calls.get(timeout=60)()
