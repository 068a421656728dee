"""What is measured of a labels layer: frame by frame, and all frames as one table."""

import zlib
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from napari_touchup.core.axes import Stack
from napari_touchup.core.columns import Column, shown
from napari_touchup.core.entries import Index
from napari_touchup.core.regions import Columns, measure


@dataclass(frozen=True, eq=False)
class Source:
    """Labels, and where their intensities come from.

    Attributes
    ----------
    name : of the labels
    labels : is read frame by frame, in a thread
    image : of the same frames; None: no intensities are measured
    pixel : (y, x), edges of a pixel in `unit`; None: unknown
    unit : "unit" where there is a scale, but nothing says of what
    """

    name: str
    labels: Stack
    image: Stack | None = None
    pixel: tuple[float, float] | None = None
    unit: str = "um"

    def image_index(self, index: Index) -> Index:
        """Index of the frame of the image that belongs to a frame of the labels."""
        where = dict(zip(self.labels.frame_axes, index, strict=True))
        axes = self.image.frame_axes if self.image else ""
        return tuple(where.get(letter, 0) for letter in axes)


@dataclass(frozen=True, slots=True)
class Cell:
    """An object of a frame."""

    frame: Index
    label: int


@dataclass(frozen=True, eq=False, slots=True)
class FrameMeasured:
    """The objects of a frame.

    Attributes
    ----------
    checksum : of the labels
    columns : None: the labels are those that were measured before
    """

    index: Index
    checksum: int
    columns: Columns | None


def measure_frames(
    source: Source, frames: Iterable[Index], known: Mapping[Index, int]
) -> Generator[FrameMeasured]:
    """Measure frames; one whose checksum is known already is only looked at."""
    for index in frames:
        labels = np.array(source.labels.read(index)[0])  # a copy: a person may paint meanwhile
        checksum = zlib.crc32(labels.data)
        if known.get(index) == checksum:
            yield FrameMeasured(index, checksum, None)
            continue
        image = source.image.read(source.image_index(index)) if source.image else None
        columns = measure(labels, image, source.pixel, source.unit, solidity=False)
        yield FrameMeasured(index, checksum, columns)


@dataclass(frozen=True, eq=False)
class Table:
    """The objects of all frames, a row each.

    Attributes
    ----------
    columns : of equal lengths: "frame", the axes along which frames are counted ("t", "z"), then
        what `napari_touchup.core.regions.measure` gives
    axes : along which frames are counted, such as "T"
    """

    columns: Columns
    axes: str = ""

    def __len__(self) -> int:
        return len(self.columns["cell"])

    def shown(self) -> tuple[Column, ...]:
        """Columns that say something: a single axis is the frame's number."""
        hidden = {0: {"frame", "t", "z"}, 1: {"t", "z"}}.get(len(self.axes), {"frame"})
        return shown(key for key in self.columns if key not in hidden)

    def cell(self, row: int) -> Cell:
        frame = tuple(int(self.columns[letter][row]) for letter in self.axes.lower())
        return Cell(frame, int(self.columns["cell"][row]))

    def row(self, cell: Cell) -> int | None:
        """Find an object; None if it is not there."""
        found = self.columns["cell"] == cell.label
        for letter, n in zip(self.axes.lower(), cell.frame, strict=False):
            found &= self.columns[letter] == n
        rows = np.flatnonzero(found)
        return int(rows[0]) if rows.size else None

    def of_frame(self, frame: Index) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Rows of a frame, as booleans."""
        found = np.ones(len(self), bool)
        for letter, n in zip(self.axes.lower(), frame, strict=False):
            found &= self.columns[letter] == n
        return found


def joined(frames: Mapping[Index, Columns], labels: Stack) -> Table:
    """Put the tables of frames below each other, in the order of the frames; at least one."""
    tables = []
    for number, index in enumerate(labels.frames()):
        if (table := frames.get(index)) is not None:
            same = np.ones(len(table["cell"]), np.int64)
            place = dict(zip(labels.frame_axes.lower(), index, strict=True))
            numbers = {"frame": number} | place
            tables.append({name: same * n for name, n in numbers.items()} | table)
    columns = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
    return Table(columns, labels.frame_axes)
