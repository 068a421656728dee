import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_touchup.io import tiff
from napari_touchup.io.images import (
    ImageFileError,
    channel_names,
    open_image,
    read_labels,
    write_image,
    write_labels,
)
from napari_touchup.io.tiff import PixelSize


def _array(*shape, dtype=np.uint16):
    return (np.arange(np.prod(shape)) % 251).astype(dtype).reshape(shape)


def _load(path, axes=None):
    with open_image(path, axes) as image:
        return np.asarray(image.data[...]), image.axes, image.rgb, image.pixel


@pytest.mark.parametrize(
    ("shape", "options", "axes", "rgb"),
    [
        ((7, 9), {}, "YX", False),
        ((7, 9, 3), {"photometric": "rgb"}, "YXC", True),
        ((3, 7, 9), {"photometric": "rgb", "planarconfig": "separate"}, "CYX", True),
        ((7, 9, 4), {"photometric": "rgb", "extrasamples": ["unassalpha"]}, "YXC", True),
        ((6, 7, 9), {"photometric": "minisblack"}, "TYX", False),
        ((2, 7, 9), {"photometric": "minisblack"}, "CYX", False),  # as the dock guesses
        ((5, 2, 7, 9), {"imagej": True, "metadata": {"axes": "TCYX"}}, "TCYX", False),
        ((5, 7, 9), {"imagej": True, "metadata": {"axes": "ZYX"}}, "ZYX", False),
        ((2, 7, 9), {"imagej": True, "metadata": {"axes": "TYX"}}, "TYX", False),
        ((4, 5, 7, 9), {"ome": True, "metadata": {"axes": "TZYX"}}, "TZYX", False),
        ((4, 7, 9, 3), {"ome": True, "metadata": {"axes": "TYXS"}}, "TYXC", True),
    ],
)
def test_axes_of_tiff(tmp_path, shape, options, axes, rgb):
    data = _array(*shape)
    tifffile.imwrite(tmp_path / "a.tif", data, **options)
    found, found_axes, found_rgb, _ = _load(tmp_path / "a.tif")
    assert (found_axes, found_rgb) == (axes, rgb)
    np.testing.assert_array_equal(found, data)


