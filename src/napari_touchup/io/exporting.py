"""Label images to ROIs, GeoJSON and tables of measurements, for the command line and the dock."""

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
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
from napari_touchup.io.images import ImageFile, read_labels, write_labels
from napari_touchup.io.mask_files import write_outlines
from napari_touchup.io.measurements import (
    States,
    check_frames,
    measure_file,
    summary,
    write_cells,
    write_summary,
)
from napari_touchup.io.outputs import OutputError
from napari_touchup.io.pairs import listed, name_of

CELLS, IMAGES = "cells.csv", "images.csv"
# what can be made of each label image, and how the names of the files end
ENDINGS = {"roi": "_rois.zip", "geojson": ".geojson", "tif": ".tif"}


@dataclass(frozen=True, slots=True)
class Labelled:
    """Masks of a file, and what is known of them."""

    masks: ImageFile
    image: ImageFile | None = None  # that is measured
    states: States | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Where masks come from; they are read when it is their turn, by `open`."""

    path: Path  # which gives the results their name
    open: Callable[[], AbstractContextManager[Labelled]]


@dataclass(frozen=True, slots=True)
class ExportTask:
    """Masks and the files that are made of them alone."""

    masks: Source
    outputs: Mapping[str, Path]  # by the keys of `ENDINGS`

    @property
    def source(self) -> Path:
        return self.masks.path


@dataclass(frozen=True, slots=True)
class Export:
    """Everything that is to be made; `cells` and `images` are tables of all files."""

    tasks: tuple[ExportTask, ...]
    cells: Path | None = None
    images: Path | None = None


def label_files(masks: Sequence[Path], images: Path | None = None) -> list[Source]:
    """Take masks from label images.

    Parameters
    ----------
    masks : each once
    images : that the masks belong to, of the same names: a file or a folder

    Raises
    ------
    OutputError
        If an image is missing.
    """
    known = images_of(masks, images)
    return [Source(path, partial(_open, path, known.get(path))) for path in masks]


def plan_export(
    sources: Sequence[Source], folder: Path, wanted: Sequence[str], *, csv: bool = False
) -> Export:
    """Decide what goes where: of ``a.tif`` to ``a_rois.zip`` and ``a.geojson`` in a folder.

    Parameters
    ----------
    sources : from `label_files`, or the images of a project
    folder : need not exist
    wanted : keys of `ENDINGS`
    csv : tables of all objects and all files are wanted, too

    Raises
    ------
    OutputError
        If something would be written over, or two files have one name.
    """
    tasks = tuple(
        ExportTask(
            source, {kind: folder / f"{name_of(source.path)}{ENDINGS[kind]}" for kind in wanted}
        )
        for source in sources
    )
    names = Counter(source.path.name for source in sources)
    if csv and (same := [name for name, count in names.items() if count > 1]):
        raise OutputError(f"several files would be one in the tables: {listed(same)}")
    tables = (folder / CELLS, folder / IMAGES) if csv else (None, None)
    outputs = [path for task in tasks for path in task.outputs.values()]
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
        with task.masks.open() as found:
            objects = _write(task.outputs, found)
            if export.cells is not None:
                columns = measure_file(found.masks, found.image, found.states)
                tables[task.source.name] = columns
                rows[task.source.name] = summary(columns, found.masks)
                objects = len(columns["cell"])
        return Converted(task.source, tuple(task.outputs.values()), objects)

    yield from one_by_one(export.tasks, convert)
    if tables and export.cells is not None and export.images is not None:
        export.cells.parent.mkdir(parents=True, exist_ok=True)
        write_cells(export.cells, tables)
        write_summary(export.images, rows)


@contextmanager
def _open(path: Path, image: Path | None) -> Iterator[Labelled]:
    with opened(image) as raw:
        yield Labelled(read_labels(path), raw)


def _write(outputs: Mapping[str, Path], found: Labelled) -> int:
    """Write the files of one label image, and count its outlines."""
    masks = found.masks
    if found.image is not None:
        check_frames(masks, found.image)
    for path in outputs.values():
        path.parent.mkdir(parents=True, exist_ok=True)
    if "tif" in outputs:
        write_labels(outputs["tif"], masks.data, masks.axes, masks.pixel)
    outlines = [path for kind, path in outputs.items() if kind != "tif"]
    return write_outlines(outlines, masks, found.image)
