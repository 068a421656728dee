"""What became of a folder of images, and which of them a person should look at."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

ENOUGH = 8  # images with cells; of fewer none is called unusual
DEVIATIONS = 3.0
MAD_TO_SIGMA = 1.4826  # of a normal distribution

Kind = Literal["failed", "empty", "unusual"]


@dataclass(frozen=True, slots=True)
class Counted:
    """An image whose masks are written.

    Attributes
    ----------
    source, masks : Path
    frames : int
    objects : int
        Counted in every frame anew.
    """

    source: Path
    masks: Path
    frames: int
    objects: int

    @property
    def per_frame(self) -> float:
        return self.objects / self.frames


@dataclass(frozen=True, slots=True)
class Failed:
    source: Path
    reason: str  # one line


@dataclass(frozen=True, slots=True)
class Finding:
    """An image to look at, and why."""

    kind: Kind
    source: Path
    reason: str  # one line, for people
    masks: Path | None = None  # None: there are none


@dataclass(frozen=True, slots=True)
class FolderReport:
    """The end of a run over a folder.

    Attributes
    ----------
    images : those whose masks are there
    objects : in all of them
    findings : failures first, then images without cells, then unusual counts
    notices : what people should know of the run, each once
    left : images that were not reached before a stop
    """

    images: int
    objects: int
    findings: tuple[Finding, ...] = ()
    notices: tuple[str, ...] = ()
    left: int = 0


def find_unusual(per_frame: ArrayLike) -> NDArray[np.bool_]:
    """Which counts are far from those of the other images.

    Far is more than three robust deviations (1.4826 MAD) of the logarithm away from its median.
    A deviation is at least 1 / sqrt(median), what counting itself scatters by, so that of images
    that are all alike none is unusual for one cell more. Images without cells are not taken into
    account; of fewer than eight with cells none is unusual.

    Parameters
    ----------
    per_frame : (N,) numbers of objects in a frame

    Examples
    --------
    >>> find_unusual([100, 90, 110, 95, 105, 100, 98, 400]).nonzero()[0].tolist()
    [7]
    """
    counts = np.asarray(per_frame, dtype=np.float64)
    filled = counts > 0
    if np.count_nonzero(filled) < ENOUGH:
        return np.zeros(counts.shape, dtype=bool)
    logs = np.log(counts, where=filled, out=np.zeros_like(counts))
    middle = np.median(logs[filled])
    mad = np.median(np.abs(logs[filled] - middle))
    deviation = max(MAD_TO_SIGMA * mad, np.exp(-middle / 2))
    far: NDArray[np.bool_] = filled & (np.abs(logs - middle) > DEVIATIONS * deviation)
    return far


def findings_of(counted: Sequence[Counted], failed: Sequence[Failed]) -> tuple[Finding, ...]:
    """List the images that a person should look at."""
    found = [Finding("failed", end.source, end.reason) for end in failed]
    found += [
        Finding("empty", end.source, "no cells found", end.masks)
        for end in counted
        if end.objects == 0
    ]
    counts = [end.per_frame for end in counted]
    middle = np.median([count for count in counts if count > 0] or [0])
    far = find_unusual(counts)
    found += [
        Finding("unusual", end.source, _unusual(end, float(middle)), end.masks)
        for end, is_far in zip(counted, far, strict=True)
        if is_far
    ]
    return tuple(found)


def _unusual(end: Counted, middle: float) -> str:
    cells = "1 cell" if end.objects == 1 else f"{end.objects} cells"
    frame = " a frame" if end.frames > 1 else ""
    if frame:
        cells = f"{end.per_frame:.0f} cells a frame"
    return f"{cells}; most images have about {middle:.0f}{frame}"
