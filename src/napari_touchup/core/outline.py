"""The outline of an object, made smooth."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_touchup.core.delta import Patch, compare, grown
from napari_touchup.core.extent import box_of
from napari_touchup.core.flood import EIGHT

SIGMA_PX = 2.0  # of the Gaussian that makes an outline smooth
THICK = 0.4  # of an object's greatest inner distance; a wider Gaussian would eat a thin one


def smooth(labels: NDArray[np.integer], label: int) -> Patch | None:
    """Fill the holes of an object and make its outline smooth.

    Where it touches another object the outline stays, and other objects inside of it do too. It
    never falls into more pieces than it had.

    Parameters
    ----------
    labels : (Y, X) int array
    label : int

    Returns
    -------
    Patch or None
        None if nothing changes.

    Raises
    ------
    ValueError
        If there is no such object.
    """
    margin = int(3 * SIGMA_PX)
    box = grown(box_of(labels, label), margin, labels.shape)
    before = labels[box]
    free = before == 0
    own = before == label
    full = own | (ndimage.binary_fill_holes(own) & free)
    others = ~free & ~own
    wanted = _softened(full, others)
    after = np.where(own & ~wanted, 0, np.where(wanted & free, label, before)).astype(labels.dtype)
    return compare(before, after, (box[0].start, box[1].start))


def _softened(own: NDArray[np.bool_], others: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Let the object and the background compete for each pixel; others keep out of it."""
    widest = float(ndimage.distance_transform_edt(np.pad(own, 1)).max())
    sigma, count = min(SIGMA_PX, THICK * widest), _count(own)
    while sigma > 0.3:  # a Gaussian that is narrower changes nothing
        mine = ndimage.gaussian_filter(own.astype(np.float32), sigma, mode="nearest")
        theirs = ndimage.gaussian_filter(others.astype(np.float32), sigma, mode="nearest")
        wanted = ~others & (2 * mine + theirs > 1)
        if 0 < _count(wanted) <= count:
            return np.asarray(wanted)
        sigma /= 2
    return own


def _count(mask: NDArray[np.bool_]) -> int:
    return int(ndimage.label(mask, EIGHT)[1])
