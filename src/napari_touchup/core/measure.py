"""What is measured of objects."""

from collections.abc import Sequence
from math import pi, sqrt
from statistics import median


def median_diameter(areas: Sequence[int]) -> float:
    """Diameter of the disc as large as the median object, pixels.

    >>> round(median_diameter([100, 120, 80]), 2)
    11.28

    Parameters
    ----------
    areas : of every object, pixels; at least one
    """
    return 2 * sqrt(float(median(areas)) / pi)
