"""Measurements of the objects of a frame."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from skimage.measure import regionprops_table

from napari_touchup.core.moments import intensities, shapes
from napari_touchup.core.neighbours import neighbours

Columns: TypeAlias = dict[str, NDArray[Any]]  # of equal lengths, a row for each object


def measure(
    labels: NDArray[np.integer],
    image: NDArray[Any] | None = None,
    pixel: tuple[float, float] | None = None,
    unit: str = "um",
    solidity: bool = True,
) -> Columns:
    """Measure every object as `skimage.measure.regionprops_table` does, but all at once.

    Parameters
    ----------
    labels : (Y, X) int array, 0 = background
    image : (C, Y, X) array
        Raw intensities.
    pixel : (y, x)
        Edges of a pixel, in `unit`.
    unit : str
        Stands in the names of columns.
    solidity : bool
        Takes most of the time, half a millisecond an object: what follows the brush does without.

    Returns
    -------
    dict
        ``cell`` (the label), ``area_px`` (pixels), ``y_px``, ``x_px`` (centroid, pixels; the
        middle of the first pixel is 0), ``perimeter_px``, ``eccentricity`` and ``solidity`` (0
        to 1), ``neighbours`` (objects that it touches). With a pixel size also ``area_um2``,
        ``y_um``, ``x_um`` and ``perimeter_um``. Pixels need not be square: the eccentricity is
        that of the object, not of its pixels. For each channel, counted from 1,
        ``intensity_mean_c1``, ``min``, ``max`` and ``std``.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> table = measure(np.array([[5, 5, 0]]), pixel=(0.5, 0.5))
    >>> {name: values.tolist()[0] for name, values in list(table.items())[:3]}
    {'cell': 5, 'area_px': 2, 'y_px': 0.0}
    """
    if image is not None and image.shape[1:] != labels.shape:
        raise ValueError(f"expected an image (C, *{labels.shape}), got {image.shape}")
    cells = np.unique(labels)
    cells = cells[cells != 0]
    found = shapes(labels, cells, pixel or (1, 1))
    columns: Columns = {"cell": cells, "area_px": found["area"]}
    columns |= {f"{name}_px": found[name] for name in ("y", "x", "perimeter")}
    columns["eccentricity"] = found["eccentricity"]
    if solidity:
        columns["solidity"] = _solidity(labels)
    columns["neighbours"] = neighbours(labels, cells)
    if pixel is not None:
        columns |= _physical(found, pixel, unit)
    for number, channel in enumerate(() if image is None else image, start=1):
        for name, values in intensities(labels, cells, channel).items():
            columns[f"intensity_{name}_c{number}"] = values
    return columns


def _solidity(labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """Part of its convex hull that an object fills, in the order of labels."""
    # from 1 on without gaps, as the time taken goes with the largest label
    names, dense = np.unique(labels, return_inverse=True)
    dense = dense.reshape(labels.shape) + int(not names.size or names[0] != 0)
    found = regionprops_table(dense, properties=("solidity",))  # type: ignore[no-untyped-call]
    return np.asarray(found["solidity"], np.float64)


def _physical(found: Columns, pixel: tuple[float, float], unit: str) -> Columns:
    y, x = pixel
    return {
        f"area_{unit}2": found["area"] * (y * x),
        f"y_{unit}": found["y"] * y,
        f"x_{unit}": found["x"] * x,
        f"perimeter_{unit}": found["length"],
    }
