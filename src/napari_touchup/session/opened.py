"""An image file, read for the viewer, with the masks that were written of it."""

from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_touchup.io.images import ImageFile, open_image, read_labels


@dataclass(frozen=True, eq=False)
class Opened:
    """What a file holds, for as long as it is not closed.

    Attributes
    ----------
    path : Path
    image : read lazily where the file is large
    masks : label image; None: there is none
    file : closes the file; what is lazy cannot be read afterwards
    """

    path: Path
    image: ImageFile
    masks: ImageFile | None
    file: ExitStack


def read_files(path: Path, masks: Path | None = None) -> Generator[Opened]:
    """Open an image and, where it exists, its label image; whoever takes it must close it."""
    with ExitStack() as file:
        image = file.enter_context(open_image(path))
        labels = read_labels(masks) if masks is not None and masks.exists() else None
        if isinstance(image.data, np.ndarray):
            file.close()
        opened = Opened(path, image, labels, file.pop_all())
    yield opened
