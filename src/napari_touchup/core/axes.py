"""What the axes of an array mean, and its frames one by one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

CHANNELS_MAX = 4  # an axis of at most this length beside a larger plane is taken for channels
NAMES = {
    "T": ("t", "time", "frame", "frames"),
    "Z": ("z", "depth", "plane", "slice"),
    "C": ("c", "ch", "channel", "channels", "rgb", "s", "samples"),  # s: TIFF's samples per pixel
    "Y": ("y", "row"),
    "X": ("x", "column"),
}
Axes = list[str | None]


def resolve_axes(
    shape: Sequence[int], *, rgb: bool = False, labels: Sequence[str] | None = None
) -> str:
    """Guess what the axes of an array are; a person can override the guess.

    1. `rgb`: the last axis is C.
    2. Labels that name T, Z, C, Y or X are believed; others ("-1", "axis 0") say nothing.
    3. The last two axes without a name are Y and X. Before that, unless there is a C: an axis of
       at most 4 is C where the two axes after it (or, the last axis, before it) are longer; of
       several the one nearest to Y. Of five axes without names the shortest that leads is C.
    4. What is left is T (or Z, if T is known); two are T and Z.

    Parameters
    ----------
    shape : sequence of int
        Two to five axes.
    rgb : bool
        Whether the last axis holds colours (an RGB layer).
    labels : sequence of str, optional
        One for each axis; for an RGB layer the last may be missing.

    Returns
    -------
    str
        One letter of "TZCYX" for each axis, such as "TCYX", "ZYX" or "YXC".

    Raises
    ------
    ValueError
        If the shape or the labels do not fit.

    Examples
    --------
    >>> resolve_axes((60, 2, 512, 512))
    'TCYX'
    >>> resolve_axes((40, 512, 512), labels=("z", "y", "x"))
    'ZYX'
    """
    axes = _named(labels, shape, rgb)
    if "C" not in axes and (channel := _channel_axis(shape, axes)) is not None:
        axes[channel] = "C"
    free = [index for index, letter in enumerate(axes) if letter is None]
    plane = [letter for letter in "YX" if letter not in axes]
    series = [letter for letter in "TZ" if letter not in axes][: max(len(free) - len(plane), 0)]
    if len(free) != len(plane + series):
        raise ValueError(f"expected 2 to 5 axes with a Y and an X, got shape {tuple(shape)}")
    for index, letter in zip(free, series + plane, strict=True):
        axes[index] = letter
    return check_axes("".join(letter or "" for letter in axes), shape)


def check_axes(axes: str, shape: Sequence[int]) -> str:
    """Validate axes that a person gave for a shape, and return them in capitals.

    Raises
    ------
    ValueError
        If a letter is unknown, repeated or missing, or their number is not that of the shape.
    """
    letters = axes.upper()
    if set(letters) - set(NAMES) or len(set(letters)) < len(letters):
        raise ValueError(f"expected axes from T, Z, C, Y and X, each once, got {axes!r}")
    if not {"Y", "X"} <= set(letters):
        raise ValueError(f"expected a Y and an X among the axes, got {axes!r}")
    if len(letters) != len(shape):
        raise ValueError(f"expected {len(shape)} axes for shape {tuple(shape)}, got {axes!r}")
    return letters


def describe(axes: str, shape: Sequence[int]) -> str:
    """For people: ``describe("CYX", (2, 512, 640))`` is "C 2, Y 512, X 640"."""
    return ", ".join(f"{letter} {n}" for letter, n in zip(axes, shape, strict=True))


@dataclass(frozen=True, eq=False)
class Stack:
    """An array as a sequence of frames.

    Attributes
    ----------
    data : array-like
        Numpy, dask, zarr or memmap; it is only ever read one frame at a time.
    axes : str
        One letter of "TZCYX" for each axis, in any order.
    channels : tuple of int, optional
        The channels that a frame holds, in this order; None: all of them.
    """

    data: Any
    axes: str
    channels: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "axes", check_axes(self.axes, self.data.shape))
        count = self._length("C")
        wrong = [channel for channel in self.channels or () if not 0 <= channel < count]
        if wrong or self.channels == ():
            raise ValueError(f"expected channels from 0 to {count - 1}, got {self.channels}")

    @property
    def n_channels(self) -> int:
        return self._length("C") if self.channels is None else len(self.channels)

    @property
    def frame_shape(self) -> tuple[int, int]:
        return self._length("Y"), self._length("X")

    @property
    def frame_axes(self) -> str:
        """The axes along which frames are counted, in the array's order, such as "TZ"."""
        return "".join(letter for letter in self.axes if letter in "TZ")

    @property
    def frame_count(self) -> int:
        return prod(self._counts())

    def frames(self) -> Iterator[tuple[int, ...]]:
        """Index tuples along `frame_axes`, the last one fastest; one empty tuple of a plane."""
        return iter(np.ndindex(*self._counts()))

    def read(self, index: tuple[int, ...] = ()) -> NDArray[Any]:
        """One frame, (C, Y, X), in the array's own dtype; nothing else is read or computed.

        Raises
        ------
        ValueError
            If there is no such frame.
        """
        self._check_index(index)
        channels = self.channels or tuple(range(self._length("C")))
        first = min(channels)
        # zarr takes no lists beside integers: read the span of channels, then choose
        where: dict[str, int | slice] = dict(zip(self.frame_axes, index, strict=True))
        where["C"] = slice(first, max(channels) + 1)
        block = np.asarray(self.data[tuple(where.get(letter, slice(None)) for letter in self.axes)])
        left = "".join(letter for letter in self.axes if letter in "CYX")
        if "C" not in left:
            block, left = block[np.newaxis], "C" + left
        frame = block.transpose([left.index(letter) for letter in "CYX"])
        chosen = [channel - first for channel in channels]
        return frame if chosen == list(range(len(frame))) else frame[chosen]

    def _check_index(self, index: tuple[int, ...]) -> None:
        counts = self._counts()
        inside = all(0 <= i < n for i, n in zip(index, counts, strict=False))
        if len(index) != len(counts) or not inside:
            raise ValueError(f"expected a frame inside {self.frame_axes} {counts}, got {index}")

    def _length(self, letter: str) -> int:
        return int(self.data.shape[self.axes.index(letter)]) if letter in self.axes else 1

    def _counts(self) -> tuple[int, ...]:
        return tuple(self._length(letter) for letter in self.frame_axes)


