"""Instance masks from the maps that a network gives."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_touchup.core.flood import EIGHT, flood
from napari_touchup.core.stitch import Labels, Window, label_blocks
from napari_touchup.options import InstanceOptions

SIGMA_PX = 1.0  # smoothing of the height map
MEMBRANE_SIGMA_PX = 2.0  # smoothing of the membrane probability; closes gaps of that order
MEMBRANE_REACH_PX = 5  # half of the widest membrane that is shared out between two cells
SEED_FLOOR = 0.2  # the lowest top that is an object's own
BORDER = 0.5  # touching-border probability that cuts the stand-in distance
_DEFAULT = InstanceOptions()

Plane = NDArray[np.float32]


class Planes(Protocol):
    """Any array-like that knows its shape and can be sliced: numpy, zarr, dask, a memory map."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, key: Any) -> Any: ...


def masks_from_maps(maps: Planes, options: InstanceOptions = _DEFAULT) -> Labels:
    """Make instance masks from the three maps.

    The height map is n = Gauss(d (1 - b), 1 px). Hills of n inside p > threshold that rise `h`
    above the pass to a higher one are objects; a component of p > threshold without a hill is one
    object. Nothing grows beyond p > threshold. With ``method="membrane"`` (electron microscopy)
    n = Gauss(min(p, 1 - b), 2 px): a pixel is membrane as far as it is not the inside of a cell,
    or is a touching border, and the distance is not used. Then dark walls up to 10 px wide are
    shared out between the two cells that they separate; outwards nothing grows.
    Objects smaller than `min_size` go first, then holes are filled.

    Parameters
    ----------
    maps : (3, Y, X) float array-like
        Mask probability p, touching-border probability b, object-normalised distance d, each
        in 0..1. Planes of more than 2560 pixels along an axis are read and labelled in blocks,
        see `napari_touchup.core.stitch` for the tolerance.
    options : InstanceOptions

    Returns
    -------
    (Y, X) uint16 array, or uint32 for more than 65 535 objects
        Labels 1, 2, 3, ... without a gap; 0 = background.

    Raises
    ------
    ValueError
        For another shape, an empty plane, NaN or infinity.

    Examples
    --------
    >>> maps = np.zeros((3, 7, 12))
    >>> maps[0, 1:6, 1:11] = 1
    >>> maps[1, 1:6, 5:7] = 1
    >>> maps[2, 2:5, 2:10] = 1
    >>> masks_from_maps(maps)[3]
    array([0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 0], dtype=uint16)
    """
    if len(maps.shape) != 3 or maps.shape[0] != 3 or 0 in maps.shape:
        raise ValueError(f"expected maps of shape (3, Y, X), got {tuple(maps.shape)}")

    def label(window: Window) -> NDArray[np.int32]:
        p, b, d = _read(maps, (slice(None), *window))
        if options.method == "membrane":
            return _membrane_cells(p, b, options)
        height = ndimage.gaussian_filter(d * (1 - b), SIGMA_PX)
        return tidy(flood(height, p > options.threshold, options.h, SEED_FLOOR), options)

    return label_blocks(label, (maps.shape[1], maps.shape[2]))


def masks_from_probability(
    p: Planes, options: InstanceOptions = _DEFAULT, border: Planes | None = None
) -> Labels:
    """Make instance masks where no distance was learned (softmax heads).

    As `masks_from_maps`; for the distance stands the smoothed Euclidean distance to the outside
    of (p > threshold and border < 0.5), divided by its maximum in each connected piece of that,
    so that `h` means the same.

    Parameters
    ----------
    p : (Y, X) float array-like
        Probability of the inside of an object, 0..1. If there is a border class, its probability
        belongs in it: objects do not grow beyond p > threshold.
    options : InstanceOptions
    border : (Y, X) float array-like, optional
        Probability of the border between two touching objects, 0..1.

    Returns
    -------
    (Y, X) uint16 array, or uint32 for more than 65 535 objects

    Raises
    ------
    ValueError
        For other or unequal shapes, an empty plane, NaN or infinity.
    """
    if len(p.shape) != 2 or 0 in p.shape:
        raise ValueError(f"expected a probability of shape (Y, X), got {tuple(p.shape)}")
    if border is not None and tuple(border.shape) != tuple(p.shape):
        raise ValueError(f"expected a border of shape {tuple(p.shape)}, got {tuple(border.shape)}")

    def label(window: Window) -> NDArray[np.int32]:
        inner = _read(p, window)
        b = np.zeros_like(inner) if border is None else _read(border, window)
        if options.method == "membrane":
            return _membrane_cells(inner, b, options)
        mask = inner > options.threshold
        height = ndimage.gaussian_filter(_standin_distance(mask, b), SIGMA_PX)
        return tidy(flood(height, mask, options.h, SEED_FLOOR), options)

    return label_blocks(label, (p.shape[0], p.shape[1]))


