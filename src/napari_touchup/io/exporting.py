"""Label images to ROIs, GeoJSON and tables of measurements, for the command line and the dock."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_touchup.core.regions import Columns
from napari_touchup.io.converted import (
    Converted,
    Event,
    images_of,
    one_by_one,
    opened,
    refuse_clashes,
)
from napari_touchup.io.images import read_labels
from napari_touchup.io.mask_files import write_outlines
from napari_touchup.io.measurements import (
    check_frames,
    measure_file,
    summary,
    write_cells,
    write_summary,
)
from napari_touchup.io.pairs import name_of

CELLS, IMAGES = "cells.csv", "images.csv"


@dataclass(frozen=True, slots=True)
class ExportTask:
    """A label image and what is to be made of it; `image` is measured."""

    source: Path
    image: Path | None = None
    rois: Path | None = None
    geojson: Path | None = None

    @property
    def outputs(self) -> tuple[Path, ...]:
        return tuple(path for path in (self.rois, self.geojson) if path is not None)


@dataclass(frozen=True, slots=True)
class Export:
    """Everything that is to be made; `cells` and `images` are tables of all files."""

    tasks: tuple[ExportTask, ...]
    cells: Path | None = None
    images: Path | None = None


def plan_export(
    masks: Sequence[Path],
    folder: Path,
    *,
    images: Path | None = None,
    roi: bool = False,
    geojson: bool = False,
    csv: bool = False,
) -> Export:
    """Decide what goes where: of ``a.tif`` to ``a_rois.zip`` and ``a.geojson`` in a folder.

    Parameters
    ----------
    masks : label images, each once
    folder : need not exist
    images : that the masks belong to, of the same names: a file or a folder
    roi, geojson, csv : what is wanted

    Raises
    ------
    OutputError
        If an image is missing, or something would be written over.
    """
    known = images_of(masks, images)
    tasks = tuple(
        ExportTask(
            path,
            known.get(path),
            folder / f"{name_of(path)}_rois.zip" if roi else None,
            folder / f"{name_of(path)}.geojson" if geojson else None,
        )
        for path in masks
    )
    tables = (folder / CELLS, folder / IMAGES) if csv else (None, None)
    outputs = [path for task in tasks for path in task.outputs]
    refuse_clashes([*outputs, *(path for path in tables if path is not None)])
    return Export(tasks, *tables)


def export_files(export: Export) -> Generator[Event]:
    """Write what was planned, file by file; the tables, of all that did not fail, at the end.

    Yields
    ------
    Converted, NotConverted
        One of the two for each label image.
    """
    tables: dict[str, Columns] = {}
    rows: dict[str, dict[str, Any]] = {}

    def convert(task: ExportTask) -> Converted:
        with opened(task.image) as image:
            masks = read_labels(task.source)
            if image is not None:
                check_frames(masks, image)
            for path in task.outputs:
                path.parent.mkdir(parents=True, exist_ok=True)
            objects = write_outlines(task.outputs, masks, image)
            if export.cells is not None:
                columns = measure_file(masks, image)
                tables[task.source.name] = columns
                rows[task.source.name] = summary(columns, masks)
                objects = len(columns["cell"])
        return Converted(task.source, task.outputs, objects)

    yield from one_by_one(export.tasks, convert)
    if tables and export.cells is not None and export.images is not None:
        export.cells.parent.mkdir(parents=True, exist_ok=True)
        write_cells(export.cells, tables)
        write_summary(export.images, rows)