def _named(labels: Sequence[str] | None, shape: Sequence[int], rgb: bool) -> Axes:
    """Letters of the labels that name one, None for the others."""
    if labels is None:
        labels = [""] * len(shape)
    if len(labels) not in (len(shape), len(shape) - rgb):
        raise ValueError(f"expected {len(shape)} axis labels, got {tuple(labels)}")
    meaning = {name: letter for letter, names in NAMES.items() for name in names}
    letters: Axes = [meaning.get(label.strip().lower()) for label in labels[: len(shape) - rgb]]
    letters += ["C"] if rgb else []
    return [letter if letters.count(letter) == 1 else None for letter in letters]


def _channel_axis(shape: Sequence[int], axes: Axes) -> int | None:
    """Index of the unnamed axis that looks like channels."""
    named = [axes.index(letter) for letter in "YX" if letter in axes]
    free = [index for index, letter in enumerate(axes) if letter is None]
    split = max(len(free) + len(named) - 2, 0)
    leading, plane = free[:split], [*named, *free[split:]]
    if small := [index for index in leading if _is_short(shape, index, plane)]:
        return small[-1]
    if len(free) == 5:
        return min(leading, key=lambda index: (shape[index], -index))
    if leading and not named and _is_short(shape, free[-1], free[-3:-1]):
        return free[-1]
    return None


def _is_short(shape: Sequence[int], index: int, plane: Sequence[int]) -> bool:
    return shape[index] <= CHANNELS_MAX < min(shape[other] for other in plane)
