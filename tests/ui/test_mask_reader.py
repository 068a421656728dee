"""Masks of other programs that are dropped on napari."""

from pathlib import Path
from zipfile import ZipFile

import napari
import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Labels
from napari.utils.notifications import notification_manager
from npe2 import PluginManifest

from napari_touchup.io.images import ImageFile, ImageFileError, write_image
from napari_touchup.io.mask_files import write_masks
from napari_touchup.io.tiff import PixelSize
from napari_touchup.ui.mask_reader import read_masks

MANIFEST = Path(__file__).parents[2] / "napari.yaml"
PLUGIN = "napari-touchup"
LABELS = np.zeros((2, 12, 16), np.uint16)
LABELS[0, 1:7, 1:9] = 3
LABELS[1, 2:9, 4:14] = 3
LABELS[1, 0:2, 0:2] = 7


@pytest.fixture
def viewer(monkeypatch):
    viewer = ViewerModel()
    monkeypatch.setattr(napari, "current_viewer", lambda: viewer)
    return viewer


@pytest.fixture
def said(monkeypatch):
    """Messages that a person sees."""
    texts = []
    monkeypatch.setattr(
        notification_manager, "dispatch", lambda notification: texts.append(notification.message)
    )
    return texts


@pytest.fixture
def file(tmp_path):
    """Writes the masks, all of them or those of the second frame."""

    def write(name, labels=LABELS[1]):
        axes = "YX" if labels.ndim == 2 else "TYX"
        if name.endswith(".npy"):
            np.save(tmp_path / name, {"masks": labels})
        else:
            write_masks(tmp_path / name, ImageFile(labels, axes))
        return str(tmp_path / name)

    return write


def opened(path):
    ((data, about, kind),) = read_masks(path)(path)
    assert kind == "labels"
    return Labels(data, **about)


@pytest.mark.parametrize("name", ["a_rois.zip", "a.geojson", "a_seg.npy"])
def test_on_the_open_image(viewer, said, file, name):
    viewer.add_image(np.zeros((12, 16)), name="other")
    viewer.add_image(np.zeros((12, 16)), name="a", scale=(0.5, 0.25), units=("um", "um"))
    layer = opened(file(name))
    np.testing.assert_array_equal(layer.data, LABELS[1])
    assert layer.name == "a masks"
    assert layer.scale.tolist() == [0.5, 0.25]
    assert [str(unit) for unit in layer.units] == ["micrometer"] * 2
    assert said == []


def test_on_the_only_image_of_another_name(viewer, said, file):
    viewer.add_image(np.zeros((12, 16)), name="Channel 1", translate=(5, 6))
    layer = opened(file("a_rois.zip"))
    assert layer.data.shape == (12, 16)
    assert layer.translate.tolist() == [5, 6]
    assert said == []


def test_between_the_channels_of_a_film(viewer, said, file):
    viewer.add_image(np.zeros((2, 3, 12, 16)), name="a", axis_labels=("t", "c", "y", "x"))
    layer = opened(file("a.geojson", LABELS))
    np.testing.assert_array_equal(layer.data, LABELS[:, None])


def test_on_the_image_beside_the_file(viewer, said, file, tmp_path):
    image = np.zeros((2, 12, 16), np.uint8)
    write_image(tmp_path / "a.tif", image, "TYX", PixelSize(0.5, 0.25))
    layer = opened(file("a_rois.zip", LABELS))
    np.testing.assert_array_equal(layer.data, LABELS)
    assert layer.axis_labels == ("t", "y", "x")
    assert layer.scale.tolist() == [1, 0.5, 0.25]
    assert said == []


def test_without_an_image(viewer, said, file):
    layer = opened(file("a_rois.zip"))
    assert layer.data.shape == (9, 14)
    assert said == [
        "a_rois.zip: no image says how large the masks are, so they end where their outlines do."
        " Open the image first, or put it beside the file, as a.tif"
    ]


def test_cellpose_knows_its_size(viewer, said, file):
    viewer.add_image(np.zeros((5, 5)), name="another")
    assert opened(file("a_seg.npy")).data.shape == (12, 16)
    assert said == []


@pytest.mark.parametrize(
    ("name", "labels", "reason"),
    [
        ("a_seg.npy", LABELS[1], "expected masks of the image's shape (12, 20), got (12, 16)"),
        ("a_rois.zip", LABELS, "an object is in plane 2 of T, the image has 1"),
    ],
)
def test_on_an_image_that_they_do_not_fit(viewer, said, file, name, labels, reason):
    viewer.add_image(np.zeros((12, 20)), name="a", scale=(2, 2))
    layer = opened(file(name, labels))
    assert layer.scale.tolist() == [1] * labels.ndim
    assert said == [f"{name}: the masks do not fit the image: {reason}"]


def test_what_did_not_become_masks_is_said(viewer, said, file):
    viewer.add_image(np.zeros((12, 3)), name="a")
    opened(file("a_rois.zip"))
    assert said == ["a_rois.zip: 1 lost, as they lie outside of the image or under others"]


def test_a_broken_file(viewer, file, tmp_path):
    viewer.add_image(np.zeros((12, 16)), name="a")
    with ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("0001.roi", b"Iou")
    path = str(tmp_path / "a.zip")
    with pytest.raises(ImageFileError, match=r"a\.zip cannot be read"):
        read_masks(path)(path)


def test_several_at_once(viewer, file):
    paths = [file("a_seg.npy"), file("b_seg.npy")]
    assert [about["name"] for _, about, _ in read_masks(paths)(paths)] == ["a masks", "b masks"]


def test_other_files_are_left_to_others(tmp_path, file):
    np.save(tmp_path / "other_seg.npy", np.zeros((4, 5)))
    other = str(tmp_path / "other_seg.npy")
    assert read_masks(other) is None
    assert read_masks([file("a_seg.npy"), other]) is None


@pytest.mark.parametrize("name", ["a_rois.zip", "a.geojson", "a_seg.npy"])
def test_the_manifest_names_the_reader(viewer, npe2pm, file, name):
    npe2pm.register(PluginManifest.from_file(MANIFEST))
    viewer.add_image(np.zeros((12, 16)), name="a")
    viewer.open(file(name), plugin=PLUGIN)
    np.testing.assert_array_equal(viewer.layers["a masks"].data, LABELS[1])