def test_pages_of_a_plain_tiff_are_frames(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for _ in range(6):
            file.write(_array(7, 9), metadata=None)
    assert _load(tmp_path / "a.tif")[1] == "TYX"


def test_axes_can_be_said(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", _array(2, 7, 9), photometric="minisblack")
    assert _load(tmp_path / "a.tif", "zyx")[1] == "ZYX"
    with pytest.raises(ImageFileError, match="expected 3 axes"):
        _load(tmp_path / "a.tif", "YX")


@pytest.mark.parametrize(
    ("mode", "shape", "dtype", "axes", "rgb"),
    [
        ("L", (7, 9), np.uint8, "YX", False),
        ("1", (7, 9), np.uint8, "YX", False),
        ("LA", (7, 9), np.uint8, "YX", False),
        ("I;16", (7, 9), np.uint16, "YX", False),
        ("RGB", (7, 9, 3), np.uint8, "YXC", True),
        ("RGBA", (7, 9, 4), np.uint8, "YXC", True),
        ("P", (7, 9, 3), np.uint8, "YXC", True),
    ],
)
def test_png(tmp_path, mode, shape, dtype, axes, rgb):
    Image.new(mode, (9, 7)).save(tmp_path / "a.png")
    found, *about = _load(tmp_path / "a.png")
    assert (found.shape, found.dtype, *about) == (shape, dtype, axes, rgb, None)


@pytest.mark.parametrize(("mode", "axes"), [("L", "YX"), ("RGB", "YXC"), ("CMYK", "YXC")])
def test_jpeg(tmp_path, mode, axes):
    Image.new(mode, (9, 7)).save(tmp_path / "a.jpg")
    assert _load(tmp_path / "a.jpg")[1] == axes


def test_sixteen_bits_of_a_png_survive(tmp_path):
    data = np.array([[0, 1], [40000, 65535]], np.uint16)
    Image.fromarray(data).save(tmp_path / "a.png")
    np.testing.assert_array_equal(_load(tmp_path / "a.png")[0], data)


def test_large_tiff_is_read_frame_by_frame(tmp_path, monkeypatch):
    data = _array(6, 7, 9)
    tifffile.imwrite(
        tmp_path / "a.tif", data, imagej=True, metadata={"axes": "TYX"}, compression="zlib"
    )
    monkeypatch.setattr(tiff, "LAZY_BYTES", 0)
    with open_image(tmp_path / "a.tif") as image:
        assert not isinstance(image.data, np.ndarray)
        np.testing.assert_array_equal(image.stack().read((4,)), data[4][np.newaxis])
    (tmp_path / "a.tif").unlink()  # nothing holds it any more


@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_a_large_tiff_that_is_not_compressed_is_mapped(tmp_path, monkeypatch, byteorder):
    data = _array(6, 7, 9).astype(np.uint16)
    tifffile.imwrite(
        tmp_path / "a.tif", data, photometric="minisblack", byteorder=byteorder,
        metadata={"axes": "TYX"},
    )  # fmt: skip
    monkeypatch.setattr(tiff, "LAZY_BYTES", 0)
    with open_image(tmp_path / "a.tif") as image:
        assert isinstance(image.data, np.memmap)
        frame = image.stack().read((4,))
        assert np.shares_memory(frame, image.data)  # nothing was read yet
    np.testing.assert_array_equal(frame, data[4][np.newaxis])


def _cut(path, part):
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.jpg"])
def test_a_file_cut_short(tmp_path, name, compression):
    path = tmp_path / name
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    if name == "a.tif":
        tifffile.imwrite(path, noise, compression=compression)
    else:
        Image.fromarray(noise).save(path)
    _cut(path, 0.5)
    with pytest.raises(ImageFileError, match=r"^.*a\.\w+ cannot be read: [^\n]+$"):
        _load(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "it is no TIFF"), (b"hello", "it is no TIFF"), (b"II*\0", "."), (None, "No such file")],
)
def test_no_image(tmp_path, content, reason):
    path = tmp_path / "a.tif"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ImageFileError, match=f"a.tif cannot be read: {reason}"):
        _load(path)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (np.zeros((4, 4), np.complex64), "expected real numbers, got complex64"),
        ([np.zeros((4, 4), np.uint8), np.zeros((5, 5), np.uint8)], "expected one image, got 2"),
    ],
)
def test_images_of_another_kind(tmp_path, data, reason):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for page in data if isinstance(data, list) else [data]:
            file.write(page, metadata=None)
    with pytest.raises(ImageFileError, match=reason):
        _load(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("options", "pixel"),
    [
        (
            {
                "imagej": True,
                "resolution": (4, 2),
                "metadata": {"axes": "ZYX", "unit": "micron", "spacing": 1.5},
            },
            PixelSize(y=0.5, x=0.25, z=1.5),
        ),
        ({"imagej": True, "metadata": {"axes": "ZYX"}}, None),
        (
            {
                "ome": True,
                "metadata": {"axes": "ZYX", "PhysicalSizeX": 0.25, "PhysicalSizeY": 0.5}
                | {"PhysicalSizeXUnit": "nm", "PhysicalSizeYUnit": "nm"},
            },
            PixelSize(y=0.5, x=0.25, unit="nm"),
        ),
        ({"ome": True, "metadata": {"axes": "ZYX"}}, None),
        (
            {"resolution": (100, 50), "resolutionunit": "centimeter"},
            PixelSize(y=0.02, x=0.01, unit="cm"),
        ),
        ({}, None),
    ],
)
def test_pixel_size(tmp_path, options, pixel):
    tifffile.imwrite(tmp_path / "a.tif", _array(5, 7, 9), **options)
    assert _load(tmp_path / "a.tif")[3] == pixel


