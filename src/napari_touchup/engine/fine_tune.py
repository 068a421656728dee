"""Teach a model what a person mended, and measure on other objects whether that was any good."""

import time
from collections.abc import Generator, Sequence
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_touchup.core.normalize import affine
from napari_touchup.core.scores import Pair, Scores
from napari_touchup.engine import events
from napari_touchup.engine.checks import collect, score_checks, score_skill
from napari_touchup.engine.lessons import (
    Candidate,
    Checked,
    Event,
    FineTuneRequest,
    Learned,
    Lesson,
    Placed,
    Preview,
    Told,
    View,
)
from napari_touchup.engine.replay import Replay, fits, load_replay
from napari_touchup.engine.rescale import normalized, resize, scaled_shape
from napari_touchup.engine.samples import Sample, SampleSet
from napari_touchup.engine.segment import Notice, Prediction, predict
from napari_touchup.engine.state import with_weights
from napari_touchup.engine.teachable import check_teachable
from napari_touchup.engine.train import fit
from napari_touchup.nn.build import pruned
from napari_touchup.nn.checkpoint import Model, load, save
from napari_touchup.nn.header import Header, content_hash
from napari_touchup.options import SegmentOptions

# Old skill of models that were candidates' rivals before; it depends on nothing else.
_OLD_SKILL: dict[tuple[str, int, SegmentOptions], float] = {}


def fine_tune(request: FineTuneRequest) -> Generator[Event]:
    """Train a copy of the base on all lessons, score it, and save it as a candidate.

    All levels of a network learn; scores and masks are of the one that a person segments with.

    Yields
    ------
    Placed, Told, Learned after each step, Preview; then Checked; Candidate at the end. Closing the
    generator stops it within one step or one check; then there is no file.

    Raises
    ------
    DivergedError
        If the loss is not a number.
    ValueError
        If the model cannot be fine-tuned, there is no lesson, lessons and model do not fit each
        other, or the model has no such level.
    ModelFileError
        If base or current is no model that can be used.
    """
    base = load(request.base)
    check_teachable(base.header.spec)
    pruned(base.header.spec, request.segment.prune)  # now, and not when all is learned
    bank = load_replay() if fits(base.header.spec) else None
    fitted = yield from _train(request, base, bank)
    learned = with_weights(base, fitted.weights)
    scores = yield from _score(request, learned, bank)
    seen = None if request.frame is None else _look(learned, request.frame, request)
    header = _header(request, base.header, fitted, scores)
    save(request.out, learned.module, header)
    maps, masks = (None, None) if seen is None else (np.asarray(seen.maps, np.float16), seen.masks)
    yield Candidate(request.out, scores, maps, masks)


def sample_of(lesson: Lesson, trained: float, diameter: float | None) -> Sample:
    """Make of a lesson what training draws from, at the size at which the network sees it.

    A frame that teaches more objects is drawn more often, so that all objects count the same.
    """
    chance, size = float(max(1, lesson.objects)), lesson.truth.shape
    shape = scaled_shape((size[0], size[1]), trained, diameter)
    if shape == size:
        return Sample(lesson.image, lesson.truth, lesson.annotated, chance, lesson.limits)
    light = resize(normalized(lesson.image, *affine(lesson.limits)), shape)
    nearest = np.ix_(*(_nearest(old, new) for old, new in zip(size, shape, strict=True)))
    ready = np.tile([0.0, 1.0], (len(light), 1))
    return Sample(light, lesson.truth[nearest], lesson.annotated[nearest], chance, ready)


def _nearest(old: int, new: int) -> NDArray[np.int64]:
    centres = (np.arange(new) + 0.5) * old / new
    return np.minimum(centres.astype(np.int64), old - 1)


