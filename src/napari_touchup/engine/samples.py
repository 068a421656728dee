"""Annotated images, and the crops that a training step draws from them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_touchup.core.normalize import affine, limits
from napari_touchup.core.tiling import mirrored
from napari_touchup.core.weights import balanced
from napari_touchup.engine.truth import Maps, Survey, make_maps, read, survey
from napari_touchup.options import NormalizeOptions, WeightOptions

CACHE_PX = 2**28  # pixels of maps that one set keeps (13 bytes each); later images: by crop
CONTEXT_PX = 96  # around a crop whose maps are made on their own; covers the weight's reach

_WEIGHTS = WeightOptions()
_NORMALIZE = NormalizeOptions()


@dataclass(frozen=True, eq=False)
class Sample:
    """One image with its truth; the arrays may be lazy (memmap, zarr, dask).

    Attributes
    ----------
    image : (C, Y, X) real array-like, raw intensities
    truth : (Y, X) int array-like, instance labels, 0 = background
    annotated : (Y, X) bool array-like; False = ignored (weight 0, never background).
        None: everything counts.
    chance : how often it is drawn, relative to the others
    limits : (C, 2) intensities that become 0 and 1; of a part of a frame those of all of it.
        None: the image's own.
    """

    image: Any
    truth: Any
    annotated: Any = None
    chance: float = 1.0
    limits: Any = None

    def __post_init__(self) -> None:
        image, truth = tuple(self.image.shape), tuple(self.truth.shape)
        marks = truth if self.annotated is None else tuple(self.annotated.shape)
        if len(image) != 3 or len(truth) != 2 or image[1:] != truth or marks != truth:
            raise ValueError(
                "expected an image (C, Y, X) with truth and annotated (Y, X), "
                f"got {image}, {truth} and {marks}"
            )


@dataclass(frozen=True, eq=False)
class Crops:
    """A batch of raw material: B windows of equal size, images normalised."""

    image: NDArray[np.float32]  # (B, C, Y, X)
    truth: NDArray[np.int32]  # (B, Y, X)
    annotated: NDArray[np.bool_]  # (B, Y, X)
    weights: NDArray[np.float32]  # (B, Y, X)
    distance: NDArray[np.float32]  # (B, Y, X)


@dataclass(frozen=True, eq=False)
class SampleSet:
    """Samples that share their class weights, with the maps of each made once, when first used.

    Attributes
    ----------
    samples : what crops are drawn from
    weights : w0 and sigma of the weight map; its class weights are replaced by those pooled over
        the whole set where `balance`
    semantic : truth holds class indices; objects are the connected pieces of one class
    """

    samples: Sequence[Sample]
    weights: WeightOptions = _WEIGHTS
    balance: bool = True
    normalize: NormalizeOptions = _NORMALIZE
    semantic: bool = False
    _maps: dict[int, Maps] = field(default_factory=dict, repr=False)
    _affines: dict[int, NDArray[np.float32]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not self.samples:
            raise ValueError("expected at least one sample, got none")
        channels = sorted({sample.image.shape[0] for sample in self.samples})
        if len(channels) > 1:
            raise ValueError(f"expected images with equal channels, got {channels}")

    @property
    def channels(self) -> int:
        return int(self.samples[0].image.shape[0])

    @cached_property
    def surveys(self) -> tuple[Survey, ...]:
        return tuple(survey(s.truth, s.annotated) for s in self.samples)

    @cached_property
    def pooled(self) -> WeightOptions:
        """The options that every weight map of the set is made with."""
        if not self.balance:
            return self.weights
        counts = np.array([(s.background, s.foreground) for s in self.surveys]).sum(axis=0)
        background, foreground = balanced(*counts.tolist())
        return self.weights.model_copy(update={"background": background, "foreground": foreground})

    @cached_property
    def chances(self) -> NDArray[np.float64]:
        """Of each sample to be drawn; nothing is drawn where nothing is annotated."""
        useful = [s.background + s.foreground > 0 for s in self.surveys]
        chances = np.array([s.chance for s in self.samples]) * useful
        if chances.sum() <= 0:
            raise ValueError("expected annotated pixels, got samples without any")
        return np.asarray(chances / chances.sum())

    def draw(
        self, rng: np.random.Generator, count: int, size: int, window: int, foreground: float
    ) -> Crops:
        """Draw windows at random.

        Parameters
        ----------
        rng : source of all randomness
        count : B, number of windows
        size : edge of the square that has to lie inside the image where that is possible, pixels
        window : edge of what is cut around that square, mirrored outside the image, pixels
        foreground : share of the windows that are placed by an annotated object pixel
        """
        return stack([self._draw_one(rng, size, window, foreground) for _ in range(count)])

    def _draw_one(
        self, rng: np.random.Generator, size: int, window: int, foreground: float
    ) -> Crops:
        index = int(rng.choice(len(self.samples), p=self.chances))
        seen, shape = self.surveys[index], self.samples[index].truth.shape
        by_object = rng.random() < foreground and len(seen.objects) > 0
        positions = seen.objects if by_object else seen.marked
        if positions is None:
            centre = rng.integers(0, shape)
        else:  # not always in the middle, but always inside
            centre = positions[rng.integers(len(positions))]
            centre = centre + rng.integers(-(size // 4), size // 4 + 1, 2)
        half = np.minimum(size // 2, np.array(shape) // 2)
        y, x = np.clip(centre, half, np.array(shape) - half) - window // 2
        return self.crop(index, int(y), int(x), window)

    def crop(self, index: int, y: int, x: int, window: int) -> Crops:
        """One window of a sample, from (y, x) on, mirrored where it leaves the image; B = 1."""
        sample = self.samples[index]
        rows = mirrored(y, window, sample.truth.shape[0])
        cols = mirrored(x, window, sample.truth.shape[1])
        box = (slice(rows.min(), rows.max() + 1), slice(cols.min(), cols.max() + 1))
        maps = self._maps_of(index, box)
        rows, cols = rows - box[0].start, cols - box[1].start
        image = np.asarray(sample.image[(slice(None), *box)], np.float32)
        scale, shift = self._affine_of(index)
        image = np.nan_to_num(image * scale + shift, nan=0.0, posinf=0.0, neginf=0.0)
        return Crops(
            *(a[..., rows, :][..., cols][None] for a in (image, *vars(maps).values())),
        )

    def _make(self, sample: Sample, box: tuple[slice, slice]) -> Maps:
        """Make the maps of a sample inside a box, as if nothing lay beyond it."""
        return make_maps(*read(sample.truth, sample.annotated, box), self.pooled, self.semantic)

    def _affine_of(self, index: int) -> NDArray[np.float32]:
        """Scale and shift of one sample: (2, C, 1, 1)."""
        if index not in self._affines:
            sample = self.samples[index]
            own = sample.limits is None
            pair = affine(limits(sample.image, self.normalize) if own else sample.limits)
            self._affines[index] = np.asarray(pair, np.float32)[:, :, None, None]
        return self._affines[index]

    @cached_property
    def _kept(self) -> NDArray[np.bool_]:
        pixels = np.cumsum([int(np.prod(s.truth.shape)) for s in self.samples])
        return np.asarray(pixels <= CACHE_PX)

    def _maps_of(self, index: int, box: tuple[slice, slice]) -> Maps:
        """Give the maps inside a box; those of images too large to keep are made with context."""
        sample = self.samples[index]
        if self._kept[index]:
            if index not in self._maps:
                self._maps[index] = self._make(sample, (slice(None), slice(None)))
            return Maps(*(a[box] for a in vars(self._maps[index]).values()))
        wide = tuple(slice(max(0, s.start - CONTEXT_PX), s.stop + CONTEXT_PX) for s in box)
        maps = self._make(sample, (wide[0], wide[1]))
        inner = tuple(
            slice(s.start - w.start, s.stop - w.start) for s, w in zip(box, wide, strict=True)
        )
        return Maps(*(a[inner] for a in vars(maps).values()))


def stack(crops: Sequence[Crops]) -> Crops:
    """One batch of several."""
    columns = zip(*(vars(c).values() for c in crops), strict=True)
    return Crops(*(np.concatenate(column) for column in columns))
