"""Size, place, shape and intensity of all objects of a frame at once; one by one takes seconds."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

STRIP = 1 << 18  # pixels that are counted at a time: memory stays small, other threads get a turn
DOWN, ACROSS = ((-1, 0), (1, 0)), ((0, -1), (0, 1))
DIAGONAL = ((-1, -1), (-1, 1), (1, -1), (1, 1))
EXACT = 9e18  # int64 holds whole numbers up to here


def shapes(
    labels: NDArray[np.integer], cells: NDArray[np.integer], pixel: tuple[float, float] = (1, 1)
) -> dict[str, NDArray[Any]]:
    """Measure the outlines of all objects, as `skimage.measure.regionprops` does.

    Parameters
    ----------
    labels : (Y, X) int array, 0 = background
    cells : (N,) int array
        The labels that are there, ascending.
    pixel : (y, x)
        Edges of a pixel.

    Returns
    -------
    dict
        ``area`` (int), ``y``, ``x`` (centroid), ``perimeter``: pixels; ``length`` of the same
        outline, in the unit of the edges; ``eccentricity``: 0 to 1.

    Examples
    --------
    >>> found = shapes(np.array([[5, 5, 5, 0]]), np.array([5]), (1, 0.5))
    >>> {name: values.tolist()[0] for name, values in found.items()}
    {'area': 3, 'y': 0.0, 'x': 1.0, 'perimeter': 1.0, 'length': 0.5, 'eccentricity': 1.0}
    """
    count = len(cells)
    area, y0, x0 = (np.zeros(count, np.int64) for _ in range(3))
    sums = np.zeros((5, count))  # of y, x, y y, x x, y x, from an origin near the object
    outline = np.zeros((3, count))  # steps of it down, across, diagonal
    for row, number, flat in _strips(labels, cells):
        y, x = np.divmod(flat, labels.shape[1])
        _settle(y0, y + row, number, area == 0)
        _settle(x0, x, number, area == 0)
        y, x = y + row - y0[number], x - x0[number]
        for total, power in zip(sums, (y, x, y * y, x * x, y * x), strict=True):
            total += np.bincount(number, power, count)
        area += np.bincount(number, minlength=count)
        for total, steps in zip(outline, _steps(labels, row, flat), strict=True):
            total += np.bincount(number, steps, count)
    return {
        "area": area,
        "y": y0 + sums[0] / area,
        "x": x0 + sums[1] / area,
        "perimeter": np.array([1, 1, np.hypot(1, 1)]) @ outline,
        "length": np.array([*pixel, np.hypot(*pixel)]) @ outline,
        "eccentricity": _eccentricity(area, sums, pixel[0] / pixel[1]),
    }


def intensities(
    labels: NDArray[np.integer], cells: NDArray[np.integer], channel: NDArray[Any]
) -> dict[str, NDArray[Any]]:
    """Measure the intensities of all objects in a channel of the same shape.

    Returns
    -------
    dict
        ``mean``, ``min``, ``max``, ``std`` (of all pixels, not of a sample); a pixel that is NaN
        makes those of its object NaN.

    Examples
    --------
    >>> found = intensities(np.array([[5, 5, 0]]), np.array([5]), np.array([[1, 3, 9]]))
    >>> {name: values.tolist() for name, values in found.items()}
    {'mean': [2.0], 'min': [1], 'max': [3], 'std': [1.0]}
    """
    if channel.dtype == bool:
        channel = channel.view(np.uint8)
    count, width = len(cells), labels.shape[1]
    area, total, squares = np.zeros(count, np.int64), np.zeros(count), np.zeros(count)
    low, high = np.zeros(count, channel.dtype), np.zeros(count, channel.dtype)
    for row, number, flat in _strips(labels, cells):
        values = channel[row : row + _rows(width)].ravel()[flat]
        _settle(low, values, number, area == 0)
        _settle(high, values, number, area == 0)
        with np.errstate(invalid="ignore"):  # NaN
            np.minimum.at(low, number, values)
            np.maximum.at(high, number, values)
        area += np.bincount(number, minlength=count)
        total += np.bincount(number, values, count)
    mean = total / area
    for row, number, flat in _strips(labels, cells):
        values = channel[row : row + _rows(width)].ravel()[flat]
        squares += np.bincount(number, (values - mean[number]) ** 2, count)
    return {"mean": mean, "min": low, "max": high, "std": np.sqrt(squares / area)}


def _rows(width: int) -> int:
    return max(STRIP // max(width, 1), 1)


def _strips(
    labels: NDArray[np.integer], cells: NDArray[np.integer]
) -> Iterator[tuple[int, NDArray[np.intp], NDArray[np.intp]]]:
    """Give the first row of each strip, and of its object pixels the rank and flat index in it."""
    step = _rows(labels.shape[1])
    for row in range(0, labels.shape[0], step):
        strip = labels[row : row + step].ravel()
        flat = np.flatnonzero(strip)
        if flat.size:
            yield row, np.searchsorted(cells, strip[flat]), flat


def _settle(
    kept: NDArray[Any], values: NDArray[Any], number: NDArray[np.intp], new: NDArray[np.bool_]
) -> None:
    """Keep the value of the first pixel of objects that were not seen before."""
    first = kept.copy()
    first[number[::-1]] = values[::-1]  # the last one written stays
    kept[new] = first[new]


def _steps(labels: NDArray[np.integer], row: int, flat: NDArray[np.intp]) -> NDArray[np.float64]:
    """Count steps of the outline at each object pixel, (3, N): down, across, diagonal.

    Benkrid 2000, as scikit-image counts it; but what it calls a step of length 1 is shared out
    between down and across by where the neighbours lie, so that pixels need not be square.
    """
    height, width = labels.shape
    stop = min(row + _rows(width), height)
    top, bottom = max(row - 2, 0), min(stop + 2, height)
    sides = (top - row + 2, row + _rows(width) + 2 - bottom if bottom == height else 0)
    padded = np.pad(labels[top:bottom], (sides, (2, 2)))
    stride = width + 4
    own = padded.ravel()
    edge = np.zeros(own.shape, bool)
    inner = slice(stride + 1, own.size - stride - 1)
    for dy, dx in DOWN + ACROSS:
        by = dy * stride + dx
        edge[inner] |= own[inner] != own[inner.start + by : inner.stop + by]
    y, x = np.divmod(flat, width)
    at = (y + 2) * stride + x + 2
    outer = edge[at]
    at = at[outer]
    down, across, diagonal = (
        sum((edge[at + by] & (own[at + by] == own[at])).astype(np.intp) for by in near)
        for near in ([dy * stride + dx for dy, dx in way] for way in (DOWN, ACROSS, DIAGONAL))
    )
    straight, slanted = STEPS[:, 1 + 2 * (down + across) + 10 * diagonal]
    part = down / np.maximum(down + across, 1)
    steps = np.zeros((3, flat.size))
    steps[:, outer] = straight * part, straight * (1 - part), slanted
    return steps


def _kinds() -> NDArray[np.float64]:
    """Straight and diagonal steps, (2, 50), by what is on the outline around a pixel.

    The index is 1, and 2 for each side, 10 for each corner.
    """
    steps = np.zeros((2, 50))
    steps[0, [5, 7, 15, 17, 25, 27]] = 1
    steps[1, [21, 33]] = 1
    steps[:, [13, 23]] = 1 / 2
    return steps


STEPS = _kinds()


def _eccentricity(
    area: NDArray[np.int64], sums: NDArray[np.float64], ratio: float
) -> NDArray[np.float64]:
    """Of the ellipse with the same second moments; whole numbers, so that lines have exactly 1.

    `ratio` says how many times as high as wide a pixel is.
    """
    y, x, yy, xx, yx = sums
    whole = float((area * np.maximum(yy, xx)).max(initial=0)) < EXACT
    kind = np.int64 if whole else np.float64
    n, y, x, yy, xx, yx = (each.astype(kind) for each in (area, y, x, yy, xx, yx))
    a, c, b = ((n * yy - y * y), (n * xx - x * x), (n * yx - y * x))
    if ratio != 1:
        a, b = a * ratio**2, b * ratio
    middle, half = (a + c) / 2, np.hypot((a - c) / 2, b)
    long, short = middle + half, np.maximum(middle - half, 0)
    with np.errstate(invalid="ignore"):  # a single pixel has no axes: 0 / 0
        return np.asarray(np.where(long > 0, np.sqrt(1 - short / long), 0.0))
