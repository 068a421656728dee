import json
from zipfile import ZipFile

import numpy as np
import pytest

from napari_touchup.io.images import ImageFile
from napari_touchup.io.mask_files import write_masks
from napari_touchup.io.sniff import holds_masks

MASKS = ImageFile(np.pad([[1, 1], [1, 1]], 2), "YX")
FEATURE = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}}


@pytest.mark.parametrize("name", ["a.zip", "A.ZIP", "a.geojson"])
def test_ours(tmp_path, name):
    write_masks(tmp_path / name, MASKS)
    assert holds_masks(tmp_path / name)


def test_a_single_roi(tmp_path):
    write_masks(tmp_path / "a.zip", MASKS)
    with ZipFile(tmp_path / "a.zip") as file:
        (tmp_path / "a.roi").write_bytes(file.read("0001.roi"))
    assert holds_masks(tmp_path / "a.roi")


@pytest.mark.parametrize("name", ["a.json", "a.geojson"])
@pytest.mark.parametrize(
    ("content", "ours"),
    [
        ({"type": "FeatureCollection", "features": []}, True),
        ({"features": [FEATURE] * 500, "type": "FeatureCollection"}, True),
        ([FEATURE], True),
        ([], False),
        ({"type": "Topology"}, False),
        ({"title": "a FeatureCollection"}, False),
    ],
)
def test_json(tmp_path, name, content, ours):
    (tmp_path / name).write_text(json.dumps(content), encoding="utf-8-sig")
    assert holds_masks(tmp_path / name) == ours


@pytest.mark.parametrize(
    ("name", "content", "ours"),
    [
        ("a_seg.npy", {"masks": np.ones((4, 5), int)}, True),
        ("a.npy", {"masks": np.ones((4, 5), int)}, False),
        ("a_seg.npy", np.ones((4, 5)), False),
    ],
)
def test_npy(tmp_path, name, content, ours):
    np.save(tmp_path / name, content)
    assert holds_masks(tmp_path / name) == ours


@pytest.mark.parametrize("name", ["a.zip", "a.roi", "a.json", "a_seg.npy", "a.tif"])
def test_other_files(tmp_path, name):
    assert not holds_masks(tmp_path / name)
    (tmp_path / name).write_bytes(b"something else")
    assert not holds_masks(tmp_path / name)


def test_a_zip_without_rois(tmp_path):
    with ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("a.tif", b"II*\0")
    assert not holds_masks(tmp_path / "a.zip")


def test_a_folder_is_none(tmp_path):
    (tmp_path / "a.zip").mkdir()
    assert not holds_masks(tmp_path / "a.zip")
