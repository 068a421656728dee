"""A training run as `touchup train` shows it, ends it and saves what comes of it."""

import json
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import torch
import typer
from torch import nn

from napari_touchup.cli.console import UsageError, say
from napari_touchup.cli.course import Display, display
from napari_touchup.engine.distributed import Team, team
from napari_touchup.engine.events import DivergedError, Fitted, Step, Validated, Weights
from napari_touchup.engine.replay import fits, load_replay
from napari_touchup.engine.samples import SampleSet
from napari_touchup.engine.segment import Notice
from napari_touchup.engine.skill import pooled_ap50
from napari_touchup.engine.state import with_weights
from napari_touchup.engine.train import fit
from napari_touchup.io.curves import SHOWN, Curves, plot
from napari_touchup.io.training import TrainingData
from napari_touchup.nn.build import build
from napari_touchup.nn.checkpoint import Model, load, save
from napari_touchup.nn.device import choose
from napari_touchup.nn.header import Header, content_hash
from napari_touchup.nn.pretrained import load_encoder
from napari_touchup.nn.transfer import transfer
from napari_touchup.options import ModelSpec, SegmentOptions, TrainOptions

STOPPED = 130  # exit code after Ctrl-C, as shells have it
REPEATS = 3  # Ctrl-C as often ends without saving; torchrun passes one on as a second one
RECENT = 20  # steps whose average loss is shown


@dataclass(frozen=True, eq=False)
class Plan:
    """All that was asked for, checked."""

    out: Path
    parent: Path | None  # the model to begin with; None: a new one
    spec: ModelSpec
    encoder_weights: Path | None  # for a new network's encoder; None: fresh ones
    data: TrainingData
    validation: TrainingData | None
    replay: TrainingData | None
    options: TrainOptions
    plot: bool


@dataclass
class Course:
    """What became of the run."""

    curves: Curves = field(default_factory=Curves)
    weights: Weights | None = None
    steps: int = 0
    seconds: float = 0.0
    failure: str = ""  # why it ended too early


def run(plan: Plan) -> None:
    """Train, then save; also what a stopped or failed run has learned.

    Raises
    ------
    UsageError
        If there is no such device.
    RuntimeError
        If the loss was not a number; what was learned before is saved.
    typer.Exit
        130 after Ctrl-C.
    """
    with team() as us:
        options = plan.options
        if us.size > 1:
            options = options.model_copy(update={"device": us.device})
        try:
            choose(options.device, options.precision)
        except ValueError as error:
            raise UsageError(str(error)) from error
        start, course = _start(plan, us), Course()
        with interrupts() as stopped:
            _follow(course, start, plan, options, us, stopped)
        if us.leads:
            _end(plan, start, course, hurried=bool(stopped))
        if course.failure:
            raise RuntimeError(course.failure)
        if stopped:
            raise typer.Exit(STOPPED)


def _start(plan: Plan, us: Team) -> Model:
    """Give the model that training begins with, under its new name."""
    about: dict[str, Any] = {"name": plan.out.stem, "diameter_px": plan.data.diameter_px}
    about |= {"channels": plan.data.names} if plan.data.names else {}
    parent = None if plan.parent is None else load(plan.parent)
    if parent is not None and parent.header.spec == plan.spec:
        return Model(parent.module, parent.header.model_copy(update=about))
    header = Header(**about, spec=plan.spec)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.options.seed)
        module = build(plan.spec)
    try:
        told = _fill(module, parent, plan)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if told and us.leads:
        say(told)
    return Model(module, header)


def _fill(module: nn.Module, parent: Model | None, plan: Plan) -> str:
    """Give a new network what is known; say what that was."""
    if plan.encoder_weights is not None:
        loaded = load_encoder(module, plan.encoder_weights)
        return f"{loaded.taken} tensors of the encoder read from {plan.encoder_weights}"
    if parent is not None:
        known = parent.module.state_dict()
        return f"{parent.header.name}: {transfer(known, parent.header.spec, module, plan.spec)}"
    return ""


