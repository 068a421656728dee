"""Masks in the formats of other programs, read as if they were our own label images."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from napari_touchup.io.cellpose import read_cellpose
from napari_touchup.io.geojson import read_geojson
from napari_touchup.io.images import FILE_ORDER, ImageFile, explained, read_labels
from napari_touchup.io.outlines import Read, extent, labels_of
from napari_touchup.io.pairs import name_of
from napari_touchup.io.rois import read_rois

ROIS, GEOJSON, NPY, PNG = (".zip", ".roi"), (".geojson", ".json"), (".npy",), (".png",)
SUFFIXES = (*ROIS, *GEOJSON, *NPY, *PNG)
KINDS = "ROI zip, .roi, GeoJSON, Cellpose's _seg.npy or label PNG"
ENDINGS = ("_rois", "_seg", "_cp_masks", "_masks")  # of names, ours and Cellpose's


@dataclass(frozen=True, eq=False, slots=True)
class Foreign:
    """What a file holds.

    Attributes
    ----------
    masks : ImageFile
        Labels whole, axes without C.
    notes : tuple of str
        What did not become masks, a line each.
    """

    masks: ImageFile
    notes: tuple[str, ...] = ()


def own_name(path: Path) -> str:
    """Name of the image that masks belong to.

    >>> own_name(Path("a_seg.npy")), own_name(Path("b_rois.zip"))
    ('a', 'b')
    """
    name = name_of(path)
    shorter = [name.removesuffix(end) for end in ENDINGS if name.endswith(end) and name != end]
    return shorter[0] if shorter else name


def read_foreign(path: Path, image: ImageFile | None = None) -> Foreign:
    """Read masks of ImageJ, QuPath or Cellpose, or a label PNG.

    Parameters
    ----------
    path : its suffix says what it is
    image : that the masks belong to; gives them their shape, axes and pixel size. Without it
        outlines are drawn on an image that just holds them.

    Raises
    ------
    ImageFileError
        If the file cannot be read.
    ValueError
        If the suffix is none of `SUFFIXES`, or the masks do not fit the image.
    """
    match path.suffix.lower():
        case suffix if suffix in ROIS:
            return _drawn(read_rois(path), path, image)
        case suffix if suffix in GEOJSON:
            return _drawn(read_geojson(path), path, image)
        case suffix if suffix in NPY:
            return Foreign(_fitted(read_cellpose(path), image))
        case suffix if suffix in PNG:
            labels = _picture(path)
            return Foreign(_fitted(labels, image), _doubts(labels))
    raise ValueError(f"expected {KINDS}, got {path}")


def _drawn(read: Read, path: Path, image: ImageFile | None) -> Foreign:
    with explained(path):
        shape, axes = extent(read.outlines) if image is None else _plane_shape(image)
        labels, hidden = labels_of(read.outlines, shape, axes)
    notes = []
    if read.left_out:
        notes.append(f"{read.left_out} left out, as they have no area")
    if hidden:
        notes.append(f"{hidden} lost, as they lie outside of the image or under others")
    pixel = None if image is None else image.pixel
    return Foreign(ImageFile(labels, axes, pixel=pixel), tuple(notes))


def _plane_shape(image: ImageFile) -> tuple[tuple[int, ...], str]:
    """Shape and axes of the labels of an image, in the order of a file."""
    sizes = dict(zip(image.axes, image.data.shape, strict=True))
    axes = "".join(letter for letter in FILE_ORDER if letter in sizes and letter != "C")
    return tuple(int(sizes[letter]) for letter in axes), axes


def _fitted(labels: NDArray[Any], image: ImageFile | None) -> ImageFile:
    if image is None:
        return ImageFile(labels, "YX" if labels.ndim == 2 else "ZYX")
    shape, axes = _plane_shape(image)
    # an axis of one place is no matter
    if [n for n in labels.shape if n > 1] != [n for n in shape if n > 1]:
        raise ValueError(f"expected masks of the image's shape {shape}, got {labels.shape}")
    return ImageFile(labels.reshape(shape), axes, pixel=image.pixel)


def _picture(path: Path) -> NDArray[Any]:
    with explained(path), Pillow.open(path) as picture:
        if picture.mode == "P":  # the palette only says how labels are shown
            return np.asarray(picture)
    return np.asarray(read_labels(path).data)


def _doubts(labels: NDArray[Any]) -> tuple[str, ...]:
    one = labels.any() and np.unique(labels[labels > 0]).size == 1
    return ("there is one label only: are these all objects together?",) if one else ()
