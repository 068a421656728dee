"""Where two objects touch."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage


def touching(labels: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
    """Find the pixels whose 3x3 window holds two different labels.

    Parameters
    ----------
    labels : (Y, X) int array, 0 = background

    Examples
    --------
    >>> touching(np.array([[1, 1, 2, 2, 0, 3]])).astype(int)
    array([[0, 1, 1, 0, 1, 0]])
    """
    highest = ndimage.maximum_filter(labels, 3, mode="nearest")
    # background counts as higher than all labels
    lowest = ndimage.minimum_filter(np.where(labels > 0, labels, labels.max()), 3, mode="nearest")
    return np.asarray(lowest < highest)