def _follow(
    course: Course, start: Model, plan: Plan, options: TrainOptions, us: Team, stopped: list[int]
) -> None:
    """Run it to its end, showing how it goes."""

    def samples(data: TrainingData) -> SampleSet:
        # without class weights p stays calibrated: masks end where the threshold says
        how = start.header.normalize
        return SampleSet(data.samples, balance=False, normalize=how, semantic=data.semantic)

    events = fit(
        start,
        samples(plan.data),
        options,
        replay=() if plan.replay is None else (samples(plan.replay),),
        validation=None if plan.validation is None else samples(plan.validation.as_objects()),
        stop=lambda: bool(stopped),
        team=us,
    )
    try:
        with closing(events), display(us.leads) as shown:
            for event in events:
                _note(event, course, shown)
    except DivergedError as error:
        course.failure, course.weights = str(error), error.weights


def _note(event: object, course: Course, shown: Display) -> None:
    match event:
        case Step():
            course.steps, course.seconds = event.step, event.seconds
            parts = {name: value for name, value in event.parts.items() if name != "total"}
            numbers = {"step": event.step, "seconds": event.seconds, "rate": event.rate}
            course.curves.add(numbers | {"loss": event.loss} | parts)
            shown.step(event, course.curves.numbers["loss"][-RECENT:])
        case Validated(step, scores):
            course.curves.add_scores(step, scores)
            told = ", ".join(f"{name} {scores[name]:.3f}" for name in SHOWN)
            shown.say(f"step {step}: validation {told}")
        case Notice(text):
            shown.say(text)
        case Fitted():
            course.weights = event.weights


@contextmanager
def interrupts() -> Iterator[list[int]]:
    """Collect Ctrl-C and requests to end, so that the run can end after its step and be saved."""
    seen: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        seen.append(number)
        if len(seen) == 1:
            typer.echo("stopping after this step ...", err=True)
        if len(seen) >= REPEATS:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, remember) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(plan: Plan, start: Model, course: Course, hurried: bool) -> None:
    """Write model, report and curves, and say where they are; then score what was known before."""
    if course.weights is None or course.steps == 0:
        say("nothing was learned, nothing is saved")
        return
    header, result = _header(plan, start.header, course), with_weights(start, course.weights)
    save(plan.out, result.module, header)
    report = header.model_dump(mode="json") | course.curves.as_json()
    report["ended"] = course.failure or ("finished" if _finished(plan, course) else "stopped")
    beside = plan.out.with_suffix(".json")
    beside.write_text(json.dumps(report, indent=1) + "\n")
    if plan.plot:
        plot(course.curves, plan.out.with_suffix(".png"))
    say(f"{course.steps} steps in {course.seconds:.0f} s: {plan.out}, report {beside}")
    if plan.parent is not None and fits(plan.spec) and not hurried:
        report["old_skill"] = _old_skill(start, result, plan.options)
        beside.write_text(json.dumps(report, indent=1) + "\n")


def _old_skill(start: Model, result: Model, options: TrainOptions) -> dict[str, float]:
    """Score both models on the bundled crops that are never replayed."""
    crops = load_replay().old_skill
    how = SegmentOptions(device=options.device, precision=options.precision)
    before, after = (pooled_ap50(model, crops, how) for model in (start, result))
    say(f"old skill ({len(crops)} synthetic crops): AP50 {before:.2f} -> {after:.2f}")
    return {"crops": len(crops), "ap50_before": before, "ap50_after": after}


def _finished(plan: Plan, course: Course) -> bool:
    options = plan.options
    by_time = options.minutes is not None and course.seconds >= 60 * options.minutes
    return by_time or course.steps == options.steps


def _header(plan: Plan, start: Header, course: Course) -> Header:
    amounts: dict[str, Any] = {
        "images": len(plan.data.samples),
        "objects": len(plan.data.areas),
        "steps_done": course.steps,
        "seconds": round(course.seconds),
    }
    lineage = {
        "parent": None if plan.parent is None else content_hash(plan.parent),
        "data": plan.data.digest,
        "scores": course.curves.scores,
    }
    training = amounts | plan.options.model_dump(mode="json")
    return Header.model_validate(
        start.model_dump(exclude={"version"}) | {"training": training, "lineage": lineage}
    )
