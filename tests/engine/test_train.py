import math
import pickle
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch

from napari_touchup.core.pieces import parted
from napari_touchup.engine import train
from napari_touchup.engine.distributed import ALONE
from napari_touchup.engine.events import (
    DivergedError,
    Event,
    Fitted,
    Saved,
    Step,
    Validated,
    Weights,
)
from napari_touchup.engine.feed import Feed
from napari_touchup.engine.samples import Crops, Sample, SampleSet
from napari_touchup.engine.segment import Notice
from napari_touchup.engine.state import State, start
from napari_touchup.engine.train import fit, learning_rate, share_done
from napari_touchup.nn.build import build
from napari_touchup.nn.checkpoint import Model
from napari_touchup.nn.device import choose
from napari_touchup.nn.header import Header
from napari_touchup.options import AugmentOptions, ModelSpec, TrainOptions

QUICK = TrainOptions(
    steps=6, batch=2, crop=32, precision="float32", device="cpu", warmup=0.2, validate_every=100
)


def quick(**changes: object) -> TrainOptions:
    return QUICK.model_copy(update=changes)


def scene(seed: int = 0) -> Sample:
    """Squares of 8 pixels, some of which touch."""
    rng = np.random.default_rng(seed)
    truth = np.zeros((64, 64), np.int32)
    for number, (y, x) in enumerate([(4, 4), (4, 12), (24, 30), (40, 8), (44, 44), (52, 44)], 1):
        truth[y : y + 8, x : x + 8] = number
    return Sample((truth > 0)[None] + rng.normal(0, 0.1, (1, 64, 64)), truth)


def samples(seed: int = 0) -> SampleSet:
    return SampleSet([scene(seed)])


def model(**changes: object) -> Model:
    torch.manual_seed(0)
    spec = ModelSpec(base=4, depth=2).model_copy(update=changes)
    return Model(build(spec), Header(name="test", spec=spec, diameter_px=8))


def weights(events: Iterator[Event]) -> Weights:
    *_, last = events
    assert isinstance(last, Fitted)
    return last.weights


def same(one: Weights, other: Weights) -> bool:
    return all(np.array_equal(one[name], other[name]) for name in one | other)


def steps(events: Iterator[Event]) -> list[Step]:
    return [event for event in events if isinstance(event, Step)]


def test_the_events_of_a_run(tmp_path: Path) -> None:
    options = quick(validate_every=4, save_every=3)
    run = fit(model(), samples(), options, validation=samples(1), save=tmp_path / "run")
    events = list(run)
    names = "".join(type(event).__name__[0] for event in events)
    assert names == "NSSSSSSVSSSVSF"  # Step and Saved; Step, Scored and Validated
    assert isinstance(events[0], Notice)
    assert [s.step for s in steps(iter(events))] == [1, 2, 3, 4, 5, 6]
    assert steps(iter(events))[-1].progress == 1
    assert pickle.loads(pickle.dumps(events[1:-1])) == events[1:-1]


def test_saved_and_validated_come_at_their_steps(tmp_path: Path) -> None:
    options = quick(validate_every=4, save_every=3)
    run = fit(model(), samples(), options, validation=samples(1), save=tmp_path / "run")
    events = [e for e in run if isinstance(e, Validated | Saved)]
    assert [type(e) for e in events] == [Saved, Validated, Validated, Saved]
    assert 0 <= events[2].scores["ap50"] <= 1


def test_the_model_itself_stays_as_it_is() -> None:
    start = model()
    before = {name: tensor.clone() for name, tensor in start.module.state_dict().items()}
    after = weights(fit(start, samples(), QUICK))
    assert all(torch.equal(before[n], t) for n, t in start.module.state_dict().items())
    assert after.keys() == before.keys()
    assert not np.array_equal(after["head.weight"], before["head.weight"])


@pytest.mark.parametrize("spec", [{}, {"dropout": 0.3}, {"padding": "valid", "norm": "none"}])
def test_the_same_seed_gives_the_same_weights(spec: dict[str, object]) -> None:
    options = quick(crop=64)
    first = weights(fit(model(**spec), samples(), options))
    torch.rand(7)  # the caller's own randomness plays no part
    assert same(first, weights(fit(model(**spec), samples(), options)))
    other = weights(fit(model(**spec), samples(), quick(crop=64, seed=1)))
    assert not same(first, other)


