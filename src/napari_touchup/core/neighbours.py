"""How many others an object touches."""

import numpy as np
from numpy.typing import NDArray

ROWS = 256  # that are looked at together: memory stays small
HALF = ((0, 1), (1, -1), (1, 0), (1, 1))  # of the eight pixels around one; the rest is symmetry


def neighbours(labels: NDArray[np.integer], cells: NDArray[np.integer]) -> NDArray[np.int64]:
    """Count the objects that each object touches, by a side or a corner of a pixel.

    Parameters
    ----------
    labels : (Y, X) int array, 0 = background
    cells : (N,) int array
        The labels that are there, ascending.

    Returns
    -------
    (N,) int array

    Examples
    --------
    >>> neighbours(np.array([[1, 1, 2, 2, 0, 3]]), np.array([1, 2, 3]))
    array([1, 1, 0])
    """
    keys = [np.zeros(0, np.int64)]
    for row in range(0, labels.shape[0], ROWS):
        rows = labels[row : row + ROWS + 1]  # one more: pairs reach down
        for down, right in HALF:
            upper = rows[: rows.shape[0] - down]
            lower = rows[down:]
            if right >= 0:
                upper, lower = upper[:, : upper.shape[1] - right], lower[:, right:]
            else:
                upper, lower = upper[:, -right:], lower[:, :right]
            pair = (upper != lower) & (upper != 0) & (lower != 0)
            ends = np.searchsorted(cells, [upper[pair], lower[pair]])
            keys.append(np.unique(ends.min(axis=0) * len(cells) + ends.max(axis=0)))
    pairs = np.unique(np.concatenate(keys))
    both = np.concatenate(np.divmod(pairs, max(len(cells), 1)))
    return np.bincount(both, minlength=len(cells))
