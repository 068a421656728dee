from queue import Queue

import numpy as np
import pytest
import tifffile

from napari_touchup.io.tiff import PixelSize
from napari_touchup.session.mask_export import ExportRequest, MaskExport, drop_channels


def written(request):
    calls = Queue()
    export = MaskExport(dispatch=calls.put)
    said = []
    export.events.status.connect(lambda status: said.append((status.kind, status.text)))
    export.start(request)
    for _ in range(2):  # what was written or went wrong, and the end
        calls.get(timeout=20)()
    return export, said


def test_fiji_opens_it_with_its_axes(tmp_path):
    labels = np.arange(2 * 3 * 4 * 5).reshape(3, 2, 4, 5)
    request = ExportRequest(tmp_path / "a.tif", labels, "ZTYX", PixelSize(0.5, 0.25, 2.0))
    _, said = written(request)
    assert said == [
        ("busy", "Writing a.tif"),
        ("done", "Wrote a.tif: Z 3, T 2, Y 4, X 5, pixel 0.25 um"),
    ]
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.series[0].axes == "TZYX"
        assert file.imagej_metadata["frames"] == 2
        assert file.imagej_metadata["slices"] == 3
        assert file.imagej_metadata["spacing"] == 2.0
        assert file.imagej_metadata["unit"] == "um"
        assert file.pages[0].tags["XResolution"].value == (4, 1)
        np.testing.assert_array_equal(file.asarray(), labels.swapaxes(0, 1))


def test_a_failure(tmp_path):
    request = ExportRequest(tmp_path / "absent" / "a.tif", np.zeros((4, 5), int), "YX")
    export, said = written(request)
    assert said[-1] == ("failed", "The masks were not exported.")
    assert export.status.failure is not None


@pytest.mark.parametrize(
    ("shape", "axes", "left"),
    [((4, 5), "YX", "YX"), ((2, 1, 4, 5), "TCYX", "TYX"), ((4, 5, 1), "YXC", "YX")],
)
def test_drop_channels(shape, axes, left):
    labels, axes = drop_channels(np.zeros(shape, int), axes)
    assert (axes, labels.ndim) == (left, len(left))
