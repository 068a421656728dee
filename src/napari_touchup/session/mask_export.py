"""“Export masks…”: masks written to a file, in a thread."""

from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from psygnal import SignalGroupDescriptor

from napari_touchup.io.images import ImageFile
from napari_touchup.io.mask_files import write_masks
from napari_touchup.io.measurements import States
from napari_touchup.io.tiff import PixelSize
from napari_touchup.session.job import Dispatch, Job, direct
from napari_touchup.session.status import Status, failed


@dataclass(frozen=True, eq=False)
class ExportRequest:
    """Masks, as they were when they were asked for.

    Attributes
    ----------
    path : its ending says what is written, see `napari_touchup.io.mask_files`
    labels : (..., Y, X) int array
    axes : one letter of TZYX for each axis
    pixel : is noted in the file
    image : that the masks belong to; a table has its intensities
    states : what a person said of the objects; a table has them
    """

    path: Path
    labels: NDArray[np.integer[Any]]
    axes: str
    pixel: PixelSize | None = None
    image: ImageFile | None = None
    states: States | None = None


@dataclass(eq=False)
class MaskExport:
    """Writes one file at a time. Each field has a signal in `events`."""

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    dispatch: Dispatch = direct
    status: Status = field(default_factory=Status)

    def start(self, request: ExportRequest) -> None:
        """Write the file; it is there whole or not."""
        job = Job(_write(request), self.dispatch)
        job.progressed.connect(self._on_written)
        job.failed.connect(self._on_failed)
        self.status = Status("busy", f"Writing {request.path.name}")
        job.start()

    def close(self) -> None:
        """Nothing is heard of it afterwards; what is being written is finished."""
        self.events.status.disconnect()

    def _on_written(self, text: str) -> None:
        self.status = Status("done", text)

    def _on_failed(self, error: BaseException) -> None:
        self.status = failed(error, "The masks were not exported.")


def drop_channels(
    labels: NDArray[np.integer[Any]], axes: str
) -> tuple[NDArray[np.integer[Any]], str]:
    """Masks have no channels: a C of length 1, kept to align them with the image, goes.

    >>> drop_channels(np.zeros((2, 1, 4, 5), int), "TCYX")[1]
    'TYX'
    """
    if "C" not in axes:
        return labels, axes
    return labels.squeeze(axes.index("C")), axes.replace("C", "")


def _write(request: ExportRequest) -> Generator[str]:
    masks = ImageFile(request.labels, request.axes, pixel=request.pixel)
    found = write_masks(request.path, masks, request.image, request.states)
    yield f"Wrote {request.path.name}: {found}"
