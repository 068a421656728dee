"""How a training run is shown while it goes on."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from napari_touchup.cli.console import say

if TYPE_CHECKING:  # loads torch
    from napari_touchup.engine.events import Step

LINE_SECONDS = 30.0  # between two lines where no terminal shows a bar


class Display:
    """A bar on stderr, or a line now and then where no terminal is."""

    def __init__(self, bar: Progress, silent: bool) -> None:
        self.bar, self.silent = bar, silent
        self.task = bar.add_task("", total=1.0)
        self.said = -LINE_SECONDS

    def say(self, text: str) -> None:
        if self.silent:
            return
        if self.bar.console.is_terminal:
            self.bar.console.print(text, markup=False)
        else:
            say(text)

    def restart(self) -> None:
        """Begin another run, whose seconds are counted anew."""
        self.said = -LINE_SECONDS

    def step(self, step: "Step", losses: list[float]) -> None:
        loss = sum(losses) / len(losses)
        rest = time_left(step.progress, step.seconds)
        text = f"step {step.step}, loss {loss:.3f}, rate {step.rate:.1e}, {rest} left"
        self.show(text, step.progress, step.seconds)

    def show(self, text: str, progress: float, seconds: float) -> None:
        """Show how far it is; in lines only now and then.

        Parameters
        ----------
        progress : share of the work, 0 ... 1
        seconds : since its start
        """
        self.bar.update(self.task, description=text, completed=progress)
        if not self.bar.console.is_terminal and seconds - self.said >= LINE_SECONDS:
            self.said = seconds
            self.say(text)


@contextmanager
def display(leads: bool) -> Iterator[Display]:
    """Show a run for the length of a block; only the first of several processes does."""
    console = Console(stderr=True, highlight=False)
    columns = TextColumn("{task.description}", markup=False), BarColumn()
    hidden = not (leads and console.is_terminal)
    with Progress(*columns, console=console, disable=hidden) as bar:
        yield Display(bar, silent=not leads)


def time_left(progress: float, seconds: float) -> str:
    """Say how long the rest takes, from what is done.

    >>> [time_left(0.5, 7.0), time_left(0.1, 60.0), time_left(0.1, 3600.0)]
    ['7 s', '9 min', '9.0 h']
    """
    left = seconds / progress * (1 - progress)
    if left < 100:
        return f"{left:.0f} s"
    return f"{left / 60:.0f} min" if left < 6000 else f"{left / 3600:.1f} h"
