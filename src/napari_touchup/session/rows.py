"""Rows of a table as a person wants to see them, and what they say together."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_touchup.session.measured import Cell, Table

OUTLIERS = (1, 99)  # percentiles


@dataclass(frozen=True, slots=True)
class Sort:
    """By which column; an empty key is the order of frames and labels."""

    key: str = ""
    descending: bool = False


@dataclass(frozen=True, eq=False)
class View:
    """Rows of a table in the order in which they are shown."""

    table: Table
    rows: NDArray[np.intp]

    def values(self, key: str) -> NDArray[np.float64]:
        """Give a column as it is shown, as numbers; none if there is no such column."""
        column = self.table.columns.get(key, np.zeros(len(self.table)))
        return np.asarray(column[self.rows], np.float64)

    def place(self, cell: Cell) -> int | None:
        """Tell at which place an object is shown; None if it is not."""
        row = self.table.row(cell)
        if row is None:
            return None
        places = np.flatnonzero(self.rows == row)
        return int(places[0]) if places.size else None

    def span(self, key: str) -> tuple[float, float]:
        """Lowest and highest value of a column that have colours of their own.

        A few outliers do not take the colours from all others.
        """
        values = self.values(key)
        values = values[np.isfinite(values)]
        if not values.size:
            return 0.0, 1.0
        low, high = np.percentile(values, OUTLIERS)
        return float(low), float(high)


def counted(shown: int, total: int) -> str:
    """Say how many objects are shown.

    >>> counted(12, 58), counted(1, 1), counted(0, 0)
    ('12 of 58 objects', '1 object', 'No objects')
    """
    if shown != total:
        return f"{shown} of {total} objects"
    return "1 object" if total == 1 else f"{total or 'No'} objects"


def middle(view: View, key: str) -> str:
    """Say the median of a column, such as ", median area 31.5 µm²"."""
    values = view.values(key)
    values = values[np.isfinite(values)]
    column = next((each for each in view.table.shown() if each.key == key), None)
    if column is None or not values.size:
        return ""
    return f", median {column.name} {np.median(values):.4g} {column.unit}".rstrip()
