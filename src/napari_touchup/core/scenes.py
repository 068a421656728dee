"""Scenes for synthetic microscopy: what may vary, and where the objects lie."""

from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_touchup.core.optics import Image, blur, random_field, soft_step
from napari_touchup.core.shapes import Canvas, Shape

KINDS = ("nuclei", "phase", "dic", "membranes", "rings")


@dataclass(frozen=True, slots=True)
class Knobs:
    """What a scene looks like; each knob not given is drawn from `RANGES[kind]`."""

    density: float  # part of the frame that objects cover; 0 = an empty frame
    diameter: float  # typical object, pixels
    spread: float  # standard deviation of the logarithm of the diameter
    elongation: float  # long over short axis of an object, at most
    roughness: float  # irregularity of outlines, relative to the radius
    clustering: float  # part of the objects that are set against another one
    blur: float  # standard deviation of the point spread function, pixels
    noise: float  # shot noise over signal at a typical object
    contrast: float  # signal over background (nuclei), signal over light (others)
    background: float  # unevenness of the light, relative
    texture: float  # standard deviation of the texture inside objects, relative


RANGES: dict[str, dict[str, tuple[float, float]]] = {
    "nuclei": {
        "density": (0.02, 0.45),
        "diameter": (9, 56),
        "spread": (0.05, 0.28),
        "elongation": (1.1, 2.2),
        "roughness": (0.02, 0.16),
        "clustering": (0.0, 0.9),
        "blur": (0.6, 2.2),
        "noise": (0.01, 0.2),
        "contrast": (1.5, 30),
        "background": (0.05, 0.7),
        "texture": (0.02, 0.3),
    },
    "phase": {
        "density": (0.05, 0.6),
        "diameter": (14, 60),
        "spread": (0.05, 0.28),
        "elongation": (1.1, 3.5),
        "roughness": (0.02, 0.2),
        "clustering": (0.0, 0.9),
        "blur": (0.5, 1.6),
        "noise": (0.004, 0.06),
        "contrast": (0.12, 0.6),
        "background": (0.02, 0.3),
        "texture": (0.05, 0.4),
    },
    "membranes": {
        "density": (1, 1),  # the cells tile the plane
        "diameter": (18, 80),
        "spread": (0.05, 0.3),
        "elongation": (1.0, 1.8),
        "roughness": (0.03, 0.2),
        "clustering": (0, 0),
        "blur": (0.5, 1.5),
        "noise": (0.015, 0.09),
        "contrast": (0.3, 0.8),
        "background": (0.02, 0.25),
        "texture": (0.1, 0.8),
    },
}
RANGES["dic"] = RANGES["phase"] | {"elongation": (1.1, 2.5), "contrast": (0.1, 0.5)}
RANGES["rings"] = RANGES["phase"] | {
    "diameter": (30, 70),
    "contrast": (3, 20),
    "noise": (0.02, 0.15),
}
_LOGARITHMIC = ("diameter", "noise", "contrast", "blur")


def draw_knobs(kind: str, rng: np.random.Generator, given: dict[str, float]) -> Knobs:
    """Draw a value for each knob (so that the stream stays the same), then set those given."""
    if kind not in KINDS:
        raise ValueError(f"expected a kind among {', '.join(KINDS)}, got {kind!r}")
    unknown = sorted(set(given) - set(RANGES[kind]))
    if unknown:
        raise ValueError(f"expected knobs among {', '.join(RANGES[kind])}, got {unknown}")
    values: dict[str, float] = {}
    for name, (low, high) in RANGES[kind].items():
        part = rng.random()
        logarithmic = name in _LOGARITHMIC
        drawn = low * (high / low) ** part if logarithmic else low + (high - low) * part
        values[name] = float(given.get(name, drawn))
    return _checked(Knobs(**values))


def _checked(knobs: Knobs) -> Knobs:
    for name, value in asdict(knobs).items():
        if not 0 <= value < np.inf:
            raise ValueError(f"expected {name} >= 0, got {value}")
    if knobs.diameter < 3:
        raise ValueError(f"expected a diameter of at least 3 px, got {knobs.diameter}")
    if knobs.contrast == 0:
        raise ValueError("expected a contrast above 0, got 0")
    if knobs.density > 1:
        raise ValueError(f"expected a density of at most 1, got {knobs.density}")
    return replace(knobs, elongation=max(knobs.elongation, 1.0))


def empty_canvas(size: tuple[int, int], rng: np.random.Generator, knobs: Knobs) -> Canvas:
    """Canvas in bent coordinates, so that outlines are irregular on more than one scale."""
    amplitude = 0.35 * knobs.roughness * knobs.diameter
    scale = max(0.22 * knobs.diameter, 2.0)
    warp = [np.clip(amplitude * random_field(size, rng, scale), -9, 9) for _ in "yx"]
    return Canvas(size, (warp[0], warp[1]))


