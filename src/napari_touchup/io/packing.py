"""Pixels as compressed bytes, exact and without pickle.

A packed patch is a line of JSON (dtype and box), then blocks of rows: for each the length of its
zlib stream as uint32, and the stream. A block holds the values before, and before XOR after,
which is zero where nothing changed; byte by byte of the values, as labels are small numbers.
"""

import json
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_touchup.core.delta import Area, Box, Patch

LEVEL = 1  # of zlib: 9 makes strokes 10 % smaller and takes ten times as long
BLOCK_BYTES = 2**24  # of one plane; bounds what is copied of a large frame
LENGTH = struct.Struct("<I")

Bytes = NDArray[np.uint8]


class PackedPatch(Patch):
    """A patch that is kept packed; its values are unpacked each time they are asked for."""

    data: bytes

    def __init__(self, patch: Patch) -> None:
        object.__setattr__(self, "box", patch.box)
        object.__setattr__(self, "data", pack(patch))

    @property
    def before(self) -> NDArray[Any]:
        return unpack(self.data).before

    @property
    def after(self) -> NDArray[Any]:
        return unpack(self.data).after

    def reversed(self) -> Patch:  # type: ignore[override]
        return unpack(self.data).reversed()


def pack(patch: Patch) -> bytes:
    """Pack a patch.

    Raises
    ------
    ValueError
        If before and after differ in dtype, their shape is not that of the box, or they are no
        plain numbers.
    """
    dtype = patch.before.dtype
    _check(patch)
    parts = [json.dumps({"dtype": dtype.str, "box": corners(patch.box)}).encode(), b"\n"]
    for rows in _blocks(patch.before.shape, dtype.itemsize):
        before, after = _shuffled(patch.before[rows]), _shuffled(patch.after[rows])
        stream = zlib.compress(before.tobytes() + (before ^ after).tobytes(), LEVEL)
        parts += [LENGTH.pack(len(stream)), stream]
    return b"".join(parts)


def unpack(data: bytes) -> Patch:
    """Give back what was packed.

    Raises
    ------
    ValueError
        If the bytes are damaged.
    """
    try:
        return _unpacked(data)
    except (KeyError, TypeError, zlib.error, struct.error) as error:
        raise ValueError(f"expected a packed patch, got damaged bytes: {error}") from error


def pack_area(area: Area) -> bytes:
    return zlib.compress(np.packbits(area.mask).tobytes(), LEVEL)


def unpack_area(box: Box, data: bytes) -> Area:
    """Give back an area; ValueError if the bytes are damaged."""
    height, width = shape_of(box)
    try:
        bits = np.frombuffer(zlib.decompress(data), np.uint8)
    except zlib.error as error:
        raise ValueError(f"expected a packed area, got damaged bytes: {error}") from error
    mask = np.unpackbits(bits, count=height * width).astype(bool)
    return Area(box, mask.reshape(height, width))


def corners(box: Box) -> list[list[int]]:
    """Start and stop of rows and of columns.

    >>> corners((slice(2, 5), slice(0, 9)))
    [[2, 5], [0, 9]]
    """
    return [[int(s.start), int(s.stop)] for s in box]


def box_of(pairs: list[list[int]]) -> Box:
    (top, bottom), (left, right) = pairs
    return slice(top, bottom), slice(left, right)


def shape_of(box: Box) -> tuple[int, int]:
    height, width = (int(s.stop) - int(s.start) for s in box)
    return height, width


def _check(patch: Patch) -> None:
    before, after = patch.before, patch.after
    if before.dtype != after.dtype or before.dtype.kind not in "biuf":
        raise ValueError(f"expected numbers of one dtype, got {before.dtype} and {after.dtype}")
    if not before.shape == after.shape == shape_of(patch.box):
        shapes = f"{before.shape} and {after.shape}"
        raise ValueError(f"expected arrays of shape {shape_of(patch.box)}, got {shapes}")


def _unpacked(data: bytes) -> Patch:
    head, _, rest = data.partition(b"\n")
    about = json.loads(head)
    box, dtype = box_of(about["box"]), np.dtype(about["dtype"])
    before, after = np.empty(shape_of(box), dtype), np.empty(shape_of(box), dtype)
    streams = _streams(memoryview(rest))
    for rows in _blocks(before.shape, dtype.itemsize):
        both = np.frombuffer(zlib.decompress(next(streams, b"")), np.uint8).reshape(2, -1)
        shape = before[rows].shape
        before[rows] = _joined(both[0], dtype).reshape(shape)
        after[rows] = _joined(both[0] ^ both[1], dtype).reshape(shape)
    return Patch(box, before, after)


def _blocks(shape: tuple[int, ...], itemsize: int) -> Iterator[slice]:
    height, width = shape
    step = max(1, BLOCK_BYTES // max(1, width * itemsize))
    return (slice(top, min(height, top + step)) for top in range(0, height, step))


def _streams(data: memoryview) -> Iterator[memoryview]:
    while data:
        (length,) = LENGTH.unpack(data[: LENGTH.size])
        yield data[LENGTH.size : LENGTH.size + length]
        data = data[LENGTH.size + length :]


def _shuffled(values: NDArray[np.generic]) -> Bytes:
    """First the first byte of each value, then all second ones: long runs in small numbers."""
    columns = np.ascontiguousarray(values).reshape(-1).view(np.uint8)
    return np.ascontiguousarray(columns.reshape(-1, values.dtype.itemsize).T).reshape(-1)


def _joined(data: Bytes, dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    return np.ascontiguousarray(data.reshape(dtype.itemsize, -1).T).reshape(-1).view(dtype)
