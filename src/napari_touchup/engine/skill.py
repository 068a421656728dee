"""How well a model does on crops that it never learns from: its old skill."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from napari_touchup.core.metrics import match
from napari_touchup.core.normalize import affine, limits
from napari_touchup.core.overlap import overlap
from napari_touchup.core.tiling import Geometry
from napari_touchup.engine.rescale import normalized
from napari_touchup.engine.runner import prepare
from napari_touchup.engine.samples import Sample
from napari_touchup.engine.segment import make_masks
from napari_touchup.engine.whole import centred, padded
from napari_touchup.nn.checkpoint import Model
from napari_touchup.options import NormalizeOptions, SegmentOptions

BATCH = 8  # crops at once

_SEGMENT = SegmentOptions()


def pooled_ap50(model: Model, crops: Sequence[Sample], options: SegmentOptions = _SEGMENT) -> float:
    """Score the masks of small crops.

    They are run as training runs them, without the halo that `segment` adds: of a crop of 160
    pixels that is four fifths of all the work.

    Parameters
    ----------
    model : with a read-out to objects
    crops : squares of equal size, annotated everywhere
    options : device and precision

    Returns
    -------
    float
        TP / (TP + FP + FN) at IoU 0.5, the counts summed over the crops; 1 without any object
    """
    return ap50(match_counts(model, crops, options))


def match_counts(
    model: Model, crops: Sequence[Sample], options: SegmentOptions = _SEGMENT
) -> Iterator[tuple[int, int]]:
    """Yield TP and TP + FP + FN of one batch of crops after the other."""
    header, runner = model.header, prepare(model, options)
    ones, zeros = np.ones(header.spec.in_channels), np.zeros(header.spec.in_channels)
    for start in range(0, len(crops), BATCH):
        batch = crops[start : start + BATCH]
        inputs = [network_input(crop, header.normalize, runner.geometry) for crop in batch]
        maps = runner.launch(inputs, ones, zeros).wait()
        matched = counted = 0
        for crop, own in zip(batch, maps, strict=True):
            masks = make_masks(centred(own, crop.truth.shape), header.spec.output)
            found = match(overlap(np.asarray(crop.truth), masks), 0.5)
            matched += found.tp
            counted += found.tp + found.fp + found.fn
        yield matched, counted


def ap50(counts: Iterable[tuple[int, int]]) -> float:
    """Pool what `match_counts` gives.

    >>> ap50([(1, 2), (2, 2)]), ap50([(0, 0)])
    (0.75, 1.0)
    """
    matched, counted = (sum(column) for column in zip(*counts, strict=True))
    return matched / counted if counted else 1.0


def network_input(
    crop: Sample, normalize: NormalizeOptions, geometry: Geometry
) -> NDArray[np.float32]:
    """Normalise a crop (C, n, n) and mirror it to a size whose output covers all of it."""
    image = np.asarray(crop.image)
    return padded(normalized(image, *affine(limits(image, normalize))), geometry)
