"""`touchup export-model` and `touchup import-model`: models for other programs."""

from pathlib import Path
from typing import Annotated

import typer

from napari_touchup.cli.console import refuse_existing, say
from napari_touchup.cli.models import model_path

ModelName = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", help="default, a model file, or a project.", show_default=False
    ),
]
PackageOut = Annotated[
    Path, typer.Option("--output", "-o", metavar="PACKAGE.zip", help="The package.")
]
Authors = Annotated[
    list[str],
    typer.Option(
        "--author", metavar="NAME", help="Who made it; once for each.", show_default=False
    ),
]
License = Annotated[
    str, typer.Option(metavar="SPDX", help="Under which others may use it, such as CC0-1.0.")
]
Description = Annotated[
    str, typer.Option(metavar="TEXT", help="What it segments, in a sentence or two.")
]
Package = Annotated[Path, typer.Argument(metavar="PACKAGE.zip", show_default=False)]
ModelOut = Annotated[
    Path, typer.Option("--output", "-o", metavar="MODEL.safetensors", help="The model.")
]


def export_model(
    model: ModelName,
    out: PackageOut,
    author: Authors,
    license: License = "CC-BY-4.0",
    description: Description = "Segments microscopy images; made with napari-touchup.",
) -> None:
    """Write a model as a bioimage.io package, with weights for PyTorch and ONNX.

    bioimageio.core runs both before the package is written. Needs the extra `bioimageio`.
    """
    from napari_touchup.io.bioimage import write_package
    from napari_touchup.io.bioimage_card import About
    from napari_touchup.nn.checkpoint import load

    refuse_existing([out])
    about = About(authors=tuple(author), license=license, description=description)
    write_package(load(model_path(model)), out, about)
    say(f"{out}: bioimageio.core ran the weights for PyTorch and ONNX, both within 1e-4")


def import_model(package: Package, out: ModelOut) -> None:
    """Take the model out of a bioimage.io package that napari-touchup wrote.

    No code of the package is run.
    """
    from napari_touchup.io.bioimage_in import read_package
    from napari_touchup.nn.checkpoint import save

    refuse_existing([out])
    model = read_package(package)
    save(out, model.module, model.header)
    say(f"{out}: {model.header.name}, {model.header.spec.arch}")
