"""Score a model on annotated images."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_touchup.core.metrics import score
from napari_touchup.engine.samples import Sample
from napari_touchup.engine.segment import predict
from napari_touchup.nn.checkpoint import Model
from napari_touchup.options import InstanceOptions, SegmentOptions

_SEGMENT = SegmentOptions()
_INSTANCES = InstanceOptions()
Labels = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class Scored:
    """One image is done."""

    done: int  # images so far, from 1
    total: int
    scores: Mapping[str, float]  # as `core.metrics.score` names them


def evaluate(
    model: Model,
    samples: Sequence[Sample],
    options: SegmentOptions = _SEGMENT,
    instances: InstanceOptions = _INSTANCES,
) -> Iterator[Scored]:
    """Segment whole images and compare the masks with the truth, where it counts.

    Parameters
    ----------
    model : with a read-out to objects
    samples : images with truth; where `annotated` is False neither truth nor masks count
    options, instances : how masks are made

    Yields
    ------
    Scored after each image.
    """
    for done, sample in enumerate(samples, 1):
        truth = np.asarray(sample.truth)
        masks: Labels = predict(model, sample.image, options, instances).masks
        if sample.annotated is not None:
            annotated = np.asarray(sample.annotated, bool)
            truth, masks = within(truth, annotated), within(masks, annotated)
        yield Scored(done, len(samples), score(truth, masks))


def mean_scores(scores: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Mean of each measure over images that have the same measures."""
    return {name: float(np.mean([each[name] for each in scores])) for name in scores[0]}


def within(labels: Labels, annotated: NDArray[np.bool_]) -> Labels:
    """Cut labels to what is annotated; objects that lie outside by more than half are left out.

    >>> within(np.array([1, 1, 2, 2, 2]), np.array([True, True, True, False, False])).tolist()
    [1, 1, 0, 0, 0]
    """
    numbers, flat = np.unique(labels, return_inverse=True)
    flat = flat.reshape(labels.shape)
    sizes = np.bincount(flat.ravel(), minlength=len(numbers))
    inside = np.bincount(flat[annotated], minlength=len(numbers))
    kept = np.where(2 * inside >= sizes, numbers, 0)
    return np.where(annotated, kept[flat], 0)
