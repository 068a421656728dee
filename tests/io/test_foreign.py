from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from napari_touchup.io.foreign import own_name, read_foreign
from napari_touchup.io.geojson import write_geojson
from napari_touchup.io.images import ImageFile, ImageFileError
from napari_touchup.io.outlines import outlines_of
from napari_touchup.io.rois import write_rois
from napari_touchup.io.tiff import PixelSize

LABELS = np.array([[0, 3, 3, 0], [9, 9, 3, 0], [0, 0, 0, 0]], np.uint16)
SIZE = PixelSize(0.5, 0.5)


def image(*shape, axes="YX"):
    return ImageFile(np.zeros(shape), axes, pixel=SIZE)


def write(path, labels=LABELS, axes="YX"):
    """Write a file of the kind that its suffix says."""
    match path.suffix:
        case ".zip":
            write_rois(path, outlines_of(labels, axes))
        case ".geojson":
            write_geojson(path, outlines_of(labels, axes))
        case ".npy":
            np.save(path, {"masks": labels})
        case ".png":
            Pillow.fromarray(labels).save(path)
    return path


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("a.zip", "a"),
        ("a_rois.zip", "a"),
        ("a.ome_seg.npy", "a.ome"),
        ("a_seg.npy", "a"),
        ("a_cp_masks.png", "a"),
        ("a_masks.png", "a"),
        ("a_masks_seg.npy", "a_masks"),
        ("_seg.npy", "_seg"),
        ("a.v2.geojson", "a.v2"),
    ],
)
def test_names_of_images(name, own):
    assert own_name(Path("deep") / name) == own


@pytest.mark.parametrize("name", ["a.zip", "a.geojson", "a_seg.npy", "a.png"])
def test_every_kind_gives_the_masks_of_its_image(tmp_path, name):
    path = write(tmp_path / name)
    found = read_foreign(path, image(3, 4))
    np.testing.assert_array_equal(found.masks.data, LABELS)
    assert (found.masks.axes, found.masks.pixel, found.notes) == ("YX", SIZE, ())
    alone = read_foreign(path).masks
    height = 2 if path.suffix in (".zip", ".geojson") else 3  # nothing is drawn further down
    width = 3 if path.suffix in (".zip", ".geojson") else 4
    np.testing.assert_array_equal(alone.data, LABELS[:height, :width])
    assert alone.pixel is None


@pytest.mark.parametrize("name", ["a.zip", "a.geojson", "a_seg.npy"])
@pytest.mark.parametrize("axes", ["ZCYX", "YXZ"])
def test_stacks_take_their_axes_from_the_image(tmp_path, name, axes):
    volume = np.stack([LABELS, LABELS * 0, LABELS])
    path = write(tmp_path / name, volume, "ZYX")
    sizes = {"Z": 3, "C": 2, "Y": 3, "X": 4}
    found = read_foreign(path, image(*(sizes[axis] for axis in axes), axes=axes)).masks
    assert found.axes == "ZYX"
    np.testing.assert_array_equal(found.data, volume)
    assert read_foreign(path).masks.axes == ("TYX" if name == "a.zip" else "ZYX")


def test_what_did_not_become_masks_is_noted(tmp_path):
    (tmp_path / "a.json").write_text(
        '[{"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 1]}},'
        '{"type": "Feature", "geometry":'
        '{"type": "Polygon", "coordinates": [[[9, 9], [12, 9], [12, 12]]]}}]'
    )
    notes = read_foreign(tmp_path / "a.json", image(3, 4)).notes
    assert notes == (
        "1 left out, as they have no area",
        "1 lost, as they lie outside of the image or under others",
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pictures_of_labels(tmp_path, dtype):
    path = write(tmp_path / "a.png", LABELS.astype(dtype))
    np.testing.assert_array_equal(read_foreign(path).masks.data, LABELS)


def test_a_palette_is_not_looked_at(tmp_path):
    picture = Pillow.fromarray(LABELS.astype(np.uint8), mode=None).convert("P")
    picture.putdata(LABELS.ravel().tolist())
    picture.putpalette(range(256 * 3 - 256 * 2))
    picture.save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_foreign(tmp_path / "a.png").masks.data, LABELS)


def test_a_mask_of_all_objects_together_is_noted(tmp_path):
    (note,) = read_foreign(write(tmp_path / "a.png", (LABELS > 0).astype(np.uint8) * 255)).notes
    assert note == "there is one label only: are these all objects together?"


def test_colours_are_no_labels(tmp_path):
    path = write(tmp_path / "a.png", np.zeros((3, 4, 3), np.uint8))
    with pytest.raises(ImageFileError, match=r"a\.png: expected labels .*, got colours"):
        read_foreign(path)


@pytest.mark.parametrize("name", ["a.png", "a_seg.npy"])
def test_masks_of_another_size(tmp_path, name):
    message = r"expected masks of the image's shape \(4, 4\), got \(3, 4\)"
    with pytest.raises(ValueError, match=message):
        read_foreign(write(tmp_path / name), image(4, 4))


@pytest.mark.parametrize("name", ["a.zip", "a.geojson"])
def test_planes_that_the_image_does_not_have(tmp_path, name):
    path = write(tmp_path / name, np.stack([LABELS] * 3), "TYX")
    with pytest.raises(ImageFileError, match="an object is in plane 3 of T, the image has 2"):
        read_foreign(path, image(2, 3, 4, axes="TYX"))


def test_nothing_tells_the_size(tmp_path):
    path = write(tmp_path / "a.zip", LABELS * 0)
    with pytest.raises(ImageFileError, match="it has no objects that tell how large"):
        read_foreign(path)
    assert not read_foreign(path, image(3, 4)).masks.data.any()


def test_other_kinds_of_files():
    with pytest.raises(ValueError, match=r"expected ROI zip, .*, got a\.tif"):
        read_foreign(Path("a.tif"))
