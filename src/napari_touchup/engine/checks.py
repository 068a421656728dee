"""Held-out objects, and old skill, with the current model and with a candidate.

None of these numbers may choose a step, a threshold or a share of replay: they would be worth
nothing afterwards.
"""

from collections.abc import Generator, Sequence

import numpy as np
from numpy.typing import NDArray

from napari_touchup.core.normalize import affine
from napari_touchup.core.scores import Pair, Scores, best_iou
from napari_touchup.engine.lessons import Check, Checked
from napari_touchup.engine.rescale import normalized, resize, scaled_shape
from napari_touchup.engine.runner import Runner, prepare
from napari_touchup.engine.samples import Sample
from napari_touchup.engine.segment import make_masks, predict
from napari_touchup.engine.skill import BATCH, ap50, match_counts
from napari_touchup.engine.whole import centred, padded
from napari_touchup.nn.checkpoint import Model
from napari_touchup.options import InstanceOptions, SegmentOptions

WHOLE_PX = 1024  # longest edge that is run in one pass


def score_checks(
    before: Model,
    after: Model,
    checks: Sequence[Check],
    options: SegmentOptions,
    instances: InstanceOptions,
) -> Generator[Pair]:
    """Yield the IoU of one held-out object after the other, with both models."""
    for check in checks:
        pair = [
            best_iou(check.mask, masks_around(model, check, options, instances))
            for model in (before, after)
        ]
        yield Pair(*pair)


def collect(checks: Sequence[Check], pairs: Sequence[Pair], old_skill: Pair | None) -> Scores:
    """Sort scores by what they are scores of."""
    rows = list(zip(checks, pairs, strict=True))

    def of(origin: str) -> tuple[Pair, ...]:
        return tuple(p for check, p in rows if check.origin == origin and not check.deleted)

    return Scores(
        corrected=of("corrected"),
        confirmed=of("confirmed"),
        deleted=tuple(pair for check, pair in rows if check.deleted),
        images=max(1, len({check.source for check in checks})),
        old_skill=old_skill,
    )


def score_skill(
    model: Model, crops: Sequence[Sample], options: SegmentOptions, done: int, total: int
) -> Generator[Checked, None, float]:
    """Return AP50 on crops that are never replayed; tell how many of all checks are done."""
    counts = []
    for number, count in enumerate(match_counts(model, crops, options), 1):
        counts.append(count)
        yield Checked(done + min(number * BATCH, len(crops)), total)
    return ap50(counts)


def masks_around(
    model: Model, check: Check, options: SegmentOptions, instances: InstanceOptions
) -> NDArray[np.unsignedinteger]:
    """Masks (y, x) of a check's cut.

    The cut brings its context with it, so the halo that `segment` adds would only be three
    quarters of the work.
    """
    output, size = model.header.spec.output, (check.mask.shape[0], check.mask.shape[1])
    shape = scaled_shape(size, model.header.diameter_px, options.diameter)
    if max(shape) > WHOLE_PX:
        return predict(model, check.image, options, instances, limits=check.limits).masks
    light = normalized(check.image, *affine(check.limits))
    same = shape == size
    maps = _one_pass(prepare(model, options), light if same else resize(light, shape))
    return make_masks(maps if same else resize(maps, size), output, instances)


def _one_pass(runner: Runner, image: NDArray[np.float32]) -> NDArray[np.float32]:
    channels = len(image)
    landing = runner.launch([padded(image, runner.geometry)], np.ones(channels), np.zeros(channels))
    maps: NDArray[np.float32] = centred(landing.wait()[0], (image.shape[1], image.shape[2]))
    return maps
