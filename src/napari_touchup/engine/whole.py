"""Small images run in one pass, without the halo that tiles of a frame have."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_touchup.core.tiling import Geometry


def padded(image: NDArray[np.float32], geometry: Geometry) -> NDArray[np.float32]:
    """Mirror an image (C, y, x) to a size whose output covers all of it, itself in the middle."""
    margins = [_margins(n, geometry) for n in image.shape[1:]]
    return np.pad(image, [(0, 0), *margins], mode="reflect")


def centred(maps: NDArray[Any], shape: tuple[int, int]) -> NDArray[Any]:
    """Cut maps (K, h, w) to what lies over an image (y, x) that was `padded`."""
    top, left = ((have - want) // 2 for have, want in zip(maps.shape[1:], shape, strict=True))
    return maps[:, top : top + shape[0], left : left + shape[1]]


def covering(n: int, geometry: Geometry) -> int:
    """Smallest accepted input edge whose output has an edge of at least n pixels."""
    edge = size = geometry.input_size(n)
    while geometry.output_size(size) < n:
        edge += geometry.stride
        size = geometry.input_size(edge)
    return size


def _margins(n: int, geometry: Geometry) -> tuple[int, int]:
    size = covering(n, geometry)
    before = (size - n) // 2
    return before, size - n - before
