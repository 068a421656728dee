"""What an image is known by, wherever it lies and whatever it is called."""

from collections.abc import Iterator
from hashlib import sha256
from math import isqrt, prod
from typing import Any

import numpy as np

VALUES = 2**16  # that are looked at, about
PLANES = 4  # at most, the first and the last among them
COLOURS = 4  # a last axis of at most this length is no axis of a plane
LONG = 4096  # pixels; longer planes are looked at in windows, so that few chunks are read
WINDOWS = 4  # along the diagonal
FORMAT = b"napari-touchup fingerprint 1"

Key = tuple[int | slice, ...]


def fingerprint(data: Any) -> str:
    """Hash shape, dtype and a sample of the values.

    Planes are sampled in a grid (longer ones than 4096 pixels in four windows on the diagonal),
    so that of chunked arrays few chunks are read, and of a memory-mapped file few pages.

    Parameters
    ----------
    data : (..., Y, X) or (..., Y, X, colours) array-like of numbers, numpy, dask or zarr
        The same content gives the same fingerprint, whatever holds it and in whatever byte order.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    ValueError
        If the array has less than two axes, or does not hold numbers.
    """
    shape, dtype = tuple(int(n) for n in data.shape), np.dtype(data.dtype)
    if len(shape) < 2 or dtype.kind not in "biufc":
        raise ValueError(f"expected an image, got shape {shape} of {dtype}")
    little = dtype.newbyteorder("<")
    total = sha256(FORMAT + repr((shape, little.str)).encode())
    for key in sample(shape) if prod(shape) else ():
        values = np.asarray(data[key], little)
        total.update(np.ascontiguousarray(values).data)
    return total.hexdigest()


def sample(shape: tuple[int, ...]) -> Iterator[Key]:
    """Keys of what is looked at.

    >>> list(sample((2, 8, 9)))
    [(0, slice(0, 8, 1), slice(0, 9, 1)), (1, slice(0, 8, 1), slice(0, 9, 1))]
    """
    colours = len(shape) > 2 and shape[-1] <= COLOURS
    split = len(shape) - 2 - colours
    planes = _spread(prod(shape[:split]), PLANES)
    share = VALUES // (len(planes) * (shape[-1] if colours else 1))
    windows = list(_windows(shape[split], shape[split + 1], share))
    for number in planes:
        index = tuple(int(i) for i in np.unravel_index(number, shape[:split])) if split else ()
        for window in windows:
            yield (*index, *window, slice(None)) if colours else (*index, *window)


def _windows(height: int, width: int, values: int) -> Iterator[tuple[slice, slice]]:
    if max(height, width) <= LONG:
        yield _grid(height, isqrt(values)), _grid(width, isqrt(values))
        return
    edge = isqrt(values // WINDOWS)
    rows, columns = (_runs(length, edge) for length in (height, width))
    yield from zip(rows, columns, strict=True)


def _grid(length: int, points: int) -> slice:
    return slice(0, length, -(-length // points))


def _runs(length: int, edge: int) -> list[slice]:
    last = max(0, length - edge)
    starts = (last * number // (WINDOWS - 1) for number in range(WINDOWS))
    return [slice(start, min(length, start + edge)) for start in starts]


def _spread(count: int, wanted: int) -> list[int]:
    """Choose some of the first `count` numbers, as far apart as they can be.

    >>> _spread(10, 4), _spread(2, 4)
    ([0, 3, 6, 9], [0, 1])
    """
    if count <= wanted:
        return list(range(count))
    return [(count - 1) * number // (wanted - 1) for number in range(wanted)]
