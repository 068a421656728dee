"""All commands, and what becomes of an error: one line on stderr and an exit code."""

import logging
import sys
from collections.abc import Sequence
from typing import Any

import typer
from pydantic import ValidationError
from typer.core import TyperGroup

from napari_touchup.cli.compare import compare
from napari_touchup.cli.console import UsageError, one_line
from napari_touchup.cli.evaluate import evaluate
from napari_touchup.cli.export import export
from napari_touchup.cli.fine_tune import fine_tune
from napari_touchup.cli.import_masks import import_masks
from napari_touchup.cli.models import models
from napari_touchup.cli.packages import export_model, import_model
from napari_touchup.cli.segment import segment
from napari_touchup.cli.synth import synth
from napari_touchup.cli.train import train
from napari_touchup.cli.weights import weights
from napari_touchup.cli.window import demo, gui

FAILED, BAD_USAGE, STOPPED = 1, 2, 130
# typer >= 0.20 has a click of its own, so that its exceptions are found from one it exports
ParserError: type[Exception] = typer.BadParameter.__mro__[2]  # ClickException
BAD_USAGE_ERRORS = (UsageError, ValidationError)
FAILURES = (ValueError, OSError, MemoryError, RuntimeError)  # other errors are bugs, shown whole


class OneLineErrors(TyperGroup):
    """Commands whose errors are told in one line; for the shell and for tests alike."""

    def main(self, args: Sequence[str] | None = None, **extra: Any) -> Any:  # type: ignore[override]
        try:
            code = super().main(args, **extra | {"standalone_mode": False}) or 0
        except ParserError as error:
            code = _tell(error.format_message(), BAD_USAGE)  # type: ignore[attr-defined]
        except BAD_USAGE_ERRORS as error:
            code = _tell(one_line(error), BAD_USAGE)
        except FAILURES as error:
            code = _tell(one_line(error), FAILED)
        except (typer.Abort, KeyboardInterrupt):
            code = STOPPED
        if code == STOPPED:
            _tell("stopped", STOPPED)
        sys.exit(code)


def _tell(text: str, code: int) -> int:
    if text:  # without a command the help was shown, and there is no more to say
        typer.echo(f"touchup: {' '.join(text.split())}", err=True)
    return code


def _about() -> None:
    """Segment microscopy images with a U-Net, correct the masks, teach the network."""
    # a damaged file is told of once, by us
    logging.getLogger("tifffile").addHandler(logging.NullHandler())
    logging.getLogger("tifffile").propagate = False


app = typer.Typer(
    cls=OneLineErrors,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.callback()(_about)
for _command in (gui, demo, segment, weights, synth, models, evaluate, train, compare, fine_tune):
    app.command()(_command)
app.command()(export)
app.command("import")(import_masks)
app.command()(export_model)
app.command()(import_model)


def main() -> None:
    app(prog_name="touchup")
