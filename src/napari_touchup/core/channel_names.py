"""Names of channels: which of them are names at all, and whether two lists mean the same.

A channel without a name is "". Case and spaces around a name say nothing.
"""

import re
from collections.abc import Iterable, Sequence

# "2", "Channel 1", "ch2", "C1", "Channel:0:1": a program's count of them; "488" is a laser
COUNTED = re.compile(r"(channel|chan|ch|c)?[\s:_#-]*\d{1,2}([\s:_-]\d{1,2})*", re.IGNORECASE)


def real_name(text: str) -> str:
    """Give a name that says what a channel shows; "" for one that only counts.

    >>> [real_name(text) for text in (" DAPI ", "Channel 1", "c2", "3", "Cy5", "488")]
    ['DAPI', '', '', '', 'Cy5', '488']
    """
    name = text.strip()
    return "" if COUNTED.fullmatch(name) else name


def all_named(names: Sequence[str]) -> tuple[str, ...]:
    """Give names if every channel has one, else none at all."""
    return tuple(names) if all(names) else ()


def agree(learned: Sequence[str], given: Sequence[str]) -> bool:
    """Whether no place has two names that differ; what has no name is never in doubt.

    Lists of different lengths are not compared.

    >>> agree(["DAPI", "GFP"], ["dapi", ""]), agree(["DAPI", "GFP"], ["GFP", "DAPI"])
    (True, False)
    """
    if len(learned) != len(given):
        return True
    pairs = zip(learned, given, strict=True)
    return all(_plain(a) == _plain(b) for a, b in pairs if a and b)


def by_name(wanted: Sequence[str], offered: Sequence[str]) -> tuple[int, ...]:
    """Places of wanted names among those offered; () unless each is there exactly once.

    >>> by_name(["DAPI", "GFP"], ["gfp", "Cy5", "dapi"]), by_name(["GFP"], ["GFP", "gfp"])
    ((2, 0), ())
    """
    plain, asked = [_plain(name) for name in offered], [_plain(name) for name in wanted]
    if len(set(asked)) < len(asked) or any(not a or plain.count(a) != 1 for a in asked):
        return ()
    return tuple(plain.index(name) for name in asked)


def agreed(many: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Give the names that several images share; () where they differ or one has none.

    >>> agreed([("DAPI", "GFP"), ("dapi", "gfp")]), agreed([("DAPI",), ("Hoechst",)])
    (('DAPI', 'GFP'), ())
    """
    lists = [tuple(names) for names in many]
    first = all_named(lists[0]) if lists else ()
    same = all(list(map(_plain, names)) == list(map(_plain, first)) for names in lists)
    return first if same else ()


def difference(learned: Sequence[str], given: Sequence[str]) -> str:
    """Say that a model is given other channels than it learned.

    >>> difference(["DAPI", "GFP"], ["GFP", ""])
    'This model learned DAPI, GFP; here it is given GFP, (no name).'
    """
    here = ", ".join(name or "(no name)" for name in given)
    return f"This model learned {', '.join(learned)}; here it is given {here}."


def _plain(name: str) -> str:
    return name.strip().casefold()
