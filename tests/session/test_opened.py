import numpy as np
import pytest
import tifffile

from napari_touchup.io import tiff
from napari_touchup.io.images import ImageFileError, write_image, write_labels
from napari_touchup.session.opened import read_files


def test_an_image_and_its_masks(tmp_path, spots):
    write_image(tmp_path / "a.tif", spots(90), "YX")
    write_labels(tmp_path / "m.tif", spots(1, 2), "YX")
    (opened,) = read_files(tmp_path / "a.tif", tmp_path / "m.tif")
    assert (opened.path, opened.image.axes) == (tmp_path / "a.tif", "YX")
    assert opened.masks.data.max() == 2


def test_masks_that_are_not_there(tmp_path, spots):
    write_image(tmp_path / "a.tif", spots(90), "YX")
    (opened,) = read_files(tmp_path / "a.tif", tmp_path / "m.tif")
    assert opened.masks is None


def test_a_large_file_is_read_until_it_is_closed(tmp_path, spots, monkeypatch):
    monkeypatch.setattr(tiff, "LAZY_BYTES", 10)
    tifffile.imwrite(tmp_path / "a.tif", spots(90), compression="zlib")
    (opened,) = read_files(tmp_path / "a.tif")
    assert not isinstance(opened.image.data, np.ndarray)
    assert np.asarray(opened.image.data[...]).max() == 90
    opened.file.close()


def test_no_image(tmp_path):
    (tmp_path / "a.tif").write_bytes(b"II*\0 and nothing more")
    with pytest.raises(ImageFileError):
        list(read_files(tmp_path / "a.tif"))
