"""Vary crops on the device: one resampling pass for everything, then intensities.

All randomness comes from a generator, which has to live on the device of the crops.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from napari_touchup.nn.loss import Targets
from napari_touchup.options import AugmentOptions

COARSE = 3  # edge of the grid of random displacements; Ronneberger 2015, section 3.1
WINDOW_LIMIT = 2.0  # windows are never larger than this times the crop; beyond it: mirrored


@dataclass(frozen=True)
class Layers:
    """A batch of windows on the device, as `samples.Crops` gives them."""

    image: Tensor  # (B, C, Y, X) float32, normalised
    truth: Tensor  # (B, Y, X) int32
    annotated: Tensor  # (B, Y, X) bool
    weights: Tensor  # (B, Y, X) float32
    distance: Tensor  # (B, Y, X) float32


@dataclass(frozen=True)
class Draws:
    """Random numbers for crops; those of a crop do not depend on who varies the others.

    Attributes
    ----------
    generator : on the device of the crops
    whole : crops of the whole batch, of which several processes share the work; None: those here
    first : number of the first crop here in the whole batch
    """

    generator: Generator
    whole: int | None = None
    first: int = 0

    @property
    def device(self) -> torch.device:
        return self.generator.device

    def normal(self, *shape: int) -> Tensor:
        """Draw normal numbers, the first axis being the crops."""
        every = (self.whole or shape[0], *shape[1:])
        drawn = torch.randn(every, generator=self.generator, device=self.device)
        return drawn[self.first : self.first + shape[0]]

    def uniform(self, kinds: int, count: int) -> Tensor:
        """Numbers in 0 ... 1, (kinds, count crops)."""
        every = (kinds, self.whole or count)
        drawn = torch.rand(every, generator=self.generator, device=self.device)
        return drawn[:, self.first : self.first + count]


def window(size: int, options: AugmentOptions) -> int:
    """Edge of the source that a crop of `size` pixels is resampled from, pixels."""
    if not _moves(options):
        return size
    turn = math.radians(min(options.rotate, 45.0))
    reach = min((math.sin(turn) + math.cos(turn)) / options.zoom[0], WINDOW_LIMIT)
    return math.ceil(size * max(reach, 1.0) + 2 * options.elastic)


def augment(
    layers: Layers,
    size: int,
    options: AugmentOptions,
    draws: Draws,
    semantic: bool = False,
    gap: bool = False,
) -> tuple[Tensor, Targets]:
    """Turn windows into network input and targets.

    Parameters
    ----------
    layers : windows of the edge that `window` gives
    size : edge of the result, pixels
    options : what is varied, and by how much
    draws : source of all randomness, on the device of `layers`
    semantic : truth holds class indices, which the mask is to keep
    gap : touching objects are parted by background, for networks without a map of borders

    Returns
    -------
    image : (B, C, size, size) float32
    targets : mask, border, distance, weights, annotated, objects, each (B, size, size)
    """
    if _moves(options):
        grid = sampling_grid(layers.image.shape, size, options, draws)
        layers = _resample(layers, grid)
    else:
        layers = _centre(layers, size)
    return vary_intensity(layers.image, options, draws), make_targets(layers, semantic, gap)


def make_targets(layers: Layers, semantic: bool, gap: bool = False) -> Targets:
    """Make what the network is asked for; the border is that of the labels as they are now."""
    inside, touching = layers.truth > 0, border(layers.truth)
    mask = inside & ~touching if gap else inside
    return Targets(
        mask=layers.truth.float() if semantic else mask.float(),
        border=touching.float(),
        distance=layers.distance * inside,
        weights=layers.weights * layers.annotated,
        annotated=layers.annotated,
        objects=layers.truth,
    )


def border(truth: Tensor) -> Tensor:
    """Pixels whose 3x3 window holds two different labels.

    Parameters
    ----------
    truth : (B, Y, X) integer labels below 2^24, 0 = background

    Returns
    -------
    (B, Y, X) bool
    """
    labels = truth.float()[:, None]
    highest = F.max_pool2d(labels, 3, stride=1, padding=1)
    nothing = torch.full_like(labels, -math.inf)
    lowest = -F.max_pool2d(torch.where(labels > 0, -labels, nothing), 3, stride=1, padding=1)
    return ((highest > 0) & (lowest < highest))[:, 0]


def sampling_grid(shape: torch.Size, size: int, options: AugmentOptions, draws: Draws) -> Tensor:
    """Where each output pixel is read from: (B, size, size, 2) x, y in [-1, 1] of the window."""
    count, device = shape[0], draws.device
    axis = torch.arange(size, device=device) - (size - 1) / 2
    place = torch.stack(torch.meshgrid(axis, axis, indexing="xy"))  # (2, size, size)
    coarse = draws.normal(count, 2, COARSE, COARSE)
    shift = F.interpolate(
        coarse * options.elastic, size=(size, size), mode="bicubic", align_corners=True
    )  # (B, 2, size, size)
    matrix = _matrices(count, options, draws)  # (B, 2, 2)
    source = torch.einsum("bij,bjyx->byxi", matrix, place + shift)
    half = torch.tensor([(shape[3] - 1) / 2, (shape[2] - 1) / 2], device=device)
    return source / half.clamp(min=0.5)


def _matrices(count: int, options: AugmentOptions, draws: Draws) -> Tensor:
    """Rotation, mirroring and zoom of each crop, from output to source: (B, 2, 2)."""
    turn, mirror, zoom = draws.uniform(3, count)
    angle = (2 * turn - 1) * math.radians(options.rotate)
    low, high = (math.log(z) for z in options.zoom)
    scale = torch.exp(-(low + (high - low) * zoom))  # log-uniform: halving as likely as doubling
    sign = torch.where(mirror < 0.5, -1.0, 1.0) if options.flip else torch.ones_like(mirror)
    cos, sin = angle.cos() * scale, angle.sin() * scale
    rows = [torch.stack([cos * sign, -sin], 1), torch.stack([sin * sign, cos], 1)]
    return torch.stack(rows, 1)


def _resample(layers: Layers, grid: Tensor) -> Layers:
    channels = layers.image.shape[1]
    smooth = torch.cat([layers.image, layers.weights[:, None], layers.distance[:, None]], 1)
    smooth = _read(smooth, grid, "bilinear")
    sharp = torch.stack([layers.truth.float(), layers.annotated.float()], 1)
    sharp = _read(sharp, grid, "nearest")
    return Layers(
        smooth[:, :channels],
        sharp[:, 0].to(torch.int32),
        sharp[:, 1] > 0,
        smooth[:, channels],
        smooth[:, channels + 1],
    )


def _read(planes: Tensor, grid: Tensor, mode: str) -> Tensor:
    return F.grid_sample(planes, grid, mode, padding_mode="reflection", align_corners=True)


def _centre(layers: Layers, size: int) -> Layers:
    y, x = ((n - size) // 2 for n in layers.image.shape[2:])
    window = (..., slice(y, y + size), slice(x, x + size))
    return Layers(*(plane[window] for plane in vars(layers).values()))


def vary_intensity(image: Tensor, options: AugmentOptions, draws: Draws) -> Tensor:
    """Gamma, inversion, contrast, brightness, blur and noise of each image on its own.

    Parameters
    ----------
    image : (B, C, Y, X) float32, mostly in 0 ... 1
    """
    drawn = draws.uniform(6, len(image))[:, :, None, None, None]
    gamma, invert, contrast, brightness, blur, noise = drawn
    if options.gamma:
        power = torch.exp((2 * gamma - 1) * options.gamma)
        image = image.sign() * image.abs().pow(power)
    if options.invert:
        image = torch.where(invert < options.invert, 1 - image, image)
    if options.contrast:
        image = (image - 0.5) * (1 + (2 * contrast - 1) * options.contrast) + 0.5
    if options.brightness:
        image = image + (2 * brightness - 1) * options.brightness
    if options.blur:
        sigma = _half_zero(blur).flatten() * options.blur
        image = blurred(image, sigma, math.ceil(3 * options.blur))
    if options.noise:
        image = image + draws.normal(*image.shape) * _half_zero(noise) * options.noise
    return image


def blurred(image: Tensor, sigma: Tensor, radius: int) -> Tensor:
    """Gaussian blur of each image of (B, C, Y, X) by its own sigma, (B,) pixels."""
    batch, channels, height, width = image.shape
    radius = min(radius, height - 1, width - 1)
    taps = torch.arange(-radius, radius + 1, device=image.device)
    kernel = torch.exp(-0.5 * (taps / sigma.clamp(min=1e-3)[:, None]) ** 2)
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(channels, 0)  # (B*C, taps)
    planes = F.pad(image, (radius,) * 4, mode="reflect")
    planes = planes.reshape(1, batch * channels, *planes.shape[2:])
    planes = F.conv2d(planes, kernel[:, None, :, None], groups=batch * channels)
    planes = F.conv2d(planes, kernel[:, None, None, :], groups=batch * channels)
    return planes.reshape(image.shape)


def _half_zero(uniform: Tensor) -> Tensor:
    """Uniform numbers of which half are 0 and the others spread over 0 ... 1."""
    return (2 * uniform - 1).clamp(min=0)


def _moves(options: AugmentOptions) -> bool:
    return bool(options.rotate or options.flip or options.elastic or options.zoom != (1, 1))
