"""The border weight map: how much every pixel counts in training.

Ronneberger, Fischer & Brox 2015 (U-Net), equation 2, with `annotated` in front::

    w(x) = annotated(x) * (w_class(x) + w0 * exp(-(d1(x) + d2(x))^2 / (2 sigma^2)))

d1 and d2 are the distances to the nearest and the second nearest distinct object. Each object's
distances are needed only within the reach of the exponential, so every object has a small Euclidean
distance transform of its own, and the two smallest are kept: nothing depends on the objects' order.
"""

from collections.abc import Sequence
from itertools import product
from math import inf, log, sqrt
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, find_objects

from napari_touchup.options import WeightOptions

Labels: TypeAlias = NDArray[np.integer[Any]]
Mask: TypeAlias = NDArray[np.bool_]
Box: TypeAlias = tuple[slice, ...]
Steps: TypeAlias = tuple[float, ...]  # pixel size along each axis

DEFAULTS = WeightOptions()
# Border weights under this part of w0 are 0: half of the 1e-6 that the map may be wrong by.
TAIL = 2.0**-21
# Edge of a tile, pixels, by number of axes. Tiles bound the memory, and the work for an object
# whose pieces lie far apart.
TILE = {2: 512, 3: 128}


def class_weights(
    truth: Labels | Sequence[Labels], annotated: Mask | Sequence[Mask] | None = None
) -> tuple[float, float]:
    """Weights that let background and foreground count the same in sum, n / (2 n_c).

    Parameters
    ----------
    truth : int array of any shape, 0 = background, or a list of such frames, which are pooled
    annotated : bool array of the same shape, or a list of as many; None: every pixel counts

    Returns
    -------
    (background, foreground) : 1.0 for a class that has no annotated pixel

    Raises
    ------
    ValueError
        If labels are no integers or negative, or an `annotated` does not fit its `truth`.
    """
    frames = truth if isinstance(truth, list | tuple) else [truth]
    masks = annotated if isinstance(annotated, list | tuple) else [annotated] * len(frames)
    if len(masks) != len(frames):
        raise ValueError(f"expected {len(frames)} annotated masks, got {len(masks)}")
    total = foreground = 0
    for frame, mask in zip(frames, masks, strict=True):
        _check_arrays(frame, mask)
        _check_not_negative(frame)
        counted = frame if mask is None else frame[mask]
        total += counted.size
        foreground += int(np.count_nonzero(counted))
    return balanced(total - foreground, foreground)


def balanced(background: int, foreground: int) -> tuple[float, float]:
    """Class weights of so many pixels of each, n / (2 n_c); 1.0 for a class without pixels.

    >>> balanced(30, 10)
    (0.6666666666666666, 2.0)
    """
    total = background + foreground
    halves = [total / (2 * n) if n else 1.0 for n in (background, foreground)]
    return halves[0], halves[1]


def weight_map(
    truth: Labels,
    annotated: Mask | None = None,
    options: WeightOptions = DEFAULTS,
    spacing: Sequence[float] | None = None,
) -> NDArray[np.float32]:
    """Weight of every pixel; right to 1e-6 of w0.

    The work grows with the sum, over the objects, of (size + 10.8 sigma)^ndim in pixels.

    Parameters
    ----------
    truth : (Y, X) or (Z, Y, X) int array, 0 = background; one number is one object, also in pieces
    annotated : bool array of the same shape, where truth counts; None: everywhere
    options : w0, sigma (pixels, or the unit of `spacing`) and the two class weights
    spacing : size of a pixel along each axis; None: 1

    Returns
    -------
    float32 array of the shape of `truth`

    Raises
    ------
    ValueError
        If labels are no integers or negative, or shapes, axes or spacing do not fit.
    """
    steps = _check(truth, annotated, spacing)
    _check_not_negative(truth)
    weights = np.empty(truth.shape, np.float32)
    whole = tuple(slice(0, n) for n in truth.shape)
    _rewrite(weights, truth, annotated, options, whole, steps)
    return weights


def update(
    weights: NDArray[np.float32],
    truth: Labels,
    annotated: Mask | None,
    options: WeightOptions,
    box: Box,
    spacing: Sequence[float] | None = None,
) -> Box:
    """Make `weights` true again, in place, after `truth` or `annotated` changed inside `box`.

    Parameters
    ----------
    weights : float32 array, made by `weight_map` with the same options and spacing
    truth, annotated, options, spacing : as in `weight_map`, after the change
    box : one slice per axis, step 1; what lies outside the array is cut off

    Returns
    -------
    The box that was rewritten: `box` and what a change inside it can reach

    Raises
    ------
    ValueError
        As `weight_map`, or if `weights` or `box` do not fit `truth`.
    """
    steps = _check(truth, annotated, spacing)
    if weights.shape != truth.shape or weights.dtype != np.float32:
        got = f"{weights.dtype} of shape {weights.shape}"
        raise ValueError(f"expected float32 weights of shape {truth.shape}, got {got}")
    if len(box) != truth.ndim or any(s.step not in (None, 1) for s in box):
        raise ValueError(f"expected {truth.ndim} slices of step 1, got {box}")
    box = tuple(slice(*s.indices(n)[:2]) for s, n in zip(box, truth.shape, strict=True))
    if any(s.start >= s.stop for s in box):
        return box
    reach = _reach(options, steps)
    rewritten = _grow(box, reach, truth.shape)
    _check_not_negative(truth[_grow(rewritten, reach, truth.shape)])
    _rewrite(weights, truth, annotated, options, rewritten, steps)
    return rewritten


