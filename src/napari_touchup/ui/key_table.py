"""What keys and mouse do to cells, as people read it."""

from collections.abc import Iterable
from dataclasses import dataclass

from napari.utils.key_bindings import coerce_keybinding
from qtpy.QtGui import QKeySequence


@dataclass(frozen=True, slots=True)
class Key:
    """A key or a gesture, and what it does."""

    keys: str
    does: str


@dataclass(frozen=True, slots=True)
class Section:
    """Keys that belong together."""

    title: str
    keys: tuple[Key, ...]


SHOW = Key("?", "Show or hide this list")
MOUSE = (
    Key("Drag from background", "A new cell"),
    Key("Drag from a cell", "More of that cell; its neighbours keep their pixels"),
    Key("Right-click, then around", "Encircle a cell: it is filled when you come back"),
    Key("Ctrl+click", "Delete the cell"),
    Key("Alt+click", "Merge the cell with the selected one"),
)
ALT_SIZE = Key("Alt, move", "Size of the brush")
ALT_SUBTRACT = Key("Alt+drag", "Take pixels from the cell")
NAPARI = (
    Key("P or 2", "Brush"),
    Key("E or 1", "Eraser"),
    Key("3", "Polygon; Enter ends it"),
    Key("F or 4", "Fill"),
    Key("L or 5", "Pick a cell"),
    Key("Z or 6", "Move the image; Space while you hold it"),
    Key("[ and ]", "Size of the brush"),
    Key("B", "Paint over neighbours, or not"),
    Key("X", "Erase with the brush, or paint again"),
)


def sections(tools: Iterable[tuple[str, str]], subtracts: bool = False) -> tuple[Section, ...]:
    """Make the whole list.

    Parameters
    ----------
    tools : iterable of (str, str)
        Key of each tool as napari spells it, e.g. "Control-Z", and what it does; a tool whose key
        is "" is left out.
    subtracts : bool
        Alt takes pixels from a cell (the QuPath preset).

    Examples
    --------
    >>> sections([("Control-Z", "Undo"), ("", "No key")])[0].keys
    (Key(keys='Ctrl+Z', does='Undo'), Key(keys='?', does='Show or hide this list'))
    """
    ours = tuple(Key(shown(key), does) for key, does in tools if key)
    return (
        Section("Cells", (*ours, SHOW)),
        Section("Mouse", (*MOUSE, ALT_SUBTRACT if subtracts else ALT_SIZE)),
        Section("Of napari", NAPARI),
    )


def shown(key: str) -> str:
    """Spell a key as it is written on this computer."""
    sequence = QKeySequence(str(coerce_keybinding(key)))
    return str(sequence.toString(QKeySequence.SequenceFormat.NativeText))
