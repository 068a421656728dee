"""A line that a person drew, as pixels."""

from itertools import pairwise
from typing import cast

import numpy as np
from numpy.typing import NDArray

Point = NDArray[np.floating]  # (2,) y, x

END_PX = 3.0  # the direction of a line's end is taken over this length: hands tremble


def rastered(line: NDArray[np.floating], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Pixels under a line; no diagonal step leads across them.

    Parameters
    ----------
    line : (N, 2) float array
        Points y, x; pixel centres are whole numbers.
    shape : of the plane

    Examples
    --------
    >>> rastered(np.array([[0, 0], [1, 1.0]]), (2, 3)).astype(int)
    array([[1, 1, 0],
           [0, 1, 0]])
    """
    steps = [np.linspace(a, b, 2 + int(2 * np.abs(b - a).max())) for a, b in pairwise(line)]
    pixels = np.rint(np.concatenate(steps)).astype(int)
    corners = np.stack([pixels[:-1, 0], pixels[1:, 1]], axis=1)  # where a step is a diagonal one
    pixels = np.concatenate([pixels, corners])
    inside = ((pixels >= 0) & (pixels < shape)).all(axis=1)
    drawn = np.zeros(shape, bool)
    drawn[tuple(pixels[inside].T)] = True
    return drawn


def extended(
    line: NDArray[np.floating], mask: NDArray[np.bool_], through: bool
) -> NDArray[np.floating]:
    """Lengthen both ends of a line.

    Parameters
    ----------
    line : (N, 2) float array
    mask : (Y, X) bool array
    through : bool
        False: an end that lies in the mask goes on to where it leaves it. True: both ends go on
        beyond the plane.
    """
    start, end = _beyond(line[::-1], mask, through), _beyond(line, mask, through)
    return np.concatenate([start[None], line, end[None]])


def _beyond(line: NDArray[np.floating], mask: NDArray[np.bool_], through: bool) -> Point:
    """Where the line would come to if it went on at its last point."""
    end = cast(Point, line[-1])
    away = np.linalg.norm(line - end, axis=1)
    back = np.flatnonzero(away >= min(END_PX, away.max()))[-1]
    if away[back] == 0:
        return end
    step = (end - line[back]) / away[back]
    far = int(np.hypot(*mask.shape)) + 2 + int(np.abs(end).max())
    way = end + np.arange(2 * far)[:, None] / 2 * step
    if through:
        return cast(Point, way[-1])
    pixels = np.rint(way).astype(int)
    inside = ((pixels >= 0) & (pixels < mask.shape)).all(axis=1)
    inside[inside] = mask[tuple(pixels[inside].T)]
    return cast(Point, way[int(np.argmin(inside))])  # the first that is outside