def test_the_callers_randomness_is_left_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    run = fit(model(), samples(), quick(steps=1))
    torch.manual_seed(3)
    list(run)
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
@pytest.mark.parametrize("stop", [1, 4])
def test_a_resumed_run_ends_bit_equal(tmp_path: Path, optimizer: str, stop: int) -> None:
    options = quick(optimizer=optimizer)
    whole = weights(fit(model(dropout=0.2), samples(), options))
    path = tmp_path / "run"
    with closing(fit(model(dropout=0.2), samples(), options, save=path)) as run:
        for event in run:
            if isinstance(event, Step) and event.step == stop:
                break
    rest = fit(model(dropout=0.2), samples(), options, resume=path)
    events = list(rest)
    assert [s.step for s in steps(iter(events))] == list(range(stop + 1, 7))
    assert same(whole, weights(iter(events)))


@pytest.mark.parametrize("stop", [1, 4])
def test_a_resumed_run_replays_the_same_crops(tmp_path: Path, stop: int) -> None:
    options, path = quick(batch=4, replay=0.75, replay_end=0.0), tmp_path / "run"
    replay = (samples(1), samples(2))
    whole = weights(fit(model(), samples(), options, replay=replay))
    asked = iter(range(1, 7))
    broken_off = fit(
        model(), samples(), options, replay=replay, save=path, stop=lambda: next(asked) == stop
    )
    list(broken_off)
    rest = fit(model(), samples(), options, replay=replay, resume=path)
    assert same(whole, weights(rest))
    steady = fit(model(), samples(), quick(batch=4, replay=0.75), replay=replay)
    assert not same(whole, weights(steady))


def test_a_closed_run_stops_within_its_step() -> None:
    run = fit(model(), samples(), quick(steps=10**6))
    seen = [next(run) for _ in range(3)]
    run.close()
    assert [type(event) for event in seen] == [Notice, Step, Step]
    assert list(run) == []


@pytest.mark.parametrize("validation", [None, samples(1)])
def test_a_run_that_is_told_to_stop_ends_as_any_other(validation: SampleSet | None) -> None:
    asked = iter([False, True, True])  # after each step; after the first image, if there is one
    options = quick(validate_every=1) if validation else QUICK
    events = list(fit(model(), samples(), options, validation=validation, stop=lambda: next(asked)))
    assert [s.step for s in steps(iter(events))] == [1, 2]
    assert isinstance(events[-1], Fitted)
    assert events[-1].steps == 2
    assert not any(isinstance(event, Validated) for event in events)


def test_it_stops_after_the_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10**6, 6))  # every look at it takes six seconds
    monkeypatch.setattr(train.time, "monotonic", lambda: next(clock))
    run = steps(fit(model(), samples(), quick(steps=None, minutes=0.5)))
    assert [s.seconds for s in run] == [6, 12, 18, 24, 30]
    assert [s.progress for s in run] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1])


def test_a_loss_that_is_no_number_keeps_the_last_good_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = quick(save_every=1)
    real, path = train.learn, tmp_path / "run"

    def failing(state: State, *rest: object) -> train.Parts:
        names, losses = real(state, *rest)  # type: ignore[arg-type]
        return names, losses * math.nan if state.step == 2 else losses

    expected = weights(fit(model(), samples(), options))
    monkeypatch.setattr(train, "learn", failing)
    with pytest.raises(DivergedError, match="not a number after 2 steps") as caught:
        list(fit(model(), samples(), options, save=path))
    assert all(np.isfinite(w).all() for w in caught.value.weights.values())
    monkeypatch.undo()
    assert same(expected, weights(fit(model(), samples(), options, resume=path)))


def test_diverged_errors_travel() -> None:
    error = pickle.loads(pickle.dumps(DivergedError("no", {"a": np.ones(2)})))
    assert str(error) == "no"
    assert error.weights["a"].tolist() == [1, 1]