@pytest.mark.parametrize(
    ("axes", "shape", "written", "written_shape"),
    [
        ("YX", (7, 9), "YX", (7, 9)),
        ("XY", (7, 9), "YX", (9, 7)),
        ("TYX", (3, 7, 9), "TYX", (3, 7, 9)),
        ("TYX", (1, 7, 9), "YX", (7, 9)),  # tifffile leaves out what has one entry
        ("ZTYX", (2, 3, 7, 9), "TZYX", (3, 2, 7, 9)),
    ],
)
@pytest.mark.parametrize("top", [255, 70_000])
def test_labels_as_imagej_reads_them(tmp_path, axes, shape, written, written_shape, top):
    labels = _array(*shape, dtype=np.int64)
    labels.flat[-1] = top
    pixel = PixelSize(0.5, 0.25, 2.0)
    write_labels(tmp_path / "a.tif", labels, axes, pixel)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.is_imagej
        assert file.series[0].axes == written
        assert file.series[0].shape == written_shape
        assert file.pages[0].compression == tifffile.COMPRESSION.ADOBE_DEFLATE
        assert file.series[0].dtype == (np.uint16 if top < 65536 else np.uint32)
    found, _, _, found_pixel = _load(tmp_path / "a.tif")
    assert found_pixel == pixel
    assert found.max() == top
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]
    again = read_labels(tmp_path / "a.tif").data
    np.testing.assert_array_equal(again, labels.transpose(_order(axes)).reshape(written_shape))


def _order(axes):
    return [axes.index(letter) for letter in "TZYX" if letter in axes]


def _write_and_stop(path):
    with tiff.plane_writer(path, (2, 7, 9), "TYX", np.uint16) as write:
        write(_array(7, 9))
        raise RuntimeError("stop")


def test_a_failed_write_leaves_the_old_file(tmp_path):
    write_labels(tmp_path / "a.tif", _array(7, 9), "YX")
    before = (tmp_path / "a.tif").read_bytes()
    with pytest.raises(RuntimeError, match="stop"):
        _write_and_stop(tmp_path / "a.tif")
    assert (tmp_path / "a.tif").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("data", [np.array([[-1, 2]]), np.array([[0.5, 2]])])
def test_only_labels_are_written_as_labels(tmp_path, data):
    with pytest.raises(ValueError, match="expected labels"):
        write_labels(tmp_path / "a.tif", data, "YX")


def test_maps_keep_their_numbers(tmp_path):
    maps = np.linspace(0, 1, 3 * 7 * 9, dtype=np.float32).reshape(3, 7, 9)
    write_image(tmp_path / "a.tif", maps, "CYX")
    found, axes, rgb, _ = _load(tmp_path / "a.tif")
    np.testing.assert_array_equal(found, maps)
    assert (axes, rgb) == ("CYX", False)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (np.array([[0.5, 2]], np.float32), "got float32 from 0.5 to 2"),
        (np.array([[-3, 2]], np.int16), "got int16 from -3 to 2"),
        (np.zeros((7, 9, 3), np.uint8), "got colours"),
    ],
)
def test_what_is_no_label_image(tmp_path, data, reason):
    tifffile.imwrite(tmp_path / "a.tif", data)
    with pytest.raises(ImageFileError, match=rf"a.tif: expected labels .*, {reason}"):
        read_labels(tmp_path / "a.tif")


def test_labels_of_few_pages_are_frames(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", _array(2, 7, 9), photometric="minisblack")
    assert read_labels(tmp_path / "a.tif").axes == "TYX"


@pytest.mark.parametrize(
    ("channel", "names"),
    [
        ({"Name": ["DAPI", "GFP"]}, ("DAPI", "GFP")),
        ({"Name": ["Channel 1", " GFP "]}, ("", "GFP")),
        ({"Name": ["Channel:0:0", "Channel:0:1"]}, ()),
        ({}, ()),
    ],
)
def test_channel_names_of_ome(tmp_path, channel, names):
    path = tmp_path / "a.ome.tif"
    about = {"axes": "CYX", "Channel": channel}
    tifffile.imwrite(path, _array(2, 7, 9), ome=True, metadata=about)
    with open_image(path) as image:
        assert image.names == names
        assert image.names_of((2,)) == names[1:]
    with open_image(path, "TYX") as image:
        assert image.names == ()
    assert channel_names(path, 2) == names
    assert channel_names(path, 3) == ()


def test_other_files_name_no_channels(tmp_path):
    write_image(tmp_path / "a.tif", _array(2, 7, 9), "CYX")
    assert channel_names(tmp_path / "a.tif", 2) == ()
    Image.new("L", (4, 3)).save(tmp_path / "a.png")
    assert channel_names(tmp_path / "a.png", 1) == ()
    with pytest.raises(ImageFileError, match=r"gone\.tif cannot be read"):
        channel_names(tmp_path / "gone.tif", 1)
