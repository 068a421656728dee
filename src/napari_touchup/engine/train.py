"""Train a network on annotated crops: one loop, for notebook, command line and worker alike."""

import math
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from napari_touchup.engine.distributed import ALONE, Team
from napari_touchup.engine.evaluate import Scored, evaluate, mean_scores
from napari_touchup.engine.events import DivergedError, Event, Fitted, Saved, Step, Validated
from napari_touchup.engine.feed import Batch, Feed, torch_seed
from napari_touchup.engine.memory import is_out_of_memory
from napari_touchup.engine.samples import SampleSet
from napari_touchup.engine.segment import Notice
from napari_touchup.engine.state import (
    State,
    advance,
    load_state,
    save_state,
    start,
    train_mode,
    weights_of,
)
from napari_touchup.nn.checkpoint import Model
from napari_touchup.nn.device import Device, choose
from napari_touchup.nn.loss import Loss, mean_loss, shown
from napari_touchup.options import SegmentOptions, TrainOptions

FIRST_RATE = 0.04  # of the peak, at the first step; the one-cycle habit

# names and values of the loss, its parts and the norm of the gradient; still on the device
Parts = tuple[tuple[str, ...], Tensor]


def fit(
    model: Model,
    samples: SampleSet,
    options: TrainOptions | None = None,
    *,
    replay: Sequence[SampleSet] = (),
    validation: SampleSet | None = None,
    save: Path | None = None,
    resume: Path | None = None,
    stop: Callable[[], bool] = lambda: False,
    watch: Callable[[Model], None] = lambda model: None,
    team: Team = ALONE,
) -> Generator[Event]:
    """Train a copy of a model; the model itself stays as it is.

    Parameters
    ----------
    model : where training begins
    samples : what it learns
    options : how; the same options, seed and samples give the same weights on a CPU
    replay : other sets, of which a share of every batch is drawn (`options.replay`)
    validation : whole images that are scored every `options.validate_every` steps
    save : file of the running state, written every `options.save_every` steps, at the end, and
        when the generator is closed
    resume : such a file; the run goes on as if it had not stopped
    stop : asked after every step; True ends the run there, with Fitted as at any end
    watch : is given, before the first step, the network whose weights are the running average; it
        may be run between any two events
    team : processes that share every batch; only the first one scores and saves

    Yields
    ------
    Step after each step; Notice, Scored and Validated, Saved in between; Fitted at the end. Closing
    the generator stops the run within one step or one validation image.

    Raises
    ------
    DivergedError
        If the loss or its gradient is not finite; it carries the last good weights.
    ValueError
        If samples, replay sets and model do not fit each other.
    """
    options = options or TrainOptions()
    device = choose(options.device, options.precision)
    state = start(model.module, options, device.name)
    if resume is not None:
        load_state(resume, state)
    state.network, loss = team.wrap(state.module), team.loss(model.header.spec.output)
    feed = Feed(samples, tuple(replay), options, state.module, model.header.spec, team)
    save, validation = (save, validation) if team.leads else (None, None)
    watch(Model(state.average, model.header))
    yield Notice(device.reason)
    begun, stopped = time.monotonic() - state.seconds, 0.0
    try:
        crops = feed.draw(state.step, state.batch, share_done(state, options))
        while share_done(state, options) < 1 and not stopped:
            rate = learning_rate(share_done(state, options), options)
            losses = attempt(state, feed, crops, loss, device)
            if losses is None:
                yield halve(state)
                crops = feed.draw(state.step, state.batch, share_done(state, options))
                continue
            ahead = share_done(state, options, ahead=1)
            crops = feed.draw(state.step + 1, state.batch, ahead)  # while a GPU still computes
            parts = read_out(losses, state)
            advance(state, rate, options.ema)
            state.seconds, stopped = team.agree(time.monotonic() - begun, stop())
            yield step_event(state, options, parts, rate, feed.take_seconds())
            if validation and not stopped and due(state, options, options.validate_every):
                averaged = Model(state.average, model.header)
                yield from validate(averaged, validation, state, options, stop)
            if save is not None and due(state, options, options.save_every):
                save_state(save, state)
                yield Saved(save)
        yield Fitted(weights_of(state), state.step, state.seconds)
    finally:
        if save is not None and state.saved != state.step and not state.broken:
            save_state(save, state)


