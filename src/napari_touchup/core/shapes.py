"""Outlines of synthetic cells, and the canvas that lets them touch without overlapping."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Image: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shape:
    """An ellipse, bent along its long axis, its outline waved by low Fourier orders."""

    y: float  # centre, pixels
    x: float
    a: float  # semi-axes, pixels; a >= b
    b: float
    angle: float  # of the long axis, radians
    bend: float  # 0 = straight, 1 = a crescent
    waves: tuple[complex, ...]  # relative amplitudes of the orders 2, 3, ...

    @property
    def reach(self) -> float:
        """Distance from the centre that the outline stays within, pixels."""
        return self.a * (1 + sum(map(abs, self.waves))) * (1 + 0.5 * abs(self.bend))


def depth(shape: Shape, dy: Image, dx: Image) -> Image:
    """Signed distance to the outline, to first order: positive inside, in pixels.

    Parameters
    ----------
    shape : the outline
    dy, dx : arrays of one shape, offsets from the centre, pixels
    """
    cos, sin = np.cos(shape.angle), np.sin(shape.angle)
    u, v = cos * dx + sin * dy, cos * dy - sin * dx
    if shape.bend:
        v = v + shape.bend * (u * u / shape.a - 0.4 * shape.a)
    v = v + 1e-9  # at the very centre both radius and slope would be 0
    z = u / shape.a + 1j * (v / shape.b)
    radius = np.abs(z)
    z /= radius
    wave = np.zeros_like(z)
    for order in reversed(shape.waves):
        wave = (wave + order) * z
    wave *= z
    slope = np.hypot(u / shape.a**2, v / shape.b**2)  # |grad radius| * radius
    distance: Image = radius / slope * (1 - radius / (1 + wave.real))
    return distance


class Canvas:
    """Per pixel the deepest object and the depth in the two deepest; drawn box by box.

    Attributes
    ----------
    label : (Y, X) int32, number of the deepest object, 1 = the first drawn, 0 = none near
    first, second : (Y, X) float64, signed depth in the deepest and second deepest, pixels
    shapes : the objects drawn so far
    warp : (Y, X) float64 twice, what is added to the y and x of each pixel
    """

    def __init__(self, shape: tuple[int, int], warp: tuple[Image, Image]) -> None:
        self.label = np.zeros(shape, np.int32)
        self.first = np.full(shape, -1e3)
        self.second = np.full(shape, -1e3)
        self.shapes: list[Shape] = []
        self._y = np.arange(shape[0])[:, None] + warp[0]
        self._x = np.arange(shape[1])[None, :] + warp[1]
        self.warp = warp
        self._slack = float(max(np.abs(warp[0]).max(), np.abs(warp[1]).max()))

    def draw(self, shape: Shape, margin: float) -> None:
        """Draw one object; its depth is known up to `margin` pixels outside its outline."""
        self.shapes.append(shape)
        r = shape.reach + margin + self._slack
        box = tuple(slice(max(int(c - r), 0), max(int(c + r) + 1, 0)) for c in (shape.y, shape.x))
        here = depth(shape, self._y[box] - shape.y, self._x[box] - shape.x)
        first = self.first[box]
        deeper = here > first
        self.second[box] = np.where(deeper, first, np.maximum(self.second[box], here))
        self.label[box][deeper] = len(self.shapes)
        np.maximum(first, here, out=first)

    def depth_at(self, y: float, x: float) -> float:
        """Depth of a point in the objects drawn so far, pixels; -1000 where none is near."""
        inside = 0 <= y < self.label.shape[0] and 0 <= x < self.label.shape[1]
        return float(self.first[int(y), int(x)]) if inside else -1e3

    def between(self) -> Image:
        """Distance to the border with the nearest other object, pixels."""
        distance: Image = (self.first - self.second) / 2
        return distance
