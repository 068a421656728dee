import json

import numpy as np
import pytest

from napari_touchup.core.scenes import KINDS
from napari_touchup.core.synth import make, timelapse
from napari_touchup.io.geojson import read_geojson, write_geojson
from napari_touchup.io.images import ImageFileError, read_labels
from napari_touchup.io.outlines import labels_of, outlines_of

SQUARE = [[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]


def again(tmp_path, labels, axes):
    write_geojson(tmp_path / "a.geojson", outlines_of(labels, axes))
    read = read_geojson(tmp_path / "a.geojson")
    assert read.left_out == 0
    return labels_of(read.outlines, labels.shape, axes)[0]


def features(tmp_path, labels, axes):
    write_geojson(tmp_path / "a.geojson", outlines_of(labels, axes))
    content = json.loads((tmp_path / "a.geojson").read_text())
    assert content["type"] == "FeatureCollection"
    return content["features"]


def test_what_is_written(tmp_path):
    labels = np.array([[7, 7, 7, 0, 3], [7, 0, 7, 3, 0], [7, 7, 7, 0, 0]])
    pieces, ring = features(tmp_path, labels, "YX")
    assert ring == {
        "type": "Feature",
        "geometry": {
            "type": "Polygon",
            "coordinates": [
                [[0, 0], [3, 0], [3, 3], [0, 3], [0, 0]],
                [[1, 2], [2, 2], [2, 1], [1, 1], [1, 2]],
            ],
        },
        "properties": {"objectType": "detection", "name": "7"},
    }
    assert pieces["geometry"] == {
        "type": "MultiPolygon",
        "coordinates": [
            [[[4, 0], [5, 0], [5, 1], [4, 1], [4, 0]]],
            [[[3, 1], [4, 1], [4, 2], [3, 2], [3, 1]]],
        ],
    }


def test_an_image_without_objects(tmp_path):
    assert features(tmp_path, np.zeros((3, 3), int), "YX") == []
    assert read_geojson(tmp_path / "a.geojson").outlines == []


def test_planes_are_noted_where_qupath_looks(tmp_path):
    labels = np.zeros((2, 3, 4, 4), int)
    labels[1, 2, 1, 1] = 9
    (feature,) = features(tmp_path, labels, "TZYX")
    assert feature["geometry"]["plane"] == {"c": -1, "z": 2, "t": 1}
    np.testing.assert_array_equal(again(tmp_path, labels, "TZYX"), labels)


@pytest.mark.parametrize("kind", KINDS)
def test_scenes_come_back_exactly(tmp_path, kind):
    labels = make(kind, (96, 128), np.random.default_rng(2)).truth
    np.testing.assert_array_equal(again(tmp_path, labels, "YX"), labels)


@pytest.mark.parametrize("axes", ["TYX", "ZYX"])
def test_a_stack_comes_back_exactly(tmp_path, axes):
    labels = timelapse((64, 64), np.random.default_rng(1), 3).truth
    np.testing.assert_array_equal(again(tmp_path, labels, axes), labels)


def test_noise_comes_back_exactly(tmp_path):
    labels = np.random.default_rng(1).integers(0, 6, (40, 40))
    np.testing.assert_array_equal(again(tmp_path, labels, "YX"), labels)


def test_real_nuclei_come_back_exactly(tmp_path, dsb2018):
    labels = read_labels(sorted((dsb2018 / "masks").rglob("*.tif"))[0]).data
    np.testing.assert_array_equal(again(tmp_path, labels, "YX"), labels)


def feature(kind, coordinates, **more):
    properties = {key: more.pop(key) for key in ("name", "plane") if key in more}
    geometry = {"type": kind, "coordinates": coordinates} | more
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def read(tmp_path, content):
    text = content if isinstance(content, str) else json.dumps(content)
    (tmp_path / "a.geojson").write_text(text)
    return read_geojson(tmp_path / "a.geojson")


@pytest.mark.parametrize("wrap", ["collection", "list", "one"])
def test_files_of_other_people(tmp_path, wrap):
    one = feature("Polygon", [[[0.5, 0], [2, 0, 9], [2, 2], [0.5, 2]]], name="Tumour")
    content = {"collection": {"type": "FeatureCollection", "features": [one]}, "list": [one]}
    (outline,) = read(tmp_path, content.get(wrap, one)).outlines
    assert (outline.label, outline.t, outline.z) == (None, 0, 0)
    assert outline.rings[0].tolist() == [[0.5, 0], [2, 0], [2, 2], [0.5, 2]]


def test_what_has_no_area_is_left_out_and_counted(tmp_path):
    parts = {"type": "Polygon", "coordinates": [SQUARE]}, {"type": "Point", "coordinates": [0, 0]}
    collection = {"type": "GeometryCollection", "geometries": parts}
    content = [
        feature("Point", [3, 3]),
        feature("LineString", SQUARE),
        feature("Polygon", []),
        {"type": "Feature", "geometry": None},
        {"type": "Feature", "geometry": collection, "properties": None},
    ]
    found = read(tmp_path, content)
    assert (len(found.outlines), found.left_out) == (1, 4)


@pytest.mark.parametrize("more", [{"t": 3, "z": 1}, {"c": 0, "t": 3, "z": 1}])
def test_the_plane_may_stand_in_the_properties(tmp_path, more):
    (outline,) = read(tmp_path, feature("Polygon", [SQUARE], plane=more)).outlines
    assert (outline.t, outline.z) == (3, 1)
    (outline,) = read(tmp_path, feature("Polygon", [SQUARE]) | {"plane": more}).outlines
    assert (outline.t, outline.z) == (0, 0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "Expecting value"),
        ("[" * 100_000, "recursion"),
        ({"type": "Topology"}, "it is no GeoJSON of features"),
        ([1], "it is no GeoJSON of features"),
        (feature("Polygon", [[[0, 0], [1, float("nan")], [1, 1]]]), "expected rings of points"),
        (feature("Polygon", [[[0, 0], [1, float("inf")], [1, 1]]]), "expected rings of points"),
        (feature("Polygon", [[0, 1, 2]]), "a.geojson cannot be read"),
        (feature("Polygon", [[["x", "y"]]]), "a.geojson cannot be read"),
        (feature("Polygon", [[[]]]), "a.geojson cannot be read"),
        (feature("Polygon", [SQUARE], plane={"t": "first"}), "a.geojson cannot be read"),
        (feature("Polygon", [SQUARE], plane=3), "a.geojson cannot be read"),
        ({"type": "Feature", "geometry": "here"}, "a.geojson cannot be read"),
    ],
)
def test_a_damaged_file(tmp_path, content, message):
    with pytest.raises(ImageFileError, match=message):
        read(tmp_path, content)


def test_no_text_at_all(tmp_path):
    (tmp_path / "a.geojson").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ImageFileError, match=r"a\.geojson cannot be read"):
        read_geojson(tmp_path / "a.geojson")
