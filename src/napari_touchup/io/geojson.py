"""Objects as GeoJSON for QuPath: one detection for each object and plane.

Coordinates are pixels of the full resolution. QuPath keeps the plane in the geometry
(qupath-core, qupath/lib/io/ROITypeAdapters.java), planes counted from 0.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from napari_touchup.core.contours import Polygon, Ring
from napari_touchup.io.images import explained
from napari_touchup.io.outlines import Outline, Read, label_of
from napari_touchup.io.tiff import replacing

ALL_CHANNELS = -1


def write_geojson(path: Path, outlines: Iterable[Outline]) -> None:
    """Write a FeatureCollection, a line for each object; the file is there whole or not.

    The name of a detection is its label.

    Parameters
    ----------
    path : a file that is there is replaced
    outlines : with labels
    """
    with replacing(path) as part, part.open("w", encoding="utf-8") as file:
        file.write('{"type": "FeatureCollection", "features": [')
        for number, outline in enumerate(outlines):
            file.write(",\n" if number else "\n")
            json.dump(_feature(outline), file)
        file.write("\n]}\n")


def read_geojson(path: Path) -> Read:
    """Read the polygons of a file: a FeatureCollection, a list of features or one of them.

    Raises
    ------
    ImageFileError
        If the file cannot be read, or is no GeoJSON.
    """
    with explained(path):
        features = list(_features(json.loads(path.read_text(encoding="utf-8-sig"))))
        outlines = [found for feature in features if (found := _outline(feature))]
        return Read(outlines, len(features) - len(outlines))


def _feature(outline: Outline) -> dict[str, Any]:
    pieces = [[_closed(ring) for ring in polygon] for polygon in outline.polygons]
    geometry: dict[str, Any] = (
        {"type": "Polygon", "coordinates": pieces[0]}
        if len(pieces) == 1
        else {"type": "MultiPolygon", "coordinates": pieces}
    )
    if outline.t is not None or outline.z is not None:
        geometry["plane"] = {"c": ALL_CHANNELS, "z": outline.z or 0, "t": outline.t or 0}
    properties = {"objectType": "detection", "name": str(outline.label)}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def _closed(ring: Ring) -> list[list[float]]:
    points: list[list[float]] = ring.tolist()
    return [*points, points[0]]


def _features(content: Any) -> Iterator[Mapping[str, Any]]:
    match content:
        case {"type": "FeatureCollection", "features": list(features)} | list(features):
            for feature in features:
                yield from _features(feature)
        case {"type": "Feature", "geometry": _}:
            yield content
        case _:
            raise ValueError("it is no GeoJSON of features")


def _outline(feature: Mapping[str, Any]) -> Outline | None:
    """Outline of a feature; None if it has no area."""
    geometry = _object(feature["geometry"])
    pieces = list(_polygons(geometry))
    if not pieces:
        return None
    properties = _object(feature.get("properties"))
    # others than QuPath write the plane beside the name
    plane = _object(geometry.get("plane", properties.get("plane")))
    t, z = (int(plane.get(axis, 0)) for axis in "tz")
    return Outline(pieces, label_of(str(properties.get("name", ""))), t, z)


def _object(value: Any) -> Mapping[str, Any]:
    if value is not None and not isinstance(value, Mapping):
        raise ValueError(f"expected a JSON object, got {value!r}")
    return value or {}


def _polygons(geometry: Mapping[str, Any]) -> Iterator[Polygon]:
    match geometry:
        case {"type": "Polygon", "coordinates": list(rings)} if rings:
            yield [_ring(ring) for ring in rings]
        case {"type": "MultiPolygon", "coordinates": list(pieces)}:
            yield from ([_ring(ring) for ring in rings] for rings in pieces if rings)
        case {"type": "GeometryCollection", "geometries": list(parts)}:
            for part in parts:
                yield from _polygons(part)


def _ring(points: Any) -> Ring:
    ring = np.array([point[:2] for point in points], float)
    if ring.shape[1:] != (2,) or not np.isfinite(ring).all():
        raise ValueError("expected rings of points (x, y)")
    return ring