def random_shape(rng: np.random.Generator, knobs: Knobs) -> Shape:
    """Draw an outline about the origin; one in ten is bent, at most to a crescent."""
    radius = 0.5 * knobs.diameter * np.exp(knobs.spread * rng.standard_normal())
    stretch = np.sqrt(1 + (knobs.elongation - 1) * rng.random())
    angle, bent = rng.uniform(0, np.pi), rng.random()
    waves = np.minimum(0.6 * knobs.roughness * rng.rayleigh(size=4) / np.arange(1, 5), 0.2)
    phases = np.exp(2j * np.pi * rng.random(4))
    return Shape(
        y=0.0,
        x=0.0,
        a=max(float(radius * stretch), 1.5),
        b=max(float(radius / stretch), 1.5),
        angle=float(angle),
        bend=0.7 * (bent / 0.1) if bent < 0.1 and knobs.roughness > 0.05 else 0.0,
        waves=tuple((waves * phases).tolist()),
    )


def scatter(canvas: Canvas, rng: np.random.Generator, knobs: Knobs) -> None:
    """Draw objects until `density` is covered; clustered ones are set against another one."""
    (height, width), rim = canvas.label.shape, 0.5 * knobs.diameter
    wanted = knobs.density * (height + knobs.diameter) * (width + knobs.diameter)
    tries = int(6 * wanted / knobs.diameter**2) + 10 if wanted else 0
    covered = 0.0
    for _ in range(tries):
        if covered >= wanted:
            return
        shape = random_shape(rng, knobs)
        y, x = _position(canvas, rng, knobs, shape)
        outside = max(-y, -x, y - height, x - width)
        if outside > rim or canvas.depth_at(y, x) > -0.75 * shape.b:
            continue
        shape = replace(shape, y=y, x=x)
        canvas.draw(shape, margin=0.9 * shape.a + 2)
        covered += np.pi * shape.a * shape.b


def _position(
    canvas: Canvas, rng: np.random.Generator, knobs: Knobs, shape: Shape
) -> tuple[float, float]:
    joins, angle, nearness = rng.random(), rng.uniform(0, 2 * np.pi), rng.uniform(0.8, 1.05)
    if canvas.shapes and joins < knobs.clustering:
        host = canvas.shapes[rng.integers(len(canvas.shapes))]
        away = nearness * 0.5 * (host.a + host.b + shape.a + shape.b)
        return host.y + away * float(np.sin(angle)), host.x + away * float(np.cos(angle))
    (height, width), rim = canvas.label.shape, 0.5 * knobs.diameter
    return float(rng.uniform(-rim, height + rim)), float(rng.uniform(-rim, width + rim))


def tile_plane(canvas: Canvas, rng: np.random.Generator, knobs: Knobs) -> None:
    """Draw cells on a jittered hexagonal grid, without gaps: each pixel lies in one of them."""
    height, width = canvas.label.shape
    step = knobs.diameter
    for row, y in enumerate(np.arange(-step, height + step, 0.87 * step)):
        for x in np.arange(-step, width + step, step) + 0.5 * step * (row % 2):
            jitter = rng.normal(0, 0.22 * step, 2)
            shape = replace(random_shape(rng, knobs), bend=0.0)
            shape = replace(shape, y=float(y + jitter[0]), x=float(x + jitter[1]))
            canvas.draw(shape, margin=0.65 * step)


@dataclass(frozen=True, slots=True)
class Bodies:
    """The objects of a scene as a microscope with this blur sees them, without texture.

    Attributes
    ----------
    label : (Y, X) int32, the object a pixel belongs to or is nearest to, 0 = none near
    depth : (Y, X) float64, distance to the outline or the contact, positive inside, pixels
    solid : (Y, X) float64, 0 outside to 1 inside, before the optics
    seen : (Y, X) float64, `solid` after the optics
    truth : (Y, X) int32, `label` where `seen` is at least half of the object's maximum
    """

    label: NDArray[np.int32]
    depth: Image
    solid: Image
    seen: Image
    truth: NDArray[np.int32]


def bodies(canvas: Canvas, knobs: Knobs, gap: float, softness: NDArray[np.float64]) -> Bodies:
    """Turn outlines into bodies.

    Parameters
    ----------
    canvas : n objects, drawn
    knobs : of which `blur` is used
    gap : distance between two bodies that touch, pixels
    softness : (n + 1,) width of each object's edge before the optics, pixels; more than the
        blur means out of focus; the entry 0 is not used
    """
    label = canvas.label
    depth = np.minimum(canvas.first, canvas.between() - 0.5 * gap)
    solid = np.where(label > 0, soft_step(depth, softness[label]), 0.0)
    seen = blur(solid, knobs.blur)
    highest = np.zeros(len(canvas.shapes) + 1)
    if canvas.shapes:
        highest[1:] = ndimage.maximum(seen, label, np.arange(1, len(highest)))
    truth = np.where((seen >= 0.5 * highest[label]) & (highest[label] > 0.05), label, 0)
    return Bodies(label, depth, solid, seen, truth.astype(np.int32))
