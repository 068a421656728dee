"""What a microscope and its camera do to a drawing: blur, light, noise; all seeded.

Everything is float64 and draws a number of random values that depends on the shape alone, so a
rounding difference between two processors stays below one grey level and never shifts the stream.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage
from scipy.special import ndtr

Image: TypeAlias = NDArray[np.float64]


def blur(image: Image, sigma: float) -> Image:
    """Blur by a Gaussian point spread of `sigma` pixels; the frame's edge is mirrored."""
    return ndimage.gaussian_filter(image, sigma, truncate=3.0) if sigma > 0 else image


def wide_blur(image: Image, sigma: float) -> Image:
    """Blur by three box filters: nearly a Gaussian, at a cost that does not grow with `sigma`."""
    width = 2 * round(np.sqrt(sigma**2 + 0.25) - 0.5) + 1  # variance of three: (w^2 - 1) / 4
    for _ in range(3):
        image = ndimage.uniform_filter(image, width)
    return image


def soft_step(depth: Image, width: float | Image) -> Image:
    """Profile of an edge blurred by `width` pixels: 0 far outside, 1/2 at depth 0, 1 inside."""
    step: Image = ndtr(depth / width)
    return step


def random_field(shape: tuple[int, int], rng: np.random.Generator, scale: float) -> Image:
    """Gaussian random field, zero mean, unit variance, smooth over `scale` pixels.

    White noise filtered by a Gaussian in Fourier space; it wraps around at the frame's edges.
    """
    noise = rng.standard_normal(shape)
    row = np.exp(-2 * (np.pi * scale * fft.rfftfreq(shape[1])) ** 2)
    column = np.exp(-2 * (np.pi * scale * fft.fftfreq(shape[0])) ** 2)
    smooth: Image = fft.irfft2(fft.rfft2(noise) * (column[:, None] * row), s=shape)
    smooth -= smooth.mean()
    smooth /= max(float(smooth.std()), 1e-12)
    return smooth


def illumination(shape: tuple[int, int], rng: np.random.Generator, strength: float) -> Image:
    """Uneven light, about 1: vignette, a slope, and slow waves; `strength` 0.3 spans about 30 %."""
    y, x = (np.linspace(-1, 1, n) for n in shape)
    centre, slope = rng.uniform(-0.4, 0.4, 2), rng.uniform(-0.4, 0.4, 2)
    waves = random_field(shape, rng, 0.25 * max(shape))
    vignette = 0.35 - 0.5 * ((y - centre[0])[:, None] ** 2 + (x - centre[1]) ** 2)
    tilt = slope[0] * y[:, None] + slope[1] * x
    light: Image = 1 + strength * (vignette + tilt + 0.15 * waves)
    return np.maximum(light, 0.1)


def expose(image: Image, rng: np.random.Generator, noise: float) -> Image:
    """Photograph `image` with shot noise and read noise.

    Parameters
    ----------
    image : (Y, X) float64, relative light, 1 = a typical object
    rng : seeded generator
    noise : standard deviation of the shot noise at light 1, relative; 1 / noise^2 is the number
        of photons there. Read noise is 0.4 times that, everywhere.

    Notes
    -----
    Counts are `n + sqrt(n) z + (z^2 - 1) / 6`, rounded: the Cornish-Fisher expansion of the
    Poisson law (its mean, skewness and, to 1/18 of a photon, its variance). Unlike a rejection
    sampler it takes one normal value per pixel whatever n is.
    """
    if noise == 0:
        return image
    z, read = rng.standard_normal((2, *image.shape))
    photons = np.maximum(image, 0) / noise**2
    counts = np.maximum(np.round(photons + np.sqrt(photons) * z + (z * z - 1) / 6), 0)
    photo: Image = counts * noise**2 + 0.4 * noise * read
    return photo
