"""How many objects a label image holds."""

from pathlib import Path

import numpy as np

from napari_touchup.io.images import explained, open_image


def count_objects(path: Path) -> tuple[int, int]:
    """Count the frames of a label image, and the objects in them, in every frame anew.

    Raises
    ------
    ImageFileError
        If the file cannot be read.
    """
    with open_image(path) as image, explained(path):
        stack = image.stack()
        # labels have no channels: what looks like them are a few frames
        planes = (plane for index in stack.frames() for plane in stack.read(index))
        counts = [np.unique(plane[plane > 0]).size for plane in planes]
    return len(counts), sum(counts)
