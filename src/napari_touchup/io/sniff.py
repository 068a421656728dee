"""Whether a file holds masks of another program, told from a few of its bytes."""

import os
import re
from pathlib import Path
from zipfile import BadZipFile, ZipFile

LOOKED_AT = 4096  # bytes at the start and the end of JSON; its type stands in one of them
FEATURES = re.compile(rb'"type"\s*:\s*"FeatureCollection"|\A\s*\[\s*\{[^{}]*"type"\s*:\s*"Feature"')
SEG = "_seg.npy"  # end of the names that Cellpose gives
OBJECTS = re.compile(rb"\A\x93NUMPY.{2,6}\{'descr': '\|O'", re.DOTALL)


def holds_masks(path: Path) -> bool:
    """Whether a file is a zip of ROIs, a .roi, GeoJSON of features, or Cellpose's `_seg.npy`.

    Other zips, JSON files and arrays are for other programs to open. Whether the file is sound is
    not looked at.
    """
    if not path.is_file():
        return False
    match path.suffix.lower():
        case ".zip":
            return _is_zip_of_rois(path)
        case ".roi":
            return _start(path).startswith(b"Iout")
        case ".geojson" | ".json":
            return any(FEATURES.search(part) for part in (_start(path), _end(path)))
        case ".npy":
            # an array of numbers is an image to most; Cellpose's is a dictionary
            return path.name.lower().endswith(SEG) and bool(OBJECTS.match(_start(path)))
    return False


def _is_zip_of_rois(path: Path) -> bool:
    try:
        with ZipFile(path) as archive:
            return any(name.lower().endswith(".roi") for name in archive.namelist())
    except BadZipFile:
        return False


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LOOKED_AT).removeprefix(b"\xef\xbb\xbf")


def _end(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(file.seek(0, os.SEEK_END) - LOOKED_AT, 0))
        return file.read()
