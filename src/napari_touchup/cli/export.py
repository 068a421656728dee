"""`touchup export`: masks as ROIs, GeoJSON and tables of measurements."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_touchup.cli.console import UsageError
from napari_touchup.cli.conversion import go_through

if TYPE_CHECKING:
    from napari_touchup.io.exporting import Source

Masks = Annotated[
    list[Path],
    typer.Argument(
        metavar="MASKS",
        help="Label images, folders of them with their subfolders, or projects (NAME.touchup).",
        show_default=False,
    ),
]
Out = Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder of the results.")]
Images = Annotated[
    Path | None,
    typer.Option(
        "--image",
        metavar="IMAGES",
        help="Images of the same names, a file or a folder; --csv then measures intensities too.",
        show_default="none",
    ),
]
Roi = Annotated[
    bool, typer.Option("--roi", help="DIR/a_rois.zip for ImageJ's ROI Manager, for each a.tif.")
]
GeoJson = Annotated[
    bool, typer.Option("--geojson", help="DIR/a.geojson with detections for QuPath.")
]
Tif = Annotated[
    bool, typer.Option("--tif", help="DIR/a.tif, a label image; of a project its masks.")
]
Csv = Annotated[
    bool,
    typer.Option(
        "--csv",
        help="DIR/cells.csv, a row for each object of all files (frames counted from 0), and "
        "DIR/images.csv, a row for each file. Of projects with what you corrected and confirmed.",
    ),
]


def export(
    masks: Masks,
    out: Out,
    image: Images = None,
    roi: Roi = False,
    geojson: GeoJson = False,
    tif: Tif = False,
    csv: Csv = False,
) -> None:
    """Write masks as other programs read them, and measure them.

    Outlines run along pixel edges, so that the very masks come back with `touchup import`.
    Nothing is written over. A file that cannot be read does not stop the others.
    """
    from napari_touchup.io.exporting import export_files, plan_export
    from napari_touchup.io.outputs import OutputError

    asked = {"roi": roi, "geojson": geojson, "tif": tif}
    wanted = [kind for kind, is_asked in asked.items() if is_asked]
    if not (wanted or csv):
        raise UsageError("expected one or more of --roi, --geojson, --tif and --csv")
    with ExitStack() as opened:
        try:
            plan = plan_export(_sources(masks, image, opened), out, wanted, csv=csv)
        except OutputError as error:
            raise UsageError(str(error)) from error
        go_through(export_files(plan), len(plan.tasks), "export", (plan.cells, plan.images))


def _sources(masks: list[Path], image: Path | None, opened: ExitStack) -> list["Source"]:
    """Masks of files, and of projects, which stay open."""
    from napari_touchup.io.exporting import label_files
    from napari_touchup.io.outputs import find_images, without_maps
    from napari_touchup.io.project import SUFFIX
    from napari_touchup.session.project_masks import project_masks

    projects = [path for path in masks if path.suffix == SUFFIX and path.is_dir()]
    if projects and image is not None:
        raise UsageError("--image: a project knows its images")
    files = [path for path in masks if path not in projects]
    found = label_files(without_maps(find_images(files)), image) if files else []
    for folder in projects:
        try:
            found += opened.enter_context(project_masks(folder))
        except ValueError as error:
            raise UsageError(str(error)) from error
    return found
