"""File > Save of a labels layer: label TIFF, ROI zip, GeoJSON or a table, by the ending."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_touchup.io.mask_files import GEOJSON, ROIS, TABLE, TIFF, with_ending, write_masks
from napari_touchup.ui.pixel import size_of


def save_labels(path: str, data: Any, about: Mapping[str, Any]) -> list[str]:
    return save_masks(path, data, about, TIFF)


def save_rois(path: str, data: Any, about: Mapping[str, Any]) -> list[str]:
    return save_masks(path, data, about, ROIS)


def save_geojson(path: str, data: Any, about: Mapping[str, Any]) -> list[str]:
    return save_masks(path, data, about, GEOJSON)


def save_table(path: str, data: Any, about: Mapping[str, Any]) -> list[str]:
    return save_masks(path, data, about, TABLE)


def save_masks(path: str, data: Any, about: Mapping[str, Any], endings: Sequence[str]) -> list[str]:
    """Write a labels layer as napari hands it over.

    Parameters
    ----------
    path : napari's dialog gives names without an ending
    data : integer array, or several where the layer is multiscale
    about : attributes of the layer; its axis labels, scale and units are written too
    endings : of the format; a name with none of them gets the first

    Returns
    -------
    list of str
        The path that was written.

    Raises
    ------
    ValueError
        If the layer has other than 2 to 4 axes.
    """
    from napari_touchup.core.axes import resolve_axes
    from napari_touchup.io.images import ImageFile
    from napari_touchup.session.mask_export import drop_channels

    labels = np.asarray(data[0] if about.get("multiscale") else data)
    axes = resolve_axes(labels.shape, labels=about.get("axis_labels"))
    pixel = size_of(axes, about.get("scale", ()), about.get("units") or ())
    if "C" in axes and labels.shape[axes.index("C")] > 1:
        # labels have no channels: what looks like them are a few frames
        axes = axes.replace("C", "Z" if "T" in axes else "T")
    labels, axes = drop_channels(labels, axes)
    target = with_ending(Path(path), endings)
    write_masks(target, ImageFile(labels, axes, pixel=pixel))
    return [str(target)]
