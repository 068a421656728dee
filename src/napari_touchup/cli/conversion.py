"""How `touchup export` and `touchup import` go through files and tell what became of them."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from napari_touchup.cli.console import output, progress, say, table

if TYPE_CHECKING:
    from napari_touchup.io.converted import Event


def go_through(
    events: Iterable["Event"], count: int, doing: str, tables: Iterable[Path | None] = ()
) -> None:
    """Work at files, then print a row for each, and which tables of all files there are.

    Raises
    ------
    RuntimeError
        If one failed, after all are told of.
    """
    from napari_touchup.io.converted import Converted, NotConverted

    with progress("files") as bar:
        ends = list(bar.track(events, total=count, description=doing))
        seconds = bar.tasks[0].elapsed or 0.0
    output().print(table("file", "objects", "what", rows=_rows(ends)))
    objects = sum(end.objects for end in ends if isinstance(end, Converted))
    failed = sum(isinstance(end, NotConverted) for end in ends)
    say(f"{count} files in {seconds:.0f} s: {objects} objects; {failed} failed")
    if there := [str(path) for path in tables if path is not None and path.exists()]:
        say(f"measurements in {' and '.join(there)}")
    if failed:
        raise RuntimeError(f"{failed} of {count} files failed")


def _rows(ends: Iterable["Event"]) -> Iterator[tuple[str, str, str]]:
    from napari_touchup.io.converted import Converted

    for end in ends:
        if isinstance(end, Converted):
            told = [*(str(path) for path in end.written), *end.notes]
            yield str(end.source), str(end.objects), "\n".join(told)
        else:
            reason = end.reason.removeprefix(str(end.source)).lstrip(": ")
            yield str(end.source), "", f"failed: {reason}"