def _train(
    request: FineTuneRequest, base: Model, bank: Replay | None
) -> Generator[Event, None, events.Fitted]:
    """Learn the lessons; the whole batch is theirs where the bank does not fit the model."""
    diameter, header = request.segment.diameter, base.header
    lessons = [sample_of(lesson, header.diameter_px, diameter) for lesson in request.lessons]
    options, live = request.options, list[Model]()
    wanted = max(options.replay, options.replay_end or 0.0) > 0
    if wanted and bank is None:
        options = options.model_copy(update={"replay": 0.0, "replay_end": None})
        yield Told("No replay: the bundled images are of another kind than this model's")
    replay = (_set(bank.replayed, request, header),) if wanted and bank is not None else ()
    shown, placed = time.monotonic(), False
    samples = _set(lessons, request, header)
    for event in fit(base, samples, options, replay=replay, watch=live.append):
        match event:
            case Notice(text):
                yield Told(text) if placed else Placed(text)  # the first one names the device
                placed = True
            case events.Step():
                yield _learned(event)
                if request.preview and time.monotonic() - shown >= request.preview_every:
                    seen = _look(live[0], request.preview, request)
                    yield Preview(event.step, np.asarray(seen.maps, np.float16), seen.masks)
                    shown = time.monotonic()
            case events.Fitted():
                return event
    raise RuntimeError("expected fit() to end with Fitted")


def _set(samples: Sequence[Sample], request: FineTuneRequest, header: Header) -> SampleSet:
    # without class weights p stays calibrated: masks end where the threshold says
    return SampleSet(samples, request.weights, balance=False, normalize=header.normalize)


def _learned(step: events.Step) -> Learned:
    left = step.seconds * (1 - step.progress) / step.progress if step.progress else 0.0
    return Learned(step.step, step.progress, step.loss, step.seconds, left)


def _score(
    request: FineTuneRequest, learned: Model, bank: Replay | None
) -> Generator[Event, None, Scores]:
    current, how = load(request.current), request.segment
    crops = _spread(bank.old_skill, request.skill_crops) if bank is not None else []
    total, pairs = len(request.checks) + len(crops), []
    for pair in score_checks(current, learned, request.checks, how, request.instances):
        pairs.append(pair)
        yield Checked(len(pairs), total)
    skill = None
    if crops:
        how = SegmentOptions(device=how.device, precision=how.precision, prune=how.prune)
        key = content_hash(request.current), len(crops), how
        if key not in _OLD_SKILL:
            _OLD_SKILL[key] = yield from score_skill(current, crops, how, len(pairs), total)
        after = yield from score_skill(learned, crops, how, len(pairs), total)
        skill = Pair(_OLD_SKILL[key], after)
    return collect(request.checks, pairs, skill)


def _spread(crops: Sequence[Sample], count: int) -> list[Sample]:
    """At most so many of them, evenly spread: they are sorted by kind."""
    if count == 0:
        return []
    places = np.linspace(0, len(crops) - 1, min(count, len(crops))).round().astype(int)
    return [crops[place] for place in places]


def _look(model: Model, view: View, request: FineTuneRequest) -> Prediction:
    return predict(model, view.image, request.segment, request.instances, limits=view.limits)


def _header(
    request: FineTuneRequest, base: Header, fitted: events.Fitted, scores: Scores
) -> Header:
    """Write what the candidate's file says: numbers and options, no pixels and no paths."""
    amounts = {
        "frames": len(request.lessons),
        "objects": sum(lesson.objects for lesson in request.lessons),
        "held_out": len(request.checks),
        "steps_done": fitted.steps,
        "seconds": round(fitted.seconds),
    }
    lineage = {
        "parent": content_hash(request.base),
        "data": _digest(request.lessons),
        "scores": scores.as_json(),
    }
    about: dict[str, Any] = {
        "name": request.name,
        "training": amounts | request.options.model_dump(mode="json"),
        "lineage": lineage,
        "channels": base.channels if request.channels is None else request.channels,
    }
    return Header.model_validate(base.model_dump(exclude={"version"}) | about)


def _digest(lessons: Sequence[Lesson]) -> str:
    """One number for the same lessons."""
    found = sha256()
    for lesson in lessons:
        for array in (lesson.image, lesson.truth, lesson.annotated, lesson.limits):
            found.update(f"{array.shape} {array.dtype.str}".encode())
            found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()
