"""`touchup import`: masks of other programs as label images."""

from pathlib import Path
from typing import Annotated

import typer

from napari_touchup.cli.console import UsageError
from napari_touchup.cli.conversion import go_through

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE",
        help="ROI zips of ImageJ, GeoJSON of QuPath, _seg.npy of Cellpose, or PNG of labels "
        "(8 or 16 bits).",
        show_default=False,
    ),
]
Out = Annotated[
    Path,
    typer.Option(
        "--output", "-o", metavar="DIR", help="Folder of the masks: DIR/a.tif for a_seg.npy."
    ),
]
Images = Annotated[
    Path | None,
    typer.Option(
        "--image",
        metavar="IMAGES",
        help="Images of the same names, a file or a folder: outlines get their size in pixels.",
        show_default="just large enough",
    ),
]


def import_masks(files: Files, out: Out, image: Images = None) -> None:
    """Turn masks of other programs into label images.

    Objects keep their numbers where their names are numbers. Nothing is written over. A file
    that cannot be read does not stop the others.
    """
    from napari_touchup.io.importing import import_files, plan_import
    from napari_touchup.io.outputs import OutputError

    try:
        tasks = plan_import(files, out, images=image)
    except OutputError as error:
        raise UsageError(str(error)) from error
    go_through(import_files(tasks), len(tasks), "import")
