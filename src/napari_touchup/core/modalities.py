"""How each kind of microscope shows a scene: the light it sends, and the truth that goes with it.

Every modality is a function ``(size, rng, knobs) -> (light (Y, X) float64, truth (Y, X) int32)``;
light is relative, 1 = a typical nucleus, or the empty field where cells are dark.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_touchup.core.optics import (
    Image,
    blur,
    illumination,
    random_field,
    soft_step,
    wide_blur,
)
from napari_touchup.core.scenes import (
    Bodies,
    Knobs,
    bodies,
    empty_canvas,
    scatter,
    tile_plane,
)

Labels: TypeAlias = NDArray[np.int32]
Modality: TypeAlias = Callable[
    [tuple[int, int], np.random.Generator, Knobs], tuple[Image, NDArray[np.int32]]
]

WALL_EDGE_PX = 0.6  # width of a membrane's own edge, before the optics


@dataclass(frozen=True, slots=True)
class Looks:
    """How objects 1 ... n differ; entry 0 is not used."""

    brightness: NDArray[np.float64]  # (n + 1,) relative
    softness: NDArray[np.float64]  # (n + 1,) width of the edge before the optics, pixels
    rounding: NDArray[np.float64]  # (n + 1,) 0 = flat, 1 = the light falls off towards the edge


def looks(rng: np.random.Generator, count: int, knobs: Knobs) -> Looks:
    """Draw brightness and focus of `count` objects; some are dim, some bright, some blurred."""
    fate, focus, spread = rng.random(count), rng.random(count), rng.uniform(0.08, 0.45)
    brightness = np.exp(spread * rng.standard_normal(count))
    brightness *= np.where(fate < 0.08, 0.35, np.where(fate > 0.94, 2.2, 1.0))
    blurred = np.where(focus < 0.08, 0.06 * knobs.diameter * rng.random(), 0.0)
    return Looks(
        brightness=np.clip(brightness, 0.15, 4),
        softness=0.5 + blurred,
        rounding=rng.uniform(0, 0.6) * rng.random(count),
    )


def fluorescence(seen: Bodies, look: Looks, chromatin: Image, knobs: Knobs) -> Image:
    """Light of stained bodies: brightness, fall-off to the edge and texture, then the optics."""
    rim = np.exp(-np.maximum(seen.depth, 0) / (0.12 * knobs.diameter))
    inside = (1 - look.rounding[seen.label] * rim) * chromatin
    return blur(seen.solid * look.brightness[seen.label] * inside, knobs.blur)


def nuclei(size: tuple[int, int], rng: np.random.Generator, knobs: Knobs) -> tuple[Image, Labels]:
    """Stained nuclei on a dark, uneven background with haze and out-of-focus light."""
    canvas = empty_canvas(size, rng, knobs)
    scatter(canvas, rng, knobs)
    look = looks(rng, len(canvas.shapes) + 1, knobs)
    seen = bodies(canvas, knobs, gap=rng.uniform(0, 1.6), softness=look.softness)
    light = fluorescence(seen, look, _chromatin(size, rng, knobs), knobs)
    haze, ghosts = rng.uniform(0, 0.25), rng.uniform(0, 0.25) * (rng.random() < 0.4)
    light = light + haze * wide_blur(light, 0.7 * knobs.diameter)
    light += ghosts * np.maximum(random_field(size, rng, 0.5 * knobs.diameter) - 1.2, 0)
    uneven = illumination(size, rng, knobs.background)
    light = (light + _specks(size, rng)) * (0.5 + 0.5 * uneven)
    return light + uneven / knobs.contrast, seen.truth


def _chromatin(size: tuple[int, int], rng: np.random.Generator, knobs: Knobs) -> Image:
    """Texture about 1: clumps, fine grain, and nucleoli (dark) or chromocentres (bright)."""
    clumps = random_field(size, rng, max(0.07 * knobs.diameter, 1.0))
    grain = random_field(size, rng, 0.8)
    spots = np.maximum(random_field(size, rng, max(0.05 * knobs.diameter, 0.9)) - 1.3, 0)
    spot_sign = (-1.2, 0.0, 2.5)[rng.integers(3)]
    texture: Image = 1 + knobs.texture * (0.8 * clumps + 0.5 * grain + spot_sign * spots)
    return np.clip(texture, 0.25, 4)


def _specks(size: tuple[int, int], rng: np.random.Generator) -> Image:
    """Dust: a few bright points that are no objects."""
    dust = np.zeros(size)
    number = rng.poisson(2e-5 * size[0] * size[1]) if rng.random() < 0.5 else 0
    rows, columns = rng.integers(0, size[0], number), rng.integers(0, size[1], number)
    dust[rows, columns] = rng.uniform(2, 8, number)
    return blur(dust, 0.9)


def phase(size: tuple[int, int], rng: np.random.Generator, knobs: Knobs) -> tuple[Image, Labels]:
    """Phase contrast: dark (or bright) cells in a halo that leaks from the phase ring."""
    seen, look = _cells(size, rng, knobs)
    dark = rng.random() < 0.65
    inside = _organelles(seen, size, rng, knobs)
    path = blur(seen.solid * np.sqrt(look.brightness[seen.label]) * inside, knobs.blur)
    shade, width = rng.uniform(0.3, 0.8), rng.uniform(0.12, 0.4)
    delay = path - shade * wide_blur(path, width * knobs.diameter)
    halo = wide_blur(seen.seen, max(0.07 * knobs.diameter, 1.5)) * (1 - seen.seen)
    delay -= rng.uniform(0.3, 1.5) * halo
    sign = -1.0 if dark else 1.0
    debris = random_field(size, rng, 1.2)
    field = 1 + sign * knobs.contrast * delay + 0.01 * debris
    return np.maximum(field, 0.02) * illumination(size, rng, knobs.background), seen.truth


def dic(size: tuple[int, int], rng: np.random.Generator, knobs: Knobs) -> tuple[Image, Labels]:
    """Differential interference contrast: the relief of the optical path, lit from one side."""
    seen, look = _cells(size, rng, knobs)
    inside = _organelles(seen, size, rng, knobs)
    dome = 1 - np.exp(-np.maximum(seen.depth, 0) / (rng.uniform(0.1, 0.3) * knobs.diameter))
    height = blur(seen.solid * (0.5 + dome) * inside * look.brightness[seen.label], knobs.blur)
    angle, shear = rng.uniform(0, 2 * np.pi), 1.5
    slope_y, slope_x = ndimage.sobel(height, 0) / 8, ndimage.sobel(height, 1) / 8
    relief = shear * (np.sin(angle) * slope_y + np.cos(angle) * slope_x)
    relief *= 2 * max(knobs.blur, 1.0)  # a sharp edge has a relief of about 1, whatever the blur
    field = 1 + knobs.contrast * (relief + rng.uniform(-0.15, 0.15) * seen.seen)
    field += 0.006 * random_field(size, rng, 3.0)
    return np.maximum(field, 0.02) * illumination(size, rng, knobs.background), seen.truth


def _cells(size: tuple[int, int], rng: np.random.Generator, knobs: Knobs) -> tuple[Bodies, Looks]:
    canvas = empty_canvas(size, rng, knobs)
    scatter(canvas, rng, knobs)
    look = looks(rng, len(canvas.shapes) + 1, knobs)
    return bodies(canvas, knobs, gap=rng.uniform(0.5, 2.5), softness=look.softness), look


def _organelles(
    seen: Bodies, size: tuple[int, int], rng: np.random.Generator, knobs: Knobs
) -> Image:
    """Inside of an unstained cell, about 1: granules, folds and, in some, a nucleus."""
    grain = random_field(size, rng, 0.9)
    folds = random_field(size, rng, max(0.1 * knobs.diameter, 1.5))
    nucleus = soft_step(seen.depth - 0.27 * knobs.diameter, 1.0)
    texture = 1 + knobs.texture * (0.5 * grain + 0.7 * folds + rng.uniform(-1.5, 1.5) * nucleus)
    return np.clip(texture, 0.1, 4)


def rings(size: tuple[int, int], rng: np.random.Generator, knobs: Knobs) -> tuple[Image, Labels]:
    """Cells with a stained membrane: bright outlines, dark inside but for some vesicles; dust."""
    seen, look = _cells(size, rng, knobs)
    middle, width = 0.05 * knobs.diameter, 0.03 * knobs.diameter
    rim = np.exp(-0.5 * ((seen.depth - middle) / width) ** 2)
    patchy = np.clip(1 + 0.4 * random_field(size, rng, 4.0), 0.2, 2)
    vesicles = np.maximum(random_field(size, rng, 2.0) - 1.9, 0) * (4 * knobs.texture)
    stain = rim * patchy * look.brightness[seen.label] + vesicles * soft_step(seen.depth - 3, 1.0)
    dust = np.maximum(random_field(size, rng, 2.2) - 2.6, 0) * 2
    light = blur(seen.solid * stain + dust, knobs.blur)
    return light + illumination(size, rng, knobs.background) / knobs.contrast, seen.truth


def membranes(
    size: tuple[int, int], rng: np.random.Generator, knobs: Knobs
) -> tuple[Image, Labels]:
    """Electron micrograph of tissue: cells that tile the plane, dark walls, organelles."""
    canvas = empty_canvas(size, rng, knobs)
    if knobs.density > 0:
        tile_plane(canvas, rng, knobs)
    depth = canvas.between()
    half = np.clip(rng.uniform(0.02, 0.05) * knobs.diameter, 0.9, 2.5)
    half = half * np.clip(1 + 0.3 * random_field(size, rng, 8.0), 0.5, 2)
    wall = blur(soft_step(half - depth, WALL_EDGE_PX), knobs.blur)
    middle = 2 * soft_step(half, float(np.hypot(WALL_EDGE_PX, knobs.blur))) - 1
    truth = np.where(wall < 0.5 * middle, canvas.label, 0).astype(np.int32)
    stain = 0.85 + 0.15 * random_field(size, rng, 5.0)
    plasm = rng.normal(0, 0.05, len(canvas.shapes) + 1)[canvas.label]
    plasm += 0.06 * random_field(size, rng, 1.0) + 0.05 * random_field(size, rng, 4.0)
    plasm -= 0.35 * knobs.texture * _mitochondria(depth - half, size, rng, knobs)
    light = 0.8 + plasm - knobs.contrast * np.clip(stain, 0.5, 1.2) * wall
    light = np.maximum(blur(light, 0.4 * knobs.blur), 0.02)
    return light * illumination(size, rng, knobs.background), truth


def _mitochondria(
    depth: Image, size: tuple[int, int], rng: np.random.Generator, knobs: Knobs
) -> Image:
    """Dark bodies with a darker rim, 0 to about 1; well inside the cells."""
    scale = max(0.09 * knobs.diameter, 2.0)
    level = (random_field(size, rng, scale) - rng.uniform(1.1, 1.9)) * scale
    rim = np.exp(-((level / 1.0) ** 2))
    inner = soft_step(level, 0.7) * (0.5 + 0.2 * random_field(size, rng, 1.2))
    return (inner + 0.7 * rim) * soft_step(depth - 3, 1.0)