def attempt(state: State, feed: Feed, crops: Batch, loss: Loss, device: Device) -> Parts | None:
    """Put the gradients of one batch in place; None where memory ran out."""
    try:
        return learn(state, feed, crops, loss, device)
    except (RuntimeError, MemoryError) as error:
        # the others of a team would wait for ever for one that halves its batch
        if not is_out_of_memory(error) or state.batch == 1 or feed.team.size > 1:
            raise
        state.optimizer.zero_grad()
        return None


def learn(state: State, feed: Feed, crops: Batch, loss: Loss, device: Device) -> Parts:
    """One forward and backward pass."""
    on = torch.device(device.name)
    image, targets = feed.vary(crops, state.step, state.batch, on)
    train_mode(state.module, feed.options.freeze_norm)
    state.optimizer.zero_grad()
    with torch.random.fork_rng([on] if on.type == "cuda" else []):
        torch.manual_seed(torch_seed(feed.options.seed, state.step) + feed.team.rank)  # dropout
        with torch.autocast(on.type, device.dtype, enabled=device.dtype == torch.bfloat16):
            image = image.contiguous(memory_format=torch.channels_last)
            raw = state.network(image, *shown(feed.spec.output, targets))
    losses = mean_loss(loss, raw, targets)
    losses.total.backward()  # type: ignore[no-untyped-call]
    norm = nn.utils.clip_grad_norm_(state.module.parameters(), feed.options.clip)
    parts = {"total": losses.total, **losses.parts, "gradient": norm}
    numbers = feed.team.mean(torch.stack([part.detach().float() for part in parts.values()]))
    return tuple(parts), numbers


def read_out(losses: Parts, state: State) -> dict[str, float]:
    """Losses by name; the one place of a step that waits for a GPU."""
    names, numbers = losses
    parts = dict(zip(names, numbers.tolist(), strict=True))
    if not all(math.isfinite(value) for value in parts.values()):
        state.broken = True
        raise DivergedError(
            f"the loss is not a number after {state.step} steps; the weights before it are kept. "
            "A smaller learning rate may help",
            weights_of(state),
        )
    return parts


def validate(
    model: Model,
    samples: SampleSet,
    state: State,
    options: TrainOptions,
    stop: Callable[[], bool],
) -> Iterator[Scored | Validated]:
    """Score the averaged weights on whole images; without a result where it is stopped."""
    how = SegmentOptions(device=options.device, precision=options.precision)
    scores = []
    for event in evaluate(model, samples.samples, how):
        scores.append(event.scores)
        yield event
        if stop():
            return
    yield Validated(state.step, mean_scores(scores))


def halve(state: State) -> Notice:
    """Go on with half of the crops."""
    state.batch //= 2
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return Notice(f"Out of memory: {state.batch} crops in a step from here on")


def share_done(state: State, options: TrainOptions, ahead: int = 0) -> float:
    """Progress, after `ahead` more steps, towards what comes first: the last step or minute."""
    by_steps = (state.step + ahead) / options.steps if options.steps else 0.0
    by_time = state.seconds / (60 * options.minutes) if options.minutes else 0.0
    return min(1.0, max(by_steps, by_time))


def learning_rate(progress: float, options: TrainOptions) -> float:
    """Linear warm-up, then half a cosine down to 0 (AdamW and SGD alike)."""
    if progress < options.warmup:
        return options.rate * (FIRST_RATE + (1 - FIRST_RATE) * progress / options.warmup)
    falling = (progress - options.warmup) / max(1 - options.warmup, 1e-9)
    return options.rate * 0.5 * (1 + math.cos(math.pi * falling))


def due(state: State, options: TrainOptions, every: int) -> bool:
    return state.step % every == 0 or share_done(state, options) >= 1


def step_event(
    state: State, options: TrainOptions, parts: dict[str, float], rate: float, data: float
) -> Step:
    done = share_done(state, options)
    return Step(state.step, done, parts["total"], parts, rate, state.seconds, data)
