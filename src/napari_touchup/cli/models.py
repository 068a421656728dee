"""`touchup models`: what is in model files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import JsonValue

from napari_touchup.cli.console import UsageError, output, say, table
from napari_touchup.cli.versions import version_table

if TYPE_CHECKING:
    from napari_touchup.nn.header import Header
    from napari_touchup.options import ModelSpec

Files = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[FILE...]",
        help="Model files to list too; of a project (NAME.touchup) all its versions.",
        show_default=False,
    ),
]


def models(files: Files = None) -> None:
    """List the bundled model and where it is, the model files and the projects given."""
    from napari_touchup.nn.header import read_header

    console = output()
    for name in ("default", *map(str, files or ())):
        if is_folder(name):
            console.print(version_table(Path(name).expanduser()))
            continue
        path = model_path(name)
        rows = [("file", str(path)), *_rows(read_header(path))]
        console.print(table("", "", rows=rows, title=name))


def model_path(name: str) -> Path:
    """Path of the model "default", of a file, or of the model that a project uses.

    Raises
    ------
    UsageError
        If there is no such file, or a folder is no project.
    """
    from napari_touchup.nn.header import ModelFileError, find_model

    if is_folder(name):
        return _model_of(Path(name).expanduser())
    try:
        return find_model(name)
    except ModelFileError as error:
        raise UsageError(str(error)) from error


def check_level(model: Path, prune: int | None) -> None:
    """Refuse a level that the network of a model file does not have, before anything is read.

    Raises
    ------
    UsageError
        The message lists what there is.
    """
    from napari_touchup.nn.build import pruned
    from napari_touchup.nn.header import read_header

    spec = read_header(model).spec
    try:
        pruned(spec, prune)
    except ValueError as error:
        raise UsageError(str(error)) from error


def is_folder(name: str) -> bool:
    """Whether a name is that of a project, if of anything."""
    return Path(name).expanduser().is_dir()


def _model_of(folder: Path) -> Path:
    from napari_touchup.nn.header import DEFAULT_MODEL
    from napari_touchup.session.current import model_of

    try:
        path = model_of(folder)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if path is None:
        say(f"{folder} has no model of its own yet: the bundled one is taken")
    return path or DEFAULT_MODEL


def _rows(header: "Header") -> list[tuple[str, str]]:
    from napari_touchup.nn.build import levels

    spec, percentiles = header.spec, header.normalize
    known = levels(spec)
    named = f" ({', '.join(header.channels)})" if header.channels else ""
    return [
        ("name", header.name),
        ("network", ", ".join([spec.arch, *_shape(spec)])),
        *([("levels", f"{', '.join(map(str, known))} (--prune)")] if known else []),
        ("takes", f"{spec.in_channels} channel(s){named}"),
        ("gives", _given(spec)),
        ("object diameter", f"{header.diameter_px:g} px"),
        ("intensities", f"percentiles {percentiles.low:g} to {percentiles.high:g}"),
        *((f"training {key}", _short(value)) for key, value in header.training.items()),
        *((f"lineage {key}", _short(value)) for key, value in header.lineage.items()),
        ("written by", f"napari-touchup {header.version}"),
    ]


def _shape(spec: "ModelSpec") -> list[str]:
    from napari_touchup.nn.build import shape_of

    values = {name.replace("_", " "): value for name, value in shape_of(spec).items()}
    return [name if value is True else f"{name} {value}" for name, value in values.items()]


def _given(spec: "ModelSpec") -> str:
    whole = spec.output == "instances"
    return "instances, each on its own" if whole else f"{spec.output}, {spec.classes} channels"


def _short(value: JsonValue) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_short(inner)}" for key, inner in value.items())
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)
