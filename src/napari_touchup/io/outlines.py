"""Objects as outlines, the common ground of the formats that draw them as polygons."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_touchup.core.axes import check_axes
from napari_touchup.core.contours import Polygon, Ring, fill, polygons
from napari_touchup.io.images import FILE_ORDER

PIXELS_MAX = 2**31  # of an image whose size is only guessed
LABEL_MAX = 2**32 - 1
NAMED = re.compile(r"0*(\d{1,10})(_[TZ]\d+)*", re.ASCII)


@dataclass(frozen=True, eq=False, slots=True)
class Outline:
    """An object in one plane.

    Attributes
    ----------
    polygons : list
        Each is its outside, then its holes; vertices (x, y) in pixels, which cover from their
        index to their index + 1.
    label : int, optional
        None: nobody gave it a number.
    t, z : int, optional
        Its plane, counted from 0; None: every one.
    plane : int, optional
        The same for a stack of which the axis is not said.
    """

    polygons: list[Polygon]
    label: int | None = None
    t: int | None = None
    z: int | None = None
    plane: int | None = None

    @property
    def rings(self) -> list[Ring]:
        return [ring for polygon in self.polygons for ring in polygon]

    def along(self, axis: str, axes: str) -> int | None:
        """Place along T or Z; of a plane without an axis, Z comes first as in ImageJ."""
        own = self.t if axis == "T" else self.z
        takes = "Z" if "Z" in axes else "T"
        return self.plane if own is None and axis == takes else own


@dataclass(frozen=True, slots=True)
class Read:
    """Outlines of a file, and how many of its entries are no areas (points, lines, texts)."""

    outlines: list[Outline]
    left_out: int = 0


def label_of(name: str) -> int | None:
    """Label that a name gives, as in ``0012`` or ``0012_T003``; None for other names."""
    found = NAMED.fullmatch(name.strip())
    number = int(found[1]) if found else 0
    return number if 0 < number <= LABEL_MAX else None


def outlines_of(labels: NDArray[np.integer], axes: str) -> Iterator[Outline]:
    """Outlines of all objects, plane by plane, in the order of their labels.

    Parameters
    ----------
    labels : int array, 0 = background
    axes : one letter of "TZYX" for each axis
    """
    axes = _plane_axes(axes, labels.shape)
    order = "".join(letter for letter in FILE_ORDER if letter in axes)
    labels = labels.transpose([axes.index(letter) for letter in order])
    for index in np.ndindex(*labels.shape[:-2]):
        place = dict(zip(order.lower(), index, strict=False))
        for label, pieces in polygons(labels[index]).items():
            yield Outline(pieces, label, place.get("t"), place.get("z"))


def extent(outlines: Sequence[Outline]) -> tuple[tuple[int, ...], str]:
    """Guess the shape and the axes of an image from what is drawn on it.

    Raises
    ------
    ValueError
        If nothing is drawn, or so far out that it cannot be meant.
    """
    points = [ring.max(axis=0) for outline in outlines for ring in outline.rings if len(ring)]
    if not points:
        raise ValueError("it has no objects that tell how large the image is: give the image too")
    x, y = (max(int(n), 1) for n in np.ceil(np.max(points, axis=0)))
    places = {"T": [o.t for o in outlines], "Z": [o.z for o in outlines]}
    if any(outline.plane is not None for outline in outlines):
        places["T"] += [o.plane for o in outlines]
    counts = {axis: max([n or 0 for n in found]) + 1 for axis, found in places.items()}
    axes = "".join(axis for axis, count in counts.items() if count > 1)
    shape = (*(counts[axis] for axis in axes), y, x)
    if prod(shape) > PIXELS_MAX:
        raise ValueError(f"its objects would need an image of {shape} pixels: give the image too")
    return shape, f"{axes}YX"


def labels_of(
    outlines: Sequence[Outline], shape: Sequence[int], axes: str
) -> tuple[NDArray[np.unsignedinteger], int]:
    """Draw outlines as labels; where they overlap, the later one is on top.

    Parameters
    ----------
    outlines : those without numbers, or with equal ones, are numbered in their order
    shape, axes : of the labels, from "TZYX"

    Returns
    -------
    labels : uint16 array, or uint32 for numbers above 65 535
    hidden : int
        How many objects have no pixel, as they are outside or under others.

    Raises
    ------
    ValueError
        If an outline is in a plane that the image does not have.
    """
    axes = _plane_axes(axes, shape)
    outlines = _numbered(outlines)
    most = max((outline.label or 0 for outline in outlines), default=0)
    labels: NDArray[Any] = np.zeros(shape, np.uint16 if most < 2**16 else np.uint32)
    order = "".join(letter for letter in FILE_ORDER if letter in axes)
    view = labels.transpose([axes.index(letter) for letter in order])
    drawn: set[tuple[tuple[int, ...], int]] = set()
    for outline in outlines:
        for index in _planes(outline, view.shape[:-2], order):
            fill(view[index], outline.rings, outline.label or 0)
            drawn.add((index, outline.label or 0))
    seen = sum(int(np.count_nonzero(np.unique(view[i]))) for i in np.ndindex(*view.shape[:-2]))
    return labels, len(drawn) - seen


def _plane_axes(axes: str, shape: Sequence[int]) -> str:
    if "C" in check_axes(axes, shape):
        raise ValueError(f"expected axes from T, Z, Y and X, got {axes}")
    return axes.upper()


def _numbered(outlines: Sequence[Outline]) -> Sequence[Outline]:
    places = {(o.label, o.t, o.z, o.plane) for o in outlines}
    if len(places) == len(outlines) and all(o.label for o in outlines):
        return outlines
    return [replace(outline, label=n) for n, outline in enumerate(outlines, start=1)]


def _planes(outline: Outline, counts: Sequence[int], axes: str) -> Iterator[tuple[int, ...]]:
    """Give the indices of the planes that an outline lies in."""
    sizes = dict(zip(axes, counts, strict=False))
    known = {axis: outline.along(axis, axes) for axis in "TZ"}
    for axis, at in known.items():
        if at is not None and not 0 <= at < (count := sizes.get(axis, 1)):
            raise ValueError(f"an object is in plane {at + 1} of {axis}, the image has {count}")
    spans = (
        range(count) if (at := known[axis]) is None else range(at, at + 1)
        for axis, count in sizes.items()
    )
    return product(*spans)
