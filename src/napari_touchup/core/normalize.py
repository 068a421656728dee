"""Intensity limits of a frame, and the affine that maps them to 0 and 1."""

from math import ceil, isqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_touchup.options import NormalizeOptions

SAMPLE_PX = 4_000_000  # pixels of one channel; above it the percentiles come from a sample


def limits(frame: Any, options: NormalizeOptions | None = None) -> NDArray[np.float64]:
    """Intensities that become 0 and 1, per channel.

    Parameters
    ----------
    frame : (C, Y, X) array-like of bool, int or float
        Raw intensities; numpy, dask, zarr or memmap. Above 4 Mpx only a strided sample of it is
        read.
    options : NormalizeOptions
        The two percentiles.

    Returns
    -------
    (C, 2) float64
        [low, high] of the finite pixels. Where the two percentiles coincide (a few bright cells
        on black) they are the minimum and the maximum; of a constant channel high = low, of one
        without finite pixels both are 0.

    Raises
    ------
    ValueError
        If the frame is not (C, Y, X), is empty, or is not of real numbers.
    """
    _check(frame)
    options = options or NormalizeOptions()
    sample = np.asarray(frame[(slice(None), *_sampling(*frame.shape[1:]))])
    return np.array([_channel_limits(channel, options) for channel in sample])


def affine(limits: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Turn (C, 2) limits into the scale and shift, each (C,), of ``y = x * scale + shift``.

    A constant channel has scale and shift 0, so that it becomes 0 whatever it holds.
    """
    low, high = np.asarray(limits, np.float64).T
    with np.errstate(over="ignore", divide="ignore"):
        scale = 1 / (high - low)
    scale[~np.isfinite(scale)] = 0  # constant, or a range that float64 cannot hold
    return scale, -low * scale


def _check(frame: Any) -> None:
    if len(frame.shape) != 3 or 0 in frame.shape:
        raise ValueError(f"expected a frame (C, Y, X) that is not empty, got {tuple(frame.shape)}")
    if np.dtype(frame.dtype).kind not in "biuf":
        raise ValueError(f"expected real numbers (bool, int or float), got {frame.dtype}")


def _sampling(height: int, width: int) -> tuple[slice, slice]:
    """Take steps along Y and X that leave at most SAMPLE_PX pixels, also of a thin frame."""
    short, long = sorted((height, width))
    step = min(isqrt(ceil(short * long / SAMPLE_PX) - 1) + 1, short)
    along = slice(None, None, ceil(ceil(short / step) * long / SAMPLE_PX))
    across = slice(None, None, step)
    return (across, along) if height <= width else (along, across)


def _channel_limits(channel: NDArray[Any], options: NormalizeOptions) -> tuple[float, float]:
    values = channel.astype(np.float64).ravel()  # differences of small ints would wrap around
    if channel.dtype.kind == "f":
        values = values[np.isfinite(values)]
    if values.size == 0:
        return 0.0, 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        low, high = np.percentile(values, (options.low, options.high))
    if not low < high:
        low, high = values.min(), values.max()
    return float(low), float(high)
