"""What the commands print, and how they say that they were called wrongly."""

from collections.abc import Iterable
from pathlib import Path

import typer
from pydantic import ValidationError
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column, Table
from rich.text import Text

OPTION_NAMES = {"channels": "channel"}  # fields whose option is called otherwise
FILE_WIDTH = 160  # characters of a line where no terminal sets the limit
SPEED_SECONDS = 60.0  # over which the rate is taken


class UsageError(ValueError):
    """The command was called wrongly: exit code 2."""


class RateColumn(ProgressColumn):
    """How many are done in a second, or in a minute where that is a small number."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self.unit = unit

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        if not speed:
            return Text("")
        rate = f"{speed:.1f} {self.unit}/s" if speed >= 1 else f"{60 * speed:.1f} {self.unit}/min"
        return Text(rate)


def output() -> Console:
    """For results; made anew, as tests exchange stdout."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=FILE_WIDTH)


def progress(unit: str) -> Progress:
    """Bar on stderr with rate and time left; nothing where nobody watches."""
    console = Console(stderr=True, highlight=False)
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        RateColumn(unit),
        TimeRemainingColumn(compact=True),
        TextColumn("left"),
        console=console,
        speed_estimate_period=SPEED_SECONDS,
        disable=not console.is_terminal,
    )


def table(*headings: str, rows: Iterable[Iterable[str]], title: str | None = None) -> Table:
    """Make a table of plain texts: brackets in file names are no markup."""
    columns = [Column(heading, overflow="fold") for heading in headings]
    result = Table(*columns, title=title, box=SIMPLE_HEAD, padding=0, show_header=any(headings))
    for row in rows:
        result.add_row(*(escape(cell) for cell in row))
    return result


def one_line(error: BaseException) -> str:
    """Say what went wrong, without the lines below the first."""
    if isinstance(error, ValidationError):
        return "; ".join(_wrong_option(dict(found)) for found in error.errors())
    if isinstance(error, OSError) and error.strerror:
        place = f": {error.filename}" if error.filename else ""
        return f"{error.strerror}{place}"
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def refuse_existing(paths: Iterable[Path]) -> None:
    """Stop before work starts, if one of its results is there.

    Raises
    ------
    UsageError
    """
    there = [str(path) for path in paths if path.exists()]
    if there:
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise UsageError(f"already there: {there[0]}{more}; nothing is written over")


def say(text: str) -> None:
    """Print a line on stdout."""
    typer.echo(text)


def _wrong_option(found: dict[str, object]) -> str:
    place = found.get("loc")
    name = str(place[0]) if isinstance(place, tuple) and place else ""
    message = str(found["msg"]).removeprefix("Value error, ")
    if not name:
        return message
    option = OPTION_NAMES.get(name, name).replace("_", "-")
    return f"--{option} {found['input']}: {message[0].lower()}{message[1:]}"
