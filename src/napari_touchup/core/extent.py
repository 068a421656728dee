"""Where an object is."""

import numpy as np
from numpy.typing import NDArray

from napari_touchup.core.delta import Box


def box_of(labels: NDArray[np.integer], label: int) -> Box:
    """Smallest box around an object.

    Parameters
    ----------
    labels : (Y, X) int array
    label : int

    Raises
    ------
    ValueError
        If there is no such object.

    Examples
    --------
    >>> box_of(np.array([[0, 0, 0], [0, 7, 7]]), 7)
    (slice(1, 2, None), slice(1, 3, None))
    """
    if labels.ndim != 2:
        raise ValueError(f"expected labels of shape (Y, X), got {labels.shape}")
    mask = labels == label
    rows = np.flatnonzero(mask.any(axis=1))
    if label == 0 or not rows.size:
        raise ValueError(f"there is no cell {label} in this frame")
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero(mask[top:bottom].any(axis=0))
    return slice(top, bottom), slice(int(columns[0]), int(columns[-1]) + 1)
