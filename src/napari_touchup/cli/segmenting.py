"""A run over files as `touchup segment` shows it and tells of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import Progress

from napari_touchup.cli.console import output, progress, say, table

if TYPE_CHECKING:  # loads torch
    from napari_touchup.io.batch import BatchOptions, Event, FileDone, FileFailed
    from napari_touchup.io.outputs import Task

NOTHING_FOUND = "no objects found: another --channel, --diameter or --threshold?"


@dataclass
class Tally:
    """What became of the files."""

    done: list["FileDone"] = field(default_factory=list)
    failed: list["FileFailed"] = field(default_factory=list)
    notices: set[str] = field(default_factory=set)  # each is said once


def run(tasks: Sequence["Task"], model: Path, options: "BatchOptions") -> None:
    """Segment files one after the other, then say what became of them.

    Raises
    ------
    RuntimeError
        If one of them failed.
    """
    from napari_touchup.io.batch import segment_files
    from napari_touchup.nn.checkpoint import load

    tally = Tally()
    loaded = load(model, prune=options.segment.prune)
    with progress("images") as bar:
        files = bar.add_task("segment", total=len(tasks))
        for event in segment_files(tasks, loaded, options):
            _on_event(event, tally, bar)
            # a failed file counts too; within a file the bar moves with its tiles
            part = getattr(event, "part", 0.0) % 1
            bar.update(files, completed=len(tally.done) + len(tally.failed) + part)
        seconds = bar.tasks[0].elapsed or 0.0
    _report(tally, seconds)


def _on_event(event: "Event", tally: Tally, bar: Progress) -> None:
    from napari_touchup.io.batch import FileDone, FileFailed, FileNotice

    match event:
        case FileDone():
            tally.done.append(event)
        case FileFailed():
            tally.failed.append(event)
        case FileNotice(text=text) if text not in tally.notices:
            tally.notices.add(text)
            # a line between the bar's own, which is on stderr; else stderr is for errors
            bar.console.print(text, markup=False) if bar.console.is_terminal else say(text)


def _reason(end: "FileFailed") -> str:
    return end.reason.removeprefix(str(end.source)).lstrip(": ")


def _report(tally: Tally, seconds: float) -> None:
    empty = [done for done in tally.done if done.objects == 0]
    rows = [(str(end.source), f"failed: {_reason(end)}") for end in tally.failed]
    rows += [(str(done.source), NOTHING_FOUND) for done in empty]
    if rows:
        output().print(table("image", "what", rows=rows))
    count = len(tally.done) + len(tally.failed)
    objects = sum(done.objects for done in tally.done)
    say(
        f"{count} images in {seconds:.0f} s: {objects} objects; "
        f"{len(empty)} without objects, {len(tally.failed)} failed"
    )
    if tally.failed:
        raise RuntimeError(f"{len(tally.failed)} of {count} images failed")
