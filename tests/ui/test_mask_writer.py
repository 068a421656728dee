"""File > Save of a labels layer."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from napari.layers import Labels
from napari.plugins._npe2 import file_extensions_string_for_layers
from npe2 import PluginManifest

from napari_touchup.io.foreign import read_foreign
from napari_touchup.io.images import ImageFile, open_image
from napari_touchup.io.tiff import PixelSize
from napari_touchup.ui.mask_writer import save_labels

MANIFEST = Path(__file__).parents[2] / "napari.yaml"
PLUGIN = "napari-touchup"
LABELS = np.zeros((2, 12, 16), np.int64)
LABELS[0, 1:7, 1:9] = 3
LABELS[1, 2:9, 4:14] = 70_000


def save(layer, path):
    data, about, _ = layer.as_layer_data_tuple()
    assert save_labels(str(path), data, about) == [str(path)]


@pytest.mark.parametrize(
    ("shape", "place", "axes", "pixel"),
    [
        ((12, 16), {}, "YX", None),
        ((12, 16), {"scale": (0.5, 0.25)}, "YX", None),  # a scale of no unit says nothing
        ((12, 16), {"scale": (500, 250), "units": ("nm", "nm")}, "YX", PixelSize(0.5, 0.25)),
        (
            (3, 12, 16),
            {"scale": (2, 0.5, 0.25), "units": ("um",) * 3, "axis_labels": ("z", "y", "x")},
            "ZYX",
            PixelSize(0.5, 0.25, 2.0),
        ),
        ((3, 12, 16), {}, "TYX", None),
        ((2, 1, 12, 16), {"axis_labels": ("t", "c", "y", "x")}, "TYX", None),
    ],
)
def test_label_images(tmp_path, shape, place, axes, pixel):
    labels = np.arange(np.prod(shape)).reshape(shape)
    save(Labels(labels, **place), tmp_path / "a.tif")
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.is_imagej
    with open_image(tmp_path / "a.tif") as image:
        assert (image.axes, image.pixel) == (axes, pixel)
        np.testing.assert_array_equal(image.data, labels.squeeze())


def test_the_finest_of_several_scales(tmp_path):
    save(Labels([LABELS, LABELS[:, ::2, ::2]], multiscale=True), tmp_path / "a.tif")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), LABELS)


@pytest.mark.parametrize("name", ["a.zip", "a.geojson", "a.tif", "a.csv"])
def test_napari_saves_it(npe2pm, tmp_path, name):
    npe2pm.register(PluginManifest.from_file(MANIFEST))
    viewer = ViewerModel()
    layer = viewer.add_labels(LABELS, axis_labels=("t", "y", "x"))
    viewer.layers.selection = {layer}
    path = str(tmp_path / name)
    assert viewer.layers.save(path, selected=True, plugin=PLUGIN) == [path]
    if name in ("a.zip", "a.geojson"):
        found = read_foreign(Path(path), ImageFile(LABELS, "TYX")).masks.data
        np.testing.assert_array_equal(found, LABELS)


def test_the_ending_is_added(npe2pm, tmp_path):
    npe2pm.register(PluginManifest.from_file(MANIFEST))
    viewer = ViewerModel()
    viewer.add_labels(LABELS)
    (path,) = viewer.layers.save(str(tmp_path / "a"), plugin=PLUGIN)
    assert path == str(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("number", "name", "written"),
    [
        (0, "a masks", "a masks.tif"),
        (1, "plate 1.2", "plate 1.2.zip"),
        (2, "a.tif", "a.geojson"),
        (3, "a.CSV", "a.CSV"),
    ],
)
def test_the_format_that_is_chosen_in_the_dialog(npe2pm, tmp_path, number, name, written):
    npe2pm.register(PluginManifest.from_file(MANIFEST))
    viewer = ViewerModel()
    viewer.add_labels(LABELS)
    _, writers = file_extensions_string_for_layers(viewer.layers)
    saved = viewer.layers.save(str(tmp_path / name), _writer=writers[number])
    assert saved == [str(tmp_path / written)]
    assert [path.name for path in tmp_path.iterdir()] == [written]
