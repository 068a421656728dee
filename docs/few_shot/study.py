"""The few-shot study: a model that knows fluorescence learns some cells of another domain.

    PYTHONPATH=docs/default_model python docs/few_shot/study.py BASE DSB2018 AXON_TEM -o runs.csv

A row is written after each run, and those that are there already are not run again.
"""

import csv
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, fields
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any
from unittest.mock import patch

import typer
from domains import Domain, bank, domains, few_cells, old_real
from rich.console import Console
from safetensors.numpy import load_file
from torch import nn

from napari_touchup.engine import feed, train
from napari_touchup.engine.events import Fitted
from napari_touchup.engine.samples import Sample, SampleSet
from napari_touchup.engine.skill import pooled_ap50
from napari_touchup.engine.state import State, start, with_weights
from napari_touchup.nn.checkpoint import Model, load
from napari_touchup.options import TrainOptions

MIDDLE = TrainOptions(
    steps=150, batch=8, crop=128, rate=1e-3, ema=0.98, freeze_norm=True, replay=0.25
)
AVERAGED, LAST = "middle", "weights of the last step"  # both come of the same run
DECODER = "decoder only"
BY_PIXELS = "by pixels"  # every annotated pixel of a batch counts the same, old or new
VARIANTS: dict[str, dict[str, Any]] = {
    AVERAGED: {},
    "replay 0": {"replay": 0.0},
    "replay 0.5": {"replay": 0.5},
    "replay 0.25 to 0": {"replay_end": 0.0},
    "rate 3e-3": {"rate": 3e-3},
    "norm learns": {"freeze_norm": False},
    "300 steps": {"steps": 300},
    DECODER: {},
    "60 steps": {"steps": 60},
    "replay 0.5 to 0": {"replay": 0.5, "replay_end": 0.0},
    "replay 0 to 0.5": {"replay": 0.0, "replay_end": 0.5},
    "rate 3e-4": {"rate": 3e-4},
    "replay 0.25 to 0, norm learns": {"replay_end": 0.0, "freeze_norm": False},
    f"replay 0.25 {BY_PIXELS}": {},
    f"replay 0.5 to 0 {BY_PIXELS}": {"replay": 0.5, "replay_end": 0.0},
    f"replay 0.5 {BY_PIXELS}": {"replay": 0.5},
}
ALL, FADING = list(VARIANTS), "replay 0.25 to 0"
# (seeds, cells, variants): what tells most comes first, as the time is short
STAGES = (
    ((0,), 5, [AVERAGED, "replay 0", "replay 0.5", FADING, "rate 3e-3", "norm learns"]),
    ((0,), 5, ["replay 0.25 to 0, norm learns"]),
    ((0,), 20, [FADING]),
    ((0,), 1, [FADING]),
    ((1,), 5, [FADING, "replay 0"]),
    ((0,), 5, ["60 steps", DECODER]),
    ((0,), 20, ["replay 0"]),
    ((0,), 1, ["replay 0"]),
    ((0, 1, 2), 5, ALL),
    ((0, 1, 2), 20, [AVERAGED, FADING, "replay 0", "replay 0.5"]),
    ((0, 1, 2), 1, [AVERAGED, FADING, "replay 0", "replay 0.5"]),
)
ZERO_SHOT = "base"


@dataclass(frozen=True)
class Row:
    """One trained model, or the base model itself."""

    domain: str
    seed: int
    cells: int
    variant: str
    ap50: float  # of other images of the domain
    old: float  # AP50 of synthetic nuclei that are never replayed
    old_real: float  # AP50 of held-out fluorescence
    seconds: float = 0.0  # of training


@dataclass(frozen=True, eq=False)
class Study:
    base: Model
    domains: list[Domain]
    replay: SampleSet
    old: list[Sample]
    old_real: list[Sample]

    def score(self, model: Model, domain: Domain) -> dict[str, float]:
        sets = {"ap50": domain.scored, "old": self.old, "old_real": self.old_real}
        return {name: round(pooled_ap50(model, crops), 4) for name, crops in sets.items()}

    def zero_shot(self, domain: Domain) -> Row:
        return Row(domain.name, 0, 0, ZERO_SHOT, **self.score(self.base, domain))

    def rows(self, domain: Domain, seed: int, cells: int, variant: str) -> Iterator[Row]:
        """Teach the base model; the averaged weights and those of the last step are two rows."""
        sample = few_cells(domain.pictures[seed].sample, cells, seed)
        options = MIDDLE.model_copy(update=VARIANTS[variant] | {"seed": seed})
        with how(variant):
            averaged, last, seconds = taught(self.base, sample, options, self.replay)
        about = domain.name, seed, cells
        yield Row(*about, variant, **self.score(averaged, domain), seconds=seconds)
        if variant == AVERAGED:
            yield Row(*about, LAST, **self.score(last, domain), seconds=seconds)


def main(
    base: Path,
    dsb2018: Path,
    axons: Path,
    output: Annotated[Path, typer.Option("--output", "-o")],
) -> None:
    """Run what is not in the output yet."""
    study = Study(
        load(base),
        domains(dsb2018, axons),
        SampleSet(bank(replayed=True), balance=False),
        bank(replayed=False),
        old_real(dsb2018),
    )
    done = finished(output)
    for domain in study.domains:
        if (domain.name, 0, 0, ZERO_SHOT) not in done:
            append(output, study.zero_shot(domain))
    for domain, seed, cells, variant in runs(study.domains):
        if (domain.name, seed, cells, variant) not in done:
            for row in study.rows(domain, seed, cells, variant):
                append(output, row)


def runs(every: list[Domain]) -> Iterator[tuple[Domain, int, int, str]]:
    for seeds, cells, variants in STAGES:
        for seed, variant, domain in product(seeds, variants, every):
            yield domain, seed, cells, variant


@contextmanager
def how(variant: str) -> Iterator[None]:
    """Change what is no option."""
    with ExitStack() as changes:
        if variant == DECODER:
            changes.enter_context(patch.object(train, "start", start_decoder))
        if variant.endswith(BY_PIXELS):
            changes.enter_context(patch.object(feed, "weigh_old", lambda targets, *_: targets))
        yield


def taught(
    base: Model, sample: Sample, options: TrainOptions, replay: SampleSet
) -> tuple[Model, Model, float]:
    """Give the model with averaged weights, that of the last step, and the seconds it took."""
    samples = SampleSet([sample], balance=False)
    with TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        *_, fitted = train.fit(base, samples, options, replay=(replay,), save=state)
        assert isinstance(fitted, Fitted)
        last = {n.removeprefix("module."): t for n, t in load_file(state).items() if "module." in n}
    return with_weights(base, fitted.weights), with_weights(base, last), round(fitted.seconds, 1)


def start_decoder(module: nn.Module, options: TrainOptions, device: str) -> State:
    """Begin a run in which the contracting path stays as it is."""
    state = start(module, options, device)
    for name, weights in state.module.named_parameters():
        weights.requires_grad_(not name.startswith(("down.", "bottom.")))
    return state


def finished(path: Path) -> set[tuple[str, int, int, str]]:
    if not path.exists():
        return set()
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {(r["domain"], int(r["seed"]), int(r["cells"]), r["variant"]) for r in rows}


def append(path: Path, row: Row) -> None:
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, [f.name for f in fields(Row)])
        if new:
            writer.writeheader()
        writer.writerow(asdict(row))
    Console(width=120).print(*asdict(row).values())


if __name__ == "__main__":
    typer.run(main)
