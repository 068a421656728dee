"""Measurements of the objects of a frame."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from skimage.measure import regionprops_table

Columns: TypeAlias = dict[str, NDArray[Any]]  # of equal lengths, a row for each object

SHAPE = ("label", "area", "centroid", "perimeter", "eccentricity", "solidity")
INTENSITY = ("mean", "min", "max", "std")
SQUARE = 1e-3  # difference of its edges, relative, up to which a pixel has one length


def measure(
    labels: NDArray[np.integer],
    image: NDArray[Any] | None = None,
    pixel: tuple[float, float] | None = None,
    unit: str = "um",
) -> Columns:
    """Measure every object as `skimage.measure.regionprops_table` does.

    Parameters
    ----------
    labels : (Y, X) int array, 0 = background
    image : (C, Y, X) array
        Raw intensities.
    pixel : (y, x)
        Edges of a pixel, in `unit`.
    unit : str
        Stands in the names of columns.

    Returns
    -------
    dict
        ``cell`` (the label), ``area_px`` (pixels), ``y_px``, ``x_px`` (centroid, pixels; the
        middle of the first pixel is 0), ``perimeter_px``, ``eccentricity`` and ``solidity`` (0
        to 1). With a pixel size also ``area_um2``, ``y_um``, ``x_um`` and, if pixels are square,
        ``perimeter_um``. For each channel, counted from 1, ``intensity_mean_c1``, ``min``,
        ``max`` and ``std``.

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
    names, dense = _dense(labels)
    properties = SHAPE + tuple(f"intensity_{name}" for name in INTENSITY) * (image is not None)
    last = None if image is None else np.moveaxis(image, 0, -1)
    if last is not None and last.dtype == bool:
        last = last.astype(np.uint8)
    found = regionprops_table(dense, last, properties)  # type: ignore[no-untyped-call]
    columns: Columns = {
        "cell": names[found["label"]],
        "area_px": found["area"].astype(int),
        "y_px": found["centroid-0"],
        "x_px": found["centroid-1"],
        "perimeter_px": found["perimeter"],
        "eccentricity": found["eccentricity"],
        "solidity": found["solidity"],
    }
    if pixel is not None:
        columns |= _physical(columns, *pixel, unit)
    for channel in range(0 if image is None else len(image)):
        for name in INTENSITY:
            columns[f"intensity_{name}_c{channel + 1}"] = found[f"intensity_{name}-{channel}"]
    return columns


def _dense(labels: NDArray[np.integer]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Give objects numbers from 1 on, as the time taken goes with the largest label."""
    names, dense = np.unique(labels, return_inverse=True)
    if not names.size or names[0] != 0:
        names, dense = np.concatenate([[0], names]).astype(labels.dtype), dense + 1
    return names, dense.reshape(labels.shape)


def _physical(columns: Columns, y: float, x: float, unit: str) -> Columns:
    found = {
        f"area_{unit}2": columns["area_px"] * (y * x),
        f"y_{unit}": columns["y_px"] * y,
        f"x_{unit}": columns["x_px"] * x,
    }
    if abs(y - x) <= SQUARE * x:
        found[f"perimeter_{unit}"] = columns["perimeter_px"] * x
    return found
