"""What is segmented: an image, its channels, and the frames that were predicted."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_touchup.core.axes import Stack
from napari_touchup.core.channel_names import all_named
from napari_touchup.core.colour import COLOURS, to_channels
from napari_touchup.core.entries import Index
from napari_touchup.core.normalize import limits
from napari_touchup.io.fingerprint import fingerprint
from napari_touchup.options import NormalizeOptions
from napari_touchup.session.frames import Frames
from napari_touchup.session.paste import Window


@dataclass(eq=False)
class Channel:
    """One input of the network: a channel of an array, or the grey of its colours."""

    label: str  # what people read, e.g. "1" or "2: GFP"
    data: Any  # array-like, numpy or dask
    axes: str  # of `data`, e.g. "TCYX"
    number: int | None = None  # along C; None: the array has no C, or all of C is made grey
    grey: bool = False
    name: str = ""  # of what it shows, e.g. "DAPI"; "" where nobody named it
    _limits: dict[tuple[Index, NormalizeOptions], NDArray[np.float64]] = field(
        default_factory=dict, init=False
    )

    @property
    def plane_shape(self) -> tuple[int, ...]:
        """Shape without C."""
        pairs = zip(self.axes, self.data.shape, strict=True)
        return tuple(size for axis, size in pairs if axis != "C")

    @property
    def stack(self) -> Stack:
        kind = GreyStack if self.grey else Stack
        return kind(self.data, self.axes, None if self.number is None else (self.number,))

    def limits(self, index: Index, options: NormalizeOptions) -> NDArray[np.float64]:
        """Intensity limits of a whole frame, (1, 2); kept, as the whole frame is read for them."""
        if (index, options) not in self._limits:
            self._limits[index, options] = limits(self.stack.read(index), options)
        return self._limits[index, options]


@dataclass(frozen=True, eq=False)
class GreyStack(Stack):
    """Colour frames, read as the one channel that the command line makes of them too."""

    @property
    def n_channels(self) -> int:
        return 1

    def read(self, index: Index = ()) -> NDArray[Any]:
        return to_channels(super().read(index), rgb=True, wanted=1)


@dataclass(eq=False)
class Image:
    """An image and what was found in it."""

    name: str
    data: Any  # array-like, numpy or dask
    axes: str
    rgb: bool = False
    path: Path | None = None  # of its file, where it has one
    names: tuple[str, ...] = ()  # of all of C, or of the one plane; "" or (): not named
    frames: Frames = field(default_factory=Frames)

    @cached_property
    def key(self) -> str:
        """Fingerprint of its content and what its axes mean, under which a project knows it."""
        return f"{fingerprint(self.data)}-{self.axes}"

    @property
    def plane_shape(self) -> tuple[int, int]:
        """Of a frame, (Y, X)."""
        return self.data.shape[self.axes.index("Y")], self.data.shape[self.axes.index("X")]

    @cached_property
    def channels(self) -> tuple[Channel, ...]:
        """All that can be fed to a network; of a colour image its grey comes first."""
        if "C" not in self.axes:
            return (Channel("1", self.data, self.axes, name="".join(self.names)),)
        count = self.data.shape[self.axes.index("C")]
        colours = self.rgb and count in (3, 4)  # the fourth is alpha, which is no channel
        if colours:
            grey = Channel("gray", self.data, self.axes, grey=True)
            return (grey, *map(self._channel, range(3), "RGB", COLOURS))
        names = self.names if len(self.names) == count else ("",) * count
        labels = [f"{n + 1}: {name}" if name else str(n + 1) for n, name in enumerate(names)]
        return tuple(map(self._channel, range(count), labels, names))

    def numbered(self, numbers: tuple[int, ...]) -> tuple[Channel, ...]:
        """Give channels by their places along C, in the order of these."""
        known = {channel.number: channel for channel in self.channels}
        return tuple(known[number] for number in numbers if number in known)

    def rename(self, name: str, names: tuple[str, ...]) -> None:
        """Follow the name of a layer, which may be that of its one channel."""
        self.name = name
        if "C" not in self.axes:
            self.names = names
            self.channels[0].name = "".join(names)

    def title(self, channel: Channel) -> str:
        """Name a channel among those of other images."""
        return f"{self.name} {channel.label}" if "C" in self.axes else self.name

    def _channel(self, number: int, label: str, name: str) -> Channel:
        return Channel(label, self.data, self.axes, number, name=name)


@dataclass(frozen=True, eq=False)
class Feed:
    """What a network is given: channels, in this order, read one frame at a time.

    Raises
    ------
    ValueError
        If the channels differ in shape or axes.
    """

    channels: tuple[Channel, ...]

    def __post_init__(self) -> None:
        planes = {(c.plane_shape, c.axes.replace("C", "")) for c in self.channels}
        if len(planes) > 1:
            shapes = ", ".join(f"{c.label} {c.plane_shape}" for c in self.channels)
            raise ValueError(f"expected channels of one shape, got {shapes}")

    def read(self, index: Index = (), window: Window | None = None) -> NDArray[Any]:
        """One frame, or a window of it, (C, Y, X); nothing else is read."""
        frames = [crop(stack, window).read(index) for stack in self._stacks()]
        return frames[0] if len(frames) == 1 else np.concatenate(frames)

    @property
    def names(self) -> tuple[str, ...]:
        """Of what the channels show; () unless all are named."""
        return all_named([channel.name for channel in self.channels])

    def limits(self, index: Index, options: NormalizeOptions) -> NDArray[np.float64]:
        """Intensity limits of the whole frame, (C, 2)."""
        return np.concatenate([channel.limits(index, options) for channel in self.channels])

    def _stacks(self) -> list[Stack]:
        first = self.channels[0]
        numbers = [
            c.number
            for c in self.channels
            if c.number is not None and c.data is first.data and c.axes == first.axes
        ]
        if len(numbers) == len(self.channels):  # all of one array: a frame is read at once
            return [Stack(first.data, first.axes, tuple(numbers))]
        return [channel.stack for channel in self.channels]


def crop(stack: Stack, window: Window | None) -> Stack:
    """Stack of a window of each frame; nothing is read."""
    if window is None:
        return stack
    cut = {"Y": window[0], "X": window[1]}
    key = tuple(cut.get(axis, slice(None)) for axis in stack.axes)
    return replace(stack, data=stack.data[key])
