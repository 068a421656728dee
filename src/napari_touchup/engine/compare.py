"""Networks of different shapes, trained for the same time on the same images, then judged alike."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from napari_touchup.core.metrics import score
from napari_touchup.engine.evaluate import Scored, mean_scores
from napari_touchup.engine.events import DivergedError, Fitted, Step
from napari_touchup.engine.samples import Sample, SampleSet
from napari_touchup.engine.segment import Notice, predict
from napari_touchup.engine.state import with_weights
from napari_touchup.engine.train import fit
from napari_touchup.nn.build import build
from napari_touchup.nn.checkpoint import Model
from napari_touchup.nn.cost import flop_per_pixel, parameters
from napari_touchup.nn.header import Header
from napari_touchup.options import ModelSpec, SegmentOptions, TrainOptions


@dataclass(frozen=True)
class Contestant:
    name: str  # as it was asked for
    spec: ModelSpec


@dataclass(frozen=True)
class Began:
    """The next contestant is trained."""

    name: str
    number: int  # from 1
    total: int


@dataclass(frozen=True)
class Result:
    """One row of the comparison.

    Attributes
    ----------
    name : of the contestant
    scores : of `core.metrics.score`, each the mean over the held-out images
    parameters : learned values
    flop : operations for one pixel of the output
    speed : pixels of the held-out images that are segmented in a second, masks included
    steps, seconds : of training
    failure : why its training ended too early; ""
    """

    name: str
    scores: dict[str, float]
    parameters: int
    flop: float
    speed: float
    steps: int
    seconds: float
    failure: str = ""


@dataclass(frozen=True, eq=False)
class Judged:
    """A contestant is done.

    Attributes
    ----------
    result : its row
    model : what it became
    masks : (Y, X) labels of some held-out images, by their numbers
    """

    result: Result
    model: Model
    masks: Mapping[int, NDArray[np.integer]]


Event = Began | Step | Notice | Scored | Judged


def compare(
    contestants: Sequence[Contestant],
    samples: SampleSet,
    held_out: Sequence[Sample],
    options: TrainOptions,
    diameter_px: float,
    shown: int = 4,
) -> Generator[Event]:
    """Train each contestant from nothing with the same options, then score it.

    Parameters
    ----------
    contestants : the networks
    samples : what all of them learn; crops of step n are the same for all
    held_out : whole images that are only scored
    options : how each is trained; where `minutes` ends it, all have the same time
    diameter_px : median of the objects of `samples`
    shown : of so many held-out images, spread evenly, the masks are kept

    Yields
    ------
    For each contestant Began, the events of its training, Scored for each held-out image, Judged.
    """
    for number, contestant in enumerate(contestants, 1):
        yield Began(contestant.name, number, len(contestants))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(options.seed)
            module = build(contestant.spec)
        header = Header(name=contestant.name, spec=contestant.spec, diameter_px=diameter_px)
        learned = yield from _train(Model(module, header), samples, options)
        verdict = yield from _judge(learned.model, held_out, options, shown)
        result = Result(
            name=contestant.name,
            scores=verdict.scores,
            parameters=parameters(module),
            flop=flop_per_pixel(contestant.spec),
            speed=verdict.speed,
            steps=learned.steps,
            seconds=learned.seconds,
            failure=learned.failure,
        )
        yield Judged(result, learned.model, verdict.masks)


@dataclass(frozen=True, eq=False)
class _Learned:
    model: Model
    steps: int
    seconds: float
    failure: str


@dataclass(frozen=True, eq=False)
class _Verdict:
    scores: dict[str, float]
    speed: float
    masks: Mapping[int, NDArray[np.integer]]


def _train(
    model: Model, samples: SampleSet, options: TrainOptions
) -> Generator[Step | Notice, None, _Learned]:
    """Train it; one that diverges is judged by its last good weights."""
    weights, steps, seconds, failure = None, 0, 0.0, ""
    try:
        for event in fit(model, samples, options):
            match event:
                case Step():
                    steps, seconds = event.step, event.seconds
                    yield event
                case Notice():
                    yield event
                case Fitted():
                    weights = event.weights
    except DivergedError as error:
        weights, failure = error.weights, str(error)
        yield Notice(f"{model.header.name}: {failure}")
    learned = model if weights is None else with_weights(model, weights)
    return _Learned(learned, steps, seconds, failure)


def _judge(
    model: Model, held_out: Sequence[Sample], options: TrainOptions, shown: int
) -> Generator[Scored, None, _Verdict]:
    how = SegmentOptions(device=options.device, precision=options.precision)
    # the first pass makes the network ready, which is no part of its speed
    predict(model, held_out[0].image, how)
    scores, pixels, seconds, kept = [], 0, 0.0, {}
    spread = {round(i * (len(held_out) - 1) / max(shown - 1, 1)) for i in range(shown)}
    for number, sample in enumerate(held_out):
        prediction = predict(model, sample.image, how)
        truth = np.asarray(sample.truth)
        scores.append(score(truth, prediction.masks))
        pixels += truth.size
        seconds += prediction.seconds
        if number in spread:
            kept[number] = prediction.masks
        yield Scored(number + 1, len(held_out), scores[-1])
    return _Verdict(mean_scores(scores), pixels / seconds, kept)
