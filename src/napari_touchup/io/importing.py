"""Masks of other programs to label images, for the command line and the dock."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_touchup.core.axes import Stack
from napari_touchup.io.converted import (
    Converted,
    Event,
    images_of,
    one_by_one,
    opened,
    refuse_clashes,
)
from napari_touchup.io.foreign import KINDS, SUFFIXES, own_name, read_foreign
from napari_touchup.io.images import write_labels
from napari_touchup.io.outputs import OutputError


@dataclass(frozen=True, slots=True)
class ImportTask:
    """A file, the image that it belongs to, and the label image to be made."""

    source: Path
    masks: Path
    image: Path | None = None


def plan_import(
    files: Sequence[Path], folder: Path, *, images: Path | None = None
) -> list[ImportTask]:
    """Decide what goes where: ``a_seg.npy`` and ``a_rois.zip`` both to ``a.tif`` in a folder.

    Parameters
    ----------
    files : each once
    folder : need not exist
    images : that the files belong to, of the same names: a file or a folder

    Raises
    ------
    OutputError
        If a file is not there or of an unknown kind, its image is missing, or something would
        be written over.
    """
    for path in files:
        if not path.is_file():
            raise OutputError(f"no such file: {path}")
        if path.suffix.lower() not in SUFFIXES:
            raise OutputError(f"expected {KINDS}, got {path}")
    known = images_of(files, images, own_name)
    tasks = [ImportTask(path, folder / f"{own_name(path)}.tif", known.get(path)) for path in files]
    refuse_clashes([task.masks for task in tasks])
    return tasks


def import_files(tasks: Sequence[ImportTask]) -> Generator[Event]:
    """Write label images as `napari_touchup.io.images.write_labels` does.

    Yields
    ------
    Converted, NotConverted
        One of the two for each file.
    """
    return one_by_one(tasks, _convert)


def _convert(task: ImportTask) -> Converted:
    with opened(task.image) as image:
        found = read_foreign(task.source, image)
    masks = found.masks
    task.masks.parent.mkdir(parents=True, exist_ok=True)
    write_labels(task.masks, masks.data, masks.axes, masks.pixel)
    stack = Stack(masks.data, masks.axes)
    objects = sum(int(np.count_nonzero(np.unique(stack.read(i)))) for i in stack.frames())
    return Converted(task.source, (task.masks,), objects, found.notes)
