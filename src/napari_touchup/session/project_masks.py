"""The masks of a project's images, as they were last seen in the window."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from napari_touchup.core.entries import ImageRecord
from napari_touchup.io.exporting import Labelled, Source
from napari_touchup.io.images import ImageFile, open_image
from napari_touchup.io.measurements import States
from napari_touchup.io.project import ProjectFile
from napari_touchup.session.gallery import Gallery
from napari_touchup.session.ledger import Ledger
from napari_touchup.session.project import Project


def states_of(project: Project, image: str) -> States:
    """Tell what a person said of the objects of an image, frame by frame."""
    return {
        frame: {
            label: known.state
            for label, known in project.objects(image, frame).items()
            if known.reviewed
        }
        for frame in project.masked(image)
    }


@contextmanager
def project_masks(folder: Path) -> Iterator[list[Source]]:
    """Open a project to read the masks of its images, which stay readable for as long.

    Raises
    ------
    ValueError
        If this is no project, one of a newer napari-touchup, or no image in it has masks.
    """
    with closing(Project(Ledger(ProjectFile.open(folder, read_only=True)))) as project:
        records = [
            record for record in project.ledger.images() if project.masked(record.fingerprint)
        ]
        if not records:
            raise ValueError(f"{folder} holds no masks")
        beside = folder.absolute().parent
        yield [
            Source(record.path or Path(record.name), partial(_open, project, record, beside))
            for record in records
        ]


@contextmanager
def _open(project: Project, record: ImageRecord, beside: Path) -> Iterator[Labelled]:
    key, sizes = record.fingerprint, dict(zip(record.axes, record.shape, strict=True))
    axes = "".join(letter for letter in record.axes if letter in "TZ") + "YX"
    labels = np.zeros([sizes[letter] for letter in axes], np.int32)
    for frame in project.masked(key):
        labels[frame] = project.state(key, frame, labels.shape[-2:]).labels
    image = _image(record, beside)
    pixel = None if image is None else image.pixel
    yield Labelled(ImageFile(labels, axes, pixel=pixel), image, states_of(project, key))


def _image(record: ImageRecord, beside: Path) -> ImageFile | None:
    """Read the image, if it is still there and holds the same pixels."""
    image = Gallery(beside).image(record)
    if image is None or image.path is None:
        return None
    with open_image(image.path, image.axes) as file:
        return ImageFile(image.data, image.axes, image.rgb, file.pixel)
