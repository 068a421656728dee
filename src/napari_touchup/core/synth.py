"""Synthetic microscopy with exact instance truth, seeded.

A scene is drawn object by object (`scenes`, `shapes`), then light and camera act on the whole
frame (`optics`). The mask of an object is where its blurred body is at least half of its own
maximum; where two bodies touch, the border lies midway between their outlines. In `membranes` the
walls are the bodies: a cell ends where its wall is half as dark as at the wall's middle.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label as connected

from napari_touchup.core.modalities import (
    Labels,
    Looks,
    Modality,
    dic,
    fluorescence,
    looks,
    membranes,
    nuclei,
    phase,
    rings,
)
from napari_touchup.core.optics import Image, expose, random_field, soft_step
from napari_touchup.core.scenes import (
    KINDS,
    Knobs,
    bodies,
    draw_knobs,
    empty_canvas,
    scatter,
)
from napari_touchup.core.shapes import Canvas

__all__ = ["EVERY_KIND", "KINDS", "Sample", "make", "make_image", "timelapse"]

EVERY_KIND = (*KINDS, "timelapse")  # what `make_image` and the command line know
SMALLEST_PX = 4  # a piece of fewer pixels, cut off by the frame, is no object
PIXEL_UM = {
    "nuclei": 0.325,
    "phase": 0.65,
    "dic": 0.325,
    "membranes": 0.005,
    "rings": 0.2,
    "timelapse": 0.65,
}

_TIMELAPSE = {
    "density": 0.16,
    "diameter": 24.0,
    "spread": 0.12,
    "clustering": 0.45,
    "noise": 0.05,
    "contrast": 8.0,
    "blur": 1.1,
}
_RENDER: Mapping[str, Modality] = {
    "nuclei": nuclei,
    "phase": phase,
    "dic": dic,
    "membranes": membranes,
    "rings": rings,
}


@dataclass(frozen=True, slots=True)
class Sample:
    """An image and its truth.

    Attributes
    ----------
    image : (Y, X) uint8 or uint16; a time series (T, C, Y, X)
    truth : (Y, X) int32, 0 = background, objects 1 ... n; a time series (T, Y, X), where an
        object keeps its number
    pixel_um : edge of a pixel, micrometres
    """

    image: NDArray[np.uint8] | NDArray[np.uint16]
    truth: Labels
    pixel_um: float


def make(kind: str, size: tuple[int, int], rng: np.random.Generator, **knobs: float) -> Sample:
    """Make one image of a kind and its truth.

    Parameters
    ----------
    kind : "nuclei" (fluorescence), "phase" (contrast, with halo), "dic" (relief), "membranes"
        (electron microscopy: closed cells between dark walls) or "rings" (stained membranes)
    size : (Y, X), pixels
    rng : seeded generator; the same seed gives the same bits
    **knobs : any of the fields of `Knobs`; those not given are drawn from `RANGES[kind]`

    Returns
    -------
    Sample
        image uint16 within 12 bits (nuclei, dic, rings) or uint8 (phase, membranes)

    Raises
    ------
    ValueError
        for an unknown kind or knob, or a value out of range
    """
    if len(size) != 2 or min(size) < 1:
        raise ValueError(f"expected a size (Y, X) of at least 1 pixel each, got {size}")
    drawn = draw_knobs(kind, rng, knobs)
    light, truth = _RENDER[kind](size, rng, drawn)
    photo = expose(light, rng, drawn.noise)
    image = _digitise(photo, rng, bits=12 if kind in ("nuclei", "dic", "rings") else 8)
    return Sample(image, _pieces(truth), PIXEL_UM[kind])


def make_image(kind: str, size: tuple[int, int], seed: int, index: int = 0) -> Sample:
    """Image `index` of a series, as `touchup synth` and the sample data make it.

    Parameters
    ----------
    kind : one of `EVERY_KIND`
    size : (Y, X), pixels
    seed, index : the generator is ``np.random.default_rng([seed, index])``
    """
    rng = np.random.default_rng([seed, index])
    return timelapse(size, rng) if kind == "timelapse" else make(kind, size, rng)


def timelapse(size: tuple[int, int], rng: np.random.Generator, frames: int = 5) -> Sample:
    """Make a time series of two channels: cell bodies, and nuclei that drift and turn.

    Returns
    -------
    Sample
        image (T, 2, Y, X) uint16 (channel 1: nuclei), truth (T, Y, X) of the nuclei
    """
    knobs = draw_knobs("nuclei", rng, _TIMELAPSE)
    first = empty_canvas(size, rng, knobs)
    scatter(first, rng, knobs)
    look = looks(rng, len(first.shapes) + 1, knobs)
    grain = random_field(size, rng, 1.5)
    steps = rng.normal(0, [1.6, 1.6, 0.06], (len(first.shapes), 3))  # y, x, angle, per frame
    images, truths = [], []
    for time in range(frames):
        canvas = _moved(first, steps * time)
        light, truth = _two_channels(canvas, look, grain, knobs)
        images.append([expose(channel, rng, knobs.noise) for channel in light])
        truths.append(truth)
    image = np.clip(np.round(100 + 900 * np.array(images)), 0, 4095).astype(np.uint16)
    return Sample(image, _renumbered(np.array(truths)), PIXEL_UM["timelapse"])


def _moved(canvas: Canvas, steps: NDArray[np.float64]) -> Canvas:
    moved = Canvas(canvas.label.shape, canvas.warp)
    for shape, (y, x, angle) in zip(canvas.shapes, steps.tolist(), strict=True):
        there = replace(shape, y=shape.y + y, x=shape.x + x, angle=shape.angle + angle)
        moved.draw(there, margin=2 * shape.a)
    return moved


def _two_channels(
    canvas: Canvas, look: Looks, grain: Image, knobs: Knobs
) -> tuple[tuple[Image, Image], Labels]:
    seen = bodies(canvas, knobs, gap=1.0, softness=look.softness)
    nuclear = fluorescence(seen, look, 1 + knobs.texture * grain, knobs) + 1 / knobs.contrast
    plasm = soft_step(canvas.first + 0.3 * knobs.diameter, 0.12 * knobs.diameter)
    cell = 0.1 + 0.7 * plasm * (1 - 0.6 * seen.seen) * (1 + 0.15 * grain)
    return (cell, nuclear), seen.truth


def _digitise(
    light: Image, rng: np.random.Generator, bits: int
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Grey values: uint8 that fills most of its range, or uint16 of `bits` at any gain."""
    if bits == 8:
        brightest = max(float(np.percentile(light, 99.9)), 1e-3)
        grey: NDArray[np.uint8] = np.clip(
            np.round(light * rng.uniform(150, 250) / brightest), 0, 255
        ).astype(np.uint8)
        return grey
    gain = 2**bits * float(np.exp(rng.uniform(np.log(0.1), np.log(0.35))))
    counts: NDArray[np.uint16] = np.clip(np.round(100 + gain * light), 0, 2**bits - 1).astype(
        np.uint16
    )
    return counts


def _pieces(truth: Labels) -> Labels:
    """Give numbers to the 4-connected pieces; those under `SMALLEST_PX` are dropped."""
    pieces = connected(truth, connectivity=1)  # type: ignore[no-untyped-call]
    sizes = np.bincount(pieces.ravel())
    kept = (sizes >= SMALLEST_PX) & (np.arange(len(sizes)) > 0)
    truth = (np.cumsum(kept) * kept)[pieces].astype(np.int32)
    return truth


def _renumbered(truth: Labels) -> Labels:
    """Numbers 1 ... n in the order of the old ones, over all frames."""
    return np.searchsorted(np.union1d(truth, 0), truth).astype(np.int32)