def test_out_of_memory_halves_the_batch_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    real, sizes = train.learn, []

    def small_device(state: State, feed: Feed, crops: Crops, *rest: object) -> train.Parts:
        sizes.append(len(crops.image))
        if sizes[-1] > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(state, feed, crops, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(train, "learn", small_device)
    events = list(fit(model(), samples(), quick(batch=12, steps=2)))
    assert sizes == [12, 6, 3, 3]
    notices = [event.text for event in events if isinstance(event, Notice)]
    assert notices[1:] == [
        "Out of memory: 6 crops in a step from here on",
        "Out of memory: 3 crops in a step from here on",
    ]


def test_one_crop_that_does_not_fit_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> train.Parts:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(train, "learn", full)
    with pytest.raises(torch.OutOfMemoryError):
        list(fit(model(), samples(), QUICK))


@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_norms_keep_their_statistics_and_learn_their_scale(frozen: bool) -> None:
    start = model()
    before = {name: tensor.numpy().copy() for name, tensor in start.module.state_dict().items()}
    after = weights(fit(start, samples(), quick(freeze_norm=frozen)))
    moved = {name for name in before if not np.array_equal(before[name], after[name])}
    statistics = {name for name in before if "running" in name or "batches" in name}
    assert moved >= before.keys() - statistics
    assert moved.isdisjoint(statistics) if frozen else moved >= statistics


def test_a_valid_network_learns_from_the_middle() -> None:
    valid = model(padding="valid", norm="none")
    assert len(steps(fit(valid, samples(), quick(crop=64, steps=2)))) == 2


def test_a_small_network_learns_one_image_by_heart() -> None:
    options = quick(steps=150, batch=4, crop=64, rate=1e-2, ema=0.9, augment=AugmentOptions.none())
    run = steps(fit(model(base=8), samples(), options))
    assert run[0].loss > 1.5
    assert run[-1].loss < 0.35


@pytest.mark.parametrize(
    ("step", "seconds", "limits", "expected"),
    [
        (5, 0, (10, None), 0.5),
        (5, 30, (None, 1), 0.5),
        (5, 45, (10, 1), 0.75),
        (9, 6, (10, 1), 0.9),
        (20, 0, (10, None), 1),
    ],
)
def test_progress_is_towards_what_comes_first(
    step: int, seconds: float, limits: tuple[int | None, float | None], expected: float
) -> None:
    module = torch.nn.Identity()
    state = State(module, module, None, 1, step, seconds)  # type: ignore[arg-type]
    options = quick(steps=limits[0], minutes=limits[1])
    assert share_done(state, options) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("progress", "expected"), [(0, 0.04), (0.1, 0.52), (0.2, 1), (0.6, 0.5), (1, 0)]
)
def test_the_rate_rises_and_falls(progress: float, expected: float) -> None:
    assert learning_rate(progress, quick(rate=1.0)) == pytest.approx(expected)


class Finder(torch.nn.Module):
    """A network that is shown objects while it learns, and makes its own losses of them."""

    stride, halo, mirror = 1, (0, 0), (0, 0)

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen: list[torch.Tensor] = []

    def input_size(self, n: int) -> int:
        return n

    output_size = input_size

    def forward(
        self, x: torch.Tensor, objects: torch.Tensor, annotated: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        self.seen += [x, objects, annotated]
        away = (self.weight - 1) ** 2
        return {"class": away, "box": 2 * away}


def test_annotated_objects_reach_a_network_that_finds_them() -> None:
    spec, one, marks = ModelSpec(output="instances"), scene(), np.ones((64, 64), bool)
    marks[:, 40:] = False
    options = quick(crop=64, augment=AugmentOptions.none())
    marked = SampleSet([Sample(one.image, one.truth, marks)])
    feed = Feed(marked, (), options, Finder(), spec)
    state, crops = start(Finder(), options, "cpu"), feed.draw(0, 2)
    loss = ALONE.loss("instances")
    names, numbers = train.learn(state, feed, crops, loss, choose("cpu", "float32"))
    assert names == ("total", "class", "box", "gradient")
    assert numbers.tolist() == [3, 1, 2, 6]
    image, objects, annotated = cast("Finder", state.module).seen
    assert image.shape == (2, 1, 64, 64)
    expected = np.stack([parted(one.truth)] * 2)  # touching squares stay apart
    assert np.array_equal(objects.numpy() * marks, expected * marks)
    assert np.array_equal(annotated.numpy(), np.stack([marks] * 2))


def test_the_parts_of_its_loss_are_told() -> None:
    spec = ModelSpec(output="instances")
    finder = Model(Finder(), Header(name="test", spec=spec, diameter_px=8))
    run = fit(finder, samples(), quick(rate=0.5, ema=0))
    first, *_, last = steps(run)
    assert first.parts == {"total": 3, "class": 1, "box": 2, "gradient": 6}
    assert last.loss < 1
