"""Which objects a person wants to see, such as "area > 50 and eccentricity < 0.8"."""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_touchup.core.columns import named, shown

EXAMPLE = "area > 50"
COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "≤": operator.le,
    "≥": operator.ge,
}
AND = re.compile(r"\s+and\s+|\s*&+\s*", re.IGNORECASE)
PART = re.compile(r"\s*([^\W\d]\w*)\s*(<=|>=|==|!=|[<>=≤≥])\s*(\S+)\s*")


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison of a column with a number."""

    key: str  # of the column
    sign: str
    number: float


def parse(text: str, keys: Sequence[str]) -> tuple[Condition, ...]:
    """Read conditions that all shall hold; an empty text has none.

    Parameters
    ----------
    text : comparisons joined by "and"
    keys : of the columns, as `napari_touchup.core.regions.measure` names them

    Raises
    ------
    ValueError
        For anything else; says what is wrong with it.

    Examples
    --------
    >>> parse("area > 50 and mean <= 1e3", ["area_um2", "intensity_mean_c1"])[0]
    Condition(key='area_um2', sign='>', number=50.0)
    """
    if not text.strip():
        return ()
    return tuple(_condition(part, keys) for part in AND.split(text))


def holds(
    conditions: Sequence[Condition], columns: Mapping[str, NDArray[Any]], count: int
) -> NDArray[np.bool_]:
    """Tell of each of `count` objects whether all conditions hold; a missing value never does."""
    kept = np.ones(count, bool)
    for one in conditions:
        values = columns[one.key]
        kept &= COMPARE[one.sign](values, one.number) & (values == values)  # NaN
    return kept


def _condition(part: str, keys: Sequence[str]) -> Condition:
    found = PART.fullmatch(part)
    if found is None:
        hint = "; join comparisons by “and”" if re.search(r"\bor\b|\|", part) else ""
        raise ValueError(f"expected a comparison such as “{EXAMPLE}”, got “{part.strip()}”{hint}")
    word, sign, number = found.groups()
    column = named(word, keys)
    if column is None:
        names = [each.name for each in shown(keys)]
        near = get_close_matches(word.casefold(), names, 1)
        guess = f"did you mean “{near[0]}”?" if near else f"there are {', '.join(names)}"
        raise ValueError(f"there is no column “{word}”; {guess}")
    return Condition(column.key, sign, _number(number))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        hint = f"; write {text.replace(',', '.')}" if re.fullmatch(r"\d+,\d+", text) else ""
        raise ValueError(f"expected a number, got “{text}”{hint}") from None