def reach_px(options: WeightOptions = DEFAULTS) -> int:
    """How far from an object's edge it can change a weight, pixels."""
    return _reach(options, (1.0,))[0]


def _rewrite(
    weights: NDArray[np.float32],
    truth: Labels,
    annotated: Mask | None,
    options: WeightOptions,
    window: Box,
    steps: Steps,
) -> None:
    reach, edge = _reach(options, steps), TILE[truth.ndim]
    cuts = ([slice(i, min(i + edge, s.stop)) for i in range(s.start, s.stop, edge)] for s in window)
    for tile in product(*cuts):
        if annotated is not None and not annotated[tile].any():
            weights[tile] = 0
            continue
        read = _grow(tile, reach, truth.shape)
        core = tuple(
            slice(t.start - r.start, t.stop - r.start) for t, r in zip(tile, read, strict=True)
        )
        made = np.where(truth[tile] != 0, options.foreground, options.background)
        made += _border_weights(truth[read], core, options, steps)
        weights[tile] = made if annotated is None else made * annotated[tile]


def _border_weights(
    truth: Labels, core: Box, options: WeightOptions, steps: Steps
) -> NDArray[np.float32] | float:
    """Border weights inside `core`, a window of `truth`; what lies around it only has a reach."""
    labels = _consecutive(truth)
    boxes = find_objects(labels)
    if len(boxes) < 2 or options.w0 == 0:
        return 0.0
    reach = _reach(options, steps)
    nearest = np.full(labels.shape, np.inf, np.float32)  # squared distances
    second = nearest.copy()
    for number, box in enumerate(boxes, 1):
        # the object and what it reaches inside the core
        window = tuple(
            slice(max(b.start - r, min(b.start, c.start)), min(b.stop + r, max(b.stop, c.stop)))
            for b, c, r in zip(box, core, reach, strict=True)
        )
        squared = _squared_distance(labels[window] != number, steps)
        one, two = nearest[window], second[window]
        np.minimum(two, np.maximum(one, squared), out=two)
        np.minimum(one, squared, out=one)
    total = np.sqrt(nearest[core]) + np.sqrt(second[core])  # d1 + d2
    falloff = np.exp(-0.5 * (total / options.sigma) ** 2)
    return np.where(falloff >= TAIL, options.w0 * falloff, np.float32(0))


def _squared_distance(outside: Mask, steps: Steps) -> NDArray[np.float32]:
    # Indices suffice: offsets are exact in float32, and only the final minima need a root.
    nearest = distance_transform_edt(
        outside, sampling=steps, return_distances=False, return_indices=True
    )
    here = np.ogrid[tuple(slice(n) for n in outside.shape)]
    squared = np.zeros(outside.shape, np.float32)
    for found, own, step in zip(nearest, here, steps, strict=True):
        offset = (found.astype(np.float32) - own.astype(np.float32)) * step
        squared += offset * offset
    return squared


def _consecutive(truth: Labels) -> NDArray[np.int32]:
    """Labels 1..n: object 4 000 000 shall not make tables of that length."""
    inside = truth != 0
    numbers = truth[inside]
    labels = np.zeros(truth.shape, np.int32)
    labels[inside] = np.searchsorted(np.unique(numbers), numbers) + 1
    return labels


def _reach(options: WeightOptions, steps: Steps) -> tuple[int, ...]:
    radius = options.sigma * sqrt(-2 * log(TAIL))  # where the exponential is TAIL
    return tuple(int(radius / step) for step in steps)


def _grow(box: Box, by: Sequence[int], shape: Sequence[int]) -> Box:
    return tuple(
        slice(max(s.start - r, 0), min(s.stop + r, n))
        for s, r, n in zip(box, by, shape, strict=True)
    )


def _check_arrays(truth: Labels, annotated: Mask | None) -> None:
    if not np.issubdtype(truth.dtype, np.integer):
        raise ValueError(f"expected labels of an integer type, got {truth.dtype}")
    if annotated is not None and (annotated.shape != truth.shape or annotated.dtype != np.bool_):
        got = f"{annotated.dtype} of shape {annotated.shape}"
        raise ValueError(f"expected a bool `annotated` of shape {truth.shape}, got {got}")


def _check(truth: Labels, annotated: Mask | None, spacing: Sequence[float] | None) -> Steps:
    _check_arrays(truth, annotated)
    if truth.ndim not in TILE:
        raise ValueError(f"expected labels (Y, X) or (Z, Y, X), got shape {truth.shape}")
    steps = (1.0,) * truth.ndim if spacing is None else tuple(float(step) for step in spacing)
    if len(steps) != truth.ndim or not all(0 < step < inf for step in steps):
        raise ValueError(f"expected {truth.ndim} positive pixel sizes, got {steps}")
    return steps


def _check_not_negative(truth: Labels) -> None:
    if truth.size and (lowest := truth.min()) < 0:
        raise ValueError(f"expected labels >= 0, got {lowest}")
