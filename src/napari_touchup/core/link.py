"""One label for one object through the frames of a film or the planes of a stack."""

from collections.abc import Hashable, Iterable

import numpy as np
from numpy.typing import NDArray

from napari_touchup.core.metrics import match
from napari_touchup.core.overlap import Overlap, overlap

LEAST_IOU = 0.1  # of an object in two frames; cells move less than their width between them

Labels = NDArray[np.unsignedinteger]


class Links:
    """Renumbers objects so that what overlaps from frame to frame keeps its number.

    Between two frames as many objects as possible are paired, and among such pairings the one of
    the largest sum of IoU is taken; of a cell that divides, the daughter that overlaps more keeps
    the number. An object that is missing in one frame comes back under a new one.

    >>> links = Links()
    >>> [links.add(np.array(frame)).tolist() for frame in ([[5, 5, 0]], [[2, 7, 7]])]
    [[[1, 1, 0]], [[1, 2, 2]]]
    """

    def __init__(self) -> None:
        self._used = 0  # the highest number so far
        self._before: dict[Hashable, Labels] = {}

    def add(self, frame: NDArray[np.integer], series: Hashable = None) -> Labels:
        """Renumber the next frame of a series.

        Parameters
        ----------
        frame : (Y, X) labels, 0 = background
        series : frames of which are linked, such as the planes of one time point; no number is
            used in two series

        Returns
        -------
        (Y, X) uint16, or uint32 once a number is above 65 535
        """
        self.follow(frame, series)
        return self._before[series]

    def follow(self, frame: NDArray[np.integer], series: Hashable = None) -> dict[int, int]:
        """Take in the next frame of a series, and give the number of each of its labels."""
        before = self._before.get(series)
        table = overlap(np.zeros_like(frame) if before is None else before, frame)
        numbers = _numbers(table, self._used)
        self._used = max(self._used, int(numbers.max(initial=0)))
        self._before[series] = _renumbered(frame, numbers, self._used)
        return dict(zip(table.pred_ids[1:].tolist(), numbers[1:].tolist(), strict=True))


def renumber(labels: NDArray[np.integer], numbers: Iterable[tuple[int, int]]) -> None:
    """Give objects other labels, in place.

    Parameters
    ----------
    labels : (Y, X) int array that holds the new ones
    numbers : labels before and after; those that are not named stay

    Examples
    --------
    >>> frame = np.array([[0, 1, 2, 3]])
    >>> renumber(frame, [(1, 2), (2, 1)])
    >>> frame.tolist()
    [[0, 2, 1, 3]]
    """
    before, after = zip(*numbers, strict=True)
    table = np.arange(max(int(labels.max(initial=0)), *before) + 1, dtype=labels.dtype)
    table[list(before)] = after
    labels[...] = table[labels]


def _numbers(table: Overlap, used: int) -> NDArray[np.int64]:
    """Give the objects of a frame their numbers, in the order of their labels, 0 in front."""
    numbers = np.zeros(table.pred_count + 1, np.int64)
    pairs = match(table, LEAST_IOU)
    numbers[pairs.pred] = table.truth_ids[pairs.truth]
    new = numbers == 0
    new[0] = False
    numbers[new] = used + 1 + np.arange(np.count_nonzero(new))
    return numbers


def _renumbered(frame: NDArray[np.integer], numbers: NDArray[np.int64], highest: int) -> Labels:
    labels, place = np.unique(frame, return_inverse=True)
    if labels[0] != 0:
        place = place + 1
    dtype = np.uint16 if highest < 2**16 else np.uint32
    return np.asarray(numbers.astype(dtype)[place.reshape(frame.shape)])
