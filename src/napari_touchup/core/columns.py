"""How the columns of a table of measurements are called in a window: short, with units."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

SIZES = ("area", "perimeter", "y", "x")  # have units, such as in area_px, area_um2
SYMBOLS = {"um": "µm", "um2": "µm²"}
LAST = ("y", "x")  # of little use to a reader
TOLD = {
    "frame": "Frame, counted from 0",
    "t": "Time point, counted from 0",
    "z": "Plane, counted from 0",
    "cell": "Label of the object",
    "area": "Area",
    "perimeter": "Length of the outline",
    "eccentricity": "0 of a circle, near 1 of a line",
    "solidity": "Part of its convex hull that the object fills",
    "neighbours": "Objects that it touches",
    "y": "Centre, from the top",
    "x": "Centre, from the left",
    "mean": "Mean intensity",
    "min": "Lowest intensity",
    "max": "Highest intensity",
    "std": "Standard deviation of the intensity inside the object",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column as it is shown.

    Attributes
    ----------
    key : its name in the table, such as "area_um2"
    name : such as "area"; of one channel among several "mean_c2"
    unit : such as "µm²", empty where there is none
    """

    key: str
    name: str
    unit: str = ""

    @property
    def title(self) -> str:
        return f"{self.name} ({self.unit})" if self.unit else self.name

    @property
    def told(self) -> str:
        """What the column says, in one line."""
        kind, _, channel = self.name.partition("_c")
        text = TOLD.get(kind, kind)
        return f"{text}, channel {channel}" if channel else text


def shown(keys: Iterable[str]) -> tuple[Column, ...]:
    """Choose and name the columns of a table that a person sees.

    Sizes in pixels are left out where they are there in another unit.

    Parameters
    ----------
    keys : as `napari_touchup.core.regions.measure` names them

    Examples
    --------
    >>> [column.title for column in shown(["cell", "area_px", "y_px", "area_um2", "neighbours"])]
    ['cell', 'area (µm²)', 'neighbours', 'y (px)']
    """
    found: dict[str, Column] = {}
    keys = list(keys)
    one_channel = not any(key.endswith("_c2") for key in keys)
    for key in keys:
        column = _column(key, one_channel)
        if column.name not in found or column.unit != "px":
            found[column.name] = column
    return tuple(sorted(found.values(), key=lambda column: column.name in LAST))


def named(word: str, columns: Mapping[str, object] | Iterable[str]) -> Column | None:
    """Find the column that a person means; they may say it in any case, short or in full.

    >>> named("Area", ["area_px", "area_um2"]).key
    'area_um2'
    """
    keys = list(columns)
    word = word.casefold()
    for column in shown(keys):
        if word == column.name:
            return column
    return next((_column(key, False) for key in keys if key.casefold() == word), None)


def _column(key: str, one_channel: bool) -> Column:
    base, _, unit = key.rpartition("_")
    if base in SIZES:
        return Column(key, base, SYMBOLS.get(unit, unit.replace("2", "²")))
    name = key.removeprefix("intensity_")
    return Column(key, name.removesuffix("_c1") if one_channel else name)
