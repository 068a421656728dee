import numpy as np
import pytest
import tifffile

from napari_touchup.io.count import count_objects
from napari_touchup.io.images import ImageFileError, write_labels


@pytest.mark.parametrize(
    ("labels", "axes", "counts"),
    [
        ([[0, 3], [7, 7]], "YX", (1, 2)),
        ([[[0, 3]], [[3, 3]], [[0, 0]]], "TYX", (3, 2)),
        ([[[[0, 3]], [[4, 3]]]], "TZYX", (2, 3)),
        ([[0, 70_000]], "YX", (1, 1)),
    ],
)
def test_count(tmp_path, labels, axes, counts):
    write_labels(tmp_path / "a.tif", np.array(labels, np.uint32), axes)
    assert count_objects(tmp_path / "a.tif") == counts


def test_frames_that_look_like_channels(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.ones((2, 14, 15), np.uint16), photometric="minisblack")
    assert count_objects(tmp_path / "a.tif") == (2, 2)


def test_no_image(tmp_path):
    (tmp_path / "a.tif").write_text("nothing")
    with pytest.raises(ImageFileError, match="cannot be read"):
        count_objects(tmp_path / "a.tif")
