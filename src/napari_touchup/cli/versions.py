"""The models of a project, as a table."""

import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from napari_touchup.cli.console import UsageError, table

if TYPE_CHECKING:
    from napari_touchup.core.entries import Version

HEADINGS = ("", "name", "begins with", "made", "corrections", "scores")
# names in a version's scores (`core.scores.Scores.as_json`), and what people read
MEASURES = {
    "corrected_iou": "mended IoU",
    "confirmed_iou": "confirmed IoU",
    "old_skill": "old skill AP50",
}


def version_table(folder: Path) -> Table:
    """List the versions of a project, the one in use with a star.

    Raises
    ------
    UsageError
        If it is none.
    """
    from napari_touchup.io.project import ProjectFile
    from napari_touchup.session.current import current
    from napari_touchup.session.ledger import Ledger
    from napari_touchup.session.versions import Versions

    try:
        ledger = Ledger(ProjectFile.open(folder, read_only=True))
    except ValueError as error:
        raise UsageError(str(error)) from error
    with closing(ledger):
        names = {version.number: version.name for version in ledger.versions()}
        used, rows = current(ledger), Versions(ledger).all()
        cells = [_cells(version, names, version == used) for version in rows]
    title = f"{folder}" if rows else f"{folder}: no model of its own yet"
    return table(*HEADINGS, rows=cells, title=title)


def _cells(version: "Version", names: Mapping[int, str], used: bool) -> tuple[str, ...]:
    begun = "" if version.parent == version.number else names.get(version.parent, "")
    made = time.strftime("%Y-%m-%d %H:%M", time.localtime(version.created))
    taught = str(version.corrections) if begun else ""
    return "*" if used else "", version.name, begun, made, taught, _told(version.scores)


def _told(scores: Mapping[str, float | int | str | None]) -> str:
    """Say what was measured before and after.

    >>> _told({"corrected": 3, "corrected_iou_before": 0.5, "corrected_iou_after": 0.75})
    'mended IoU 0.50 -> 0.75'
    """
    found = []
    for name, words in MEASURES.items():
        before, after = scores.get(f"{name}_before"), scores.get(f"{name}_after")
        if isinstance(before, float | int) and isinstance(after, float | int):
            found.append(f"{words} {before:.2f} -> {after:.2f}")
    return ", ".join(found)
