"""`touchup export`: masks as ROIs, GeoJSON and tables of measurements."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_touchup.cli.console import UsageError
from napari_touchup.cli.conversion import go_through

if TYPE_CHECKING:
    from napari_touchup.io.exporting import Export

Masks = Annotated[
    list[Path],
    typer.Argument(
        metavar="MASKS",
        help="Label images, or folders of them with their subfolders.",
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
Csv = Annotated[
    bool,
    typer.Option(
        "--csv",
        help="DIR/cells.csv, a row for each object of all files (frames counted from 0), and "
        "DIR/images.csv, a row for each file.",
    ),
]


def export(
    masks: Masks,
    out: Out,
    image: Images = None,
    roi: Roi = False,
    geojson: GeoJson = False,
    csv: Csv = False,
) -> None:
    """Write masks as other programs read them, and measure them.

    Outlines run along pixel edges, so that the very masks come back with `touchup import`.
    Nothing is written over. A file that cannot be read does not stop the others.
    """
    from napari_touchup.io.exporting import export_files

    if not (roi or geojson or csv):
        raise UsageError("expected one or more of --roi, --geojson and --csv")
    plan = _plan(masks, out, image, roi, geojson, csv)
    go_through(export_files(plan), len(plan.tasks), "export", (plan.cells, plan.images))


def _plan(
    masks: list[Path], out: Path, image: Path | None, roi: bool, geojson: bool, csv: bool
) -> "Export":
    from napari_touchup.io.exporting import plan_export
    from napari_touchup.io.outputs import OutputError, find_images, without_maps

    try:
        sources = without_maps(find_images(masks))
        return plan_export(sources, out, images=image, roi=roi, geojson=geojson, csv=csv)
    except OutputError as error:
        raise UsageError(str(error)) from error
