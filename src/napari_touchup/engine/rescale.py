"""Frames at the size that a model knows, and maps back at the size of the frame."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray


def scaled_shape(shape: tuple[int, int], trained: float, diameter: float | None) -> tuple[int, int]:
    """(Y, X) at which objects of this diameter (pixels) are as large as those of the training."""
    if diameter is None:
        return shape
    y, x = (max(round(n * trained / diameter), 1) for n in shape)
    return y, x


def normalized(
    frame: Any, scale: NDArray[np.float64], shift: NDArray[np.float64]
) -> NDArray[np.float32]:
    """``y = x * scale + shift`` of each channel of (C, Y, X), computed in float64 on the host.

    What is then not finite becomes 0. float32 alone could not hold 32-bit integers.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        y = np.asarray(frame).astype(np.float64) * scale[:, None, None] + shift[:, None, None]
        y = y.astype(np.float32)
    return np.where(np.isfinite(y), y, np.float32(0))


def resize(image: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Resize (C, Y', X') to (C, Y, X): bilinear, and smoothed where it shrinks."""
    x = torch.from_numpy(image)[None]  # (1, C, Y', X')
    x = F.interpolate(x, shape, mode="bilinear", antialias=True)  # (1, C, Y, X)
    resized: NDArray[np.float32] = x[0].numpy()
    return resized
