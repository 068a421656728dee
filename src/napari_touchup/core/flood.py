"""Objects are the hills of a height map: watershed basins, merged where a hill is too shallow."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import local_maxima
from skimage.segmentation import watershed

EIGHT = np.ones((3, 3), bool)  # a diagonal step connects, everywhere in the read-out


def flood(
    height: NDArray[np.float32], mask: NDArray[np.bool_], h: float, floor: float
) -> NDArray[np.int32]:
    """Label the hills of `height` that rise at least `h` above their way to a higher one.

    These are the objects that a flood of ``-height`` inside `mask` from the h-maxima of `height`
    gives (outside of the mask it counts as minus infinity), but the slow h-maxima are not needed:
    every local maximum gets a basin, and the basins are merged along their highest saddles while
    the lower of the two hills is too shallow. Nothing crosses a connected component of the mask,
    so each component's labels depend on nothing else in the frame. Each has at least one.

    Parameters
    ----------
    height : (Y, X) float array, finite
    mask : (Y, X) bool array
    h : float
        Smallest rise of a hill's top above its saddle, in the unit of `height`.
    floor : float
        A hill whose top is lower than this is never a seed of its own.

    Returns
    -------
    (Y, X) int32 array
        0 outside of `mask`; the labels follow the raster order of the tops and have gaps.

    References
    ----------
    Grimaud 1992, "A new measure of contrast: the dynamics" (the rise above the saddle).
    """
    inside = np.where(mask, height, -np.inf).astype(np.float32)
    # the rim of -inf makes a hill of a plateau that fills the image
    rimmed = np.pad(inside, 1, constant_values=-np.inf)
    tops = mask & local_maxima(rimmed, connectivity=2)[1:-1, 1:-1]  # type: ignore[no-untyped-call]
    markers, count = ndimage.label(tops, EIGHT)
    if count == 0:
        return np.zeros(mask.shape, np.int32)
    basins: NDArray[np.int32] = watershed(  # type: ignore[no-untyped-call]
        -inside, markers.astype(np.int32), connectivity=2, mask=mask
    )
    peaks = np.zeros(count + 1, np.float32)
    peaks[markers[tops]] = inside[tops]
    groups = _merge_shallow(peaks, *_saddles(inside, basins), h, floor)
    return groups[basins]


def _saddles(
    height: NDArray[np.float32], basins: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Give each pair of touching basins and its highest pass, from the highest pass down."""
    lows, highs, passes = [], [], []
    for here, there in _neighbour_views():
        first, second = basins[here], basins[there]
        y, x = np.nonzero((first != second) & (first > 0) & (second > 0))
        a, b = first[y, x].astype(np.int64), second[y, x].astype(np.int64)
        lows.append(np.minimum(a, b))
        highs.append(np.maximum(a, b))
        passes.append(np.minimum(height[here][y, x], height[there][y, x]))
    low, high, level = np.concatenate(lows), np.concatenate(highs), np.concatenate(passes)
    order = np.lexsort((-level, high, low))
    low, high, level = low[order], high[order], level[order]
    first_of_pair = np.ones(len(low), bool)
    first_of_pair[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
    low, high, level = low[first_of_pair], high[first_of_pair], level[first_of_pair]
    # ties go by raster order of the tops, so they do not depend on where in a frame we are
    order = np.argsort(-level, kind="stable")
    return low[order], high[order], level[order]


def _neighbour_views() -> list[tuple[tuple[slice, slice], tuple[slice, slice]]]:
    start, stop, full = slice(None, -1), slice(1, None), slice(None)
    return [
        ((full, start), (full, stop)),
        ((start, full), (stop, full)),
        ((start, start), (stop, stop)),
        ((start, stop), (stop, start)),
    ]


def _merge_shallow(
    peaks: NDArray[np.float32],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    level: NDArray[np.float32],
    h: float,
    floor: float,
) -> NDArray[np.int32]:
    """Give each basin the label of the hill that it belongs to.

    Two forests: `island` joins at every pass (what is dry above the falling water), `hill` only
    where the lower island is too shallow; such an island holds one hill, so its top is its seed.
    """
    top = peaks.tolist()
    island, hill = list(range(len(top))), list(range(len(top)))
    for a, b, saddle in zip(low.tolist(), high.tolist(), level.tolist(), strict=True):
        one, other = _root(island, a), _root(island, b)
        if one == other:
            continue
        lower, higher = (one, other) if top[one] < top[other] else (other, one)
        island[lower] = higher
        if top[lower] - saddle < h or top[lower] < floor:
            first, second = sorted((_root(hill, a), _root(hill, b)))
            hill[second] = first
    return np.array([_root(hill, i) for i in range(len(top))], np.int32)


def _root(parent: list[int], i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i
