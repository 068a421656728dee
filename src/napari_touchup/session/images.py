"""What is segmented: an image, its channels, and the frames that were predicted."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import dask.array as da

from napari_touchup.core.axes import Stack
from napari_touchup.session.frames import Frames

GRAY = -1  # instead of a channel's number: the mean of all channels


@dataclass(frozen=True, eq=False)
class Channel:
    """One input of the network: a channel of an array."""

    label: str  # what people read, e.g. "1" or "DAPI"
    data: Any  # array-like, numpy or dask
    axes: str  # of `data`, e.g. "TCYX"
    number: int | None = None  # along C; None: the array has no C; GRAY: the mean over C

    @property
    def is_mean(self) -> bool:
        return self.number == GRAY

    @property
    def plane_shape(self) -> tuple[int, ...]:
        """Shape without C."""
        pairs = zip(self.axes, self.data.shape, strict=True)
        return tuple(size for axis, size in pairs if axis != "C")


@dataclass(eq=False)
class Image:
    """An image and what was found in it."""

    name: str
    data: Any  # array-like, numpy or dask
    axes: str
    rgb: bool = False
    frames: Frames = field(default_factory=Frames)

    @cached_property
    def channels(self) -> tuple[Channel, ...]:
        """All that can be fed to a network; of an RGB image the mean comes first."""
        if "C" not in self.axes:
            return (Channel("1", self.data, self.axes),)
        count = self.data.shape[self.axes.index("C")]
        numbers = range(min(count, 3) if self.rgb else count)  # alpha is no channel
        names = "RGB" if self.rgb and count >= 3 else [str(n + 1) for n in numbers]
        gray = [Channel("gray", self.data, self.axes, GRAY)] if self.rgb else []
        singles = [Channel(names[n], self.data, self.axes, n) for n in numbers]
        return (*gray, *singles)


def fit_channels(
    image: Image | None, wanted: int, current: tuple[Channel | None, ...]
) -> tuple[Channel | None, ...]:
    """Choose the channels that are beyond doubt; the others stay None, to be asked for."""
    offered = image.channels if image else ()
    plain = tuple(channel for channel in offered if not channel.is_mean)
    if len(current) == wanted and offered and set(current) <= set(offered):
        return current
    if wanted == 1 and offered:
        return offered[:1]
    return plain if len(plain) == wanted else (None,) * wanted


def combine(channels: Sequence[Channel]) -> Stack:
    """Stack of the given channels, in this order; nothing is computed or copied.

    Raises
    ------
    ValueError
        If the channels differ in shape or axes.
    """
    first = channels[0]
    if all(c.data is first.data and c.number is not None and c.number >= 0 for c in channels):
        return Stack(first.data, first.axes, tuple(int(c.number or 0) for c in channels))
    if len(channels) == 1 and first.number is None:
        return Stack(first.data, first.axes)
    planes = [(c.plane_shape, c.axes.replace("C", "")) for c in channels]
    if len(set(planes)) > 1:
        shapes = ", ".join(f"{c.label} {c.plane_shape}" for c in channels)
        raise ValueError(f"expected channels of one shape, got {shapes}")
    stacked = da.stack([_plane(c) for c in channels])  # type: ignore[no-untyped-call]
    return Stack(stacked, "C" + planes[0][1])


def _plane(channel: Channel) -> Any:
    array = channel.data
    if not isinstance(array, da.Array):
        array = da.from_array(array)  # type: ignore[no-untyped-call]
    if channel.number is None:
        return array
    axis = channel.axes.index("C")
    if channel.number == GRAY:
        return array[(slice(None),) * axis + (slice(0, 3),)].mean(axis=axis, dtype="float32")
    return array[(slice(None),) * axis + (channel.number,)]
