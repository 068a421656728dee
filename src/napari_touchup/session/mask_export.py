"""“Export masks…”: a label image written in a thread."""

from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from psygnal import SignalGroupDescriptor

from napari_touchup.io.images import write_labels
from napari_touchup.io.tiff import PixelSize
from napari_touchup.session.job import Dispatch, Job, direct
from napari_touchup.session.status import Status, failed


@dataclass(frozen=True, eq=False)
class ExportRequest:
    """Masks, as they were when they were asked for.

    Attributes
    ----------
    path : of the TIFF
    labels : (..., Y, X) int array
    axes : one letter of TZCYX for each axis
    pixel : is noted in the file
    """

    path: Path
    labels: NDArray[np.integer[Any]]
    axes: str
    pixel: PixelSize | None = None


@dataclass(eq=False)
class MaskExport:
    """Writes one label image at a time. Each field has a signal in `events`."""

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

    def _on_written(self, request: ExportRequest) -> None:
        self.status = Status("done", written(request))

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


def written(request: ExportRequest) -> str:
    """Say what is in the file, as Fiji will show it."""
    sizes = zip(request.axes, request.labels.shape, strict=True)
    text = f"Wrote {request.path.name}: {', '.join(f'{letter} {n}' for letter, n in sizes)}"
    pixel = request.pixel
    return f"{text}, pixel {pixel.x:.4g} {pixel.unit}" if pixel else f"{text}, no pixel size known"


def _write(request: ExportRequest) -> Generator[ExportRequest]:
    write_labels(request.path, request.labels, request.axes, request.pixel)
    yield request