def _read(planes: Planes, window: tuple[slice, ...]) -> Plane:
    values = np.asarray(planes[window], np.float32)
    if not np.isfinite(values).all():
        raise ValueError(
            "expected finite maps, got NaN or infinity: the network's numbers overflowed; "
            "segment again with precision float32"
        )
    return values


def _standin_distance(mask: NDArray[np.bool_], border: Plane) -> Plane:
    inner = mask & (border < BORDER)
    if inner.all():
        return np.ones(mask.shape, np.float32)  # scipy's transform needs one pixel outside
    distance = ndimage.distance_transform_edt(inner)
    pieces, count = ndimage.label(inner, EIGHT)
    largest = np.ones(count + 1)
    np.maximum.at(largest, pieces[inner], distance[inner])
    return (distance / largest[pieces]).astype(np.float32)


def _membrane_cells(p: Plane, b: Plane, options: InstanceOptions) -> NDArray[np.int32]:
    height = ndimage.gaussian_filter(np.minimum(p, 1 - b), MEMBRANE_SIGMA_PX)
    cells = p > options.threshold
    size = 2 * MEMBRANE_REACH_PX + 1
    # closing fills walls and gaps, and adds nothing outside of an outline that is convex
    closed = ndimage.grey_closing(cells.view(np.uint8), size=(size, size)).astype(bool)
    labels = flood(height, closed, options.h, SEED_FLOOR)
    highest = ndimage.maximum_filter(labels, size)
    lowest = ndimage.minimum_filter(np.where(labels > 0, labels, labels.max()), size)
    labels[~cells & (highest == lowest)] = 0  # a wall has two cells beside it
    return tidy(labels, options)


def tidy(labels: NDArray[np.int32], options: InstanceOptions) -> NDArray[np.int32]:
    """Remove objects smaller than `min_size`, then fill holes where that is asked for.

    Parameters
    ----------
    labels : (Y, X), 0 = background
    """
    size = np.bincount(labels.ravel())
    small = size < options.min_size
    small[0] = False
    if small.any():
        labels = np.where(small, 0, np.arange(len(size), dtype=np.int32))[labels]
    return _fill_holes(labels) if options.fill_holes else labels


def _fill_holes(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Give background that a single object encloses to that object."""
    holes, count = ndimage.label(labels == 0)  # 4-connected, as objects are 8-connected
    lowest = np.full(count + 1, np.iinfo(np.int32).max, np.int32)
    highest = np.zeros(count + 1, np.int32)
    ahead, behind = slice(1, None), slice(None, -1)
    for here, there in (
        ((ahead,), (behind,)),
        ((behind,), (ahead,)),
        ((slice(None), ahead), (slice(None), behind)),
        ((slice(None), behind), (slice(None), ahead)),
    ):
        touch = (labels[here] == 0) & (labels[there] > 0)
        hole, owner = holes[here][touch], labels[there][touch]
        np.minimum.at(lowest, hole, owner)
        np.maximum.at(highest, hole, owner)
    highest[lowest != highest] = 0
    for edge in (holes[0], holes[-1], holes[:, 0], holes[:, -1]):
        highest[edge] = 0
    return labels + highest[holes]
