"""`touchup models`: what is in model files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import JsonValue

from napari_touchup.cli.console import UsageError, output, table

if TYPE_CHECKING:
    from napari_touchup.nn.header import Header

Files = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[FILE...]", help="Model files to list too.", show_default=False),
]


def models(files: Files = None) -> None:
    """List the bundled model and where it is, and the model files given."""
    from napari_touchup.nn.header import read_header

    console = output()
    for name in ("default", *map(str, files or ())):
        path = model_path(name)
        rows = [("file", str(path)), *_rows(read_header(path))]
        console.print(table("", "", rows=rows, title=name))


def model_path(name: str) -> Path:
    """Path of the model "default" or of a file.

    Raises
    ------
    UsageError
        If there is no such file.
    """
    from napari_touchup.nn.header import ModelFileError, find_model

    try:
        return find_model(name)
    except ModelFileError as error:
        raise UsageError(str(error)) from error


def _rows(header: "Header") -> list[tuple[str, str]]:
    spec, percentiles = header.spec, header.normalize
    named = f" ({', '.join(header.channels)})" if header.channels else ""
    return [
        ("name", header.name),
        ("network", f"{spec.arch}, base {spec.base}, depth {spec.depth}, padding {spec.padding}"),
        ("takes", f"{spec.in_channels} channel(s){named}"),
        ("gives", f"{spec.output}, {spec.classes} channels"),
        ("object diameter", f"{header.diameter_px:g} px"),
        ("intensities", f"percentiles {percentiles.low:g} to {percentiles.high:g}"),
        *((f"training {key}", _short(value)) for key, value in header.training.items()),
        *((f"lineage {key}", _short(value)) for key, value in header.lineage.items()),
        ("written by", f"napari-touchup {header.version}"),
    ]


def _short(value: JsonValue) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_short(inner)}" for key, inner in value.items())
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)
