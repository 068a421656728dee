"""Train the model that ships with the package.

    python docs/default_model/train.py DSB2018 -o src/napari_touchup/models/default.safetensors

DSB2018 is a folder with `images/` and `masks/` (BBBC038v1, CC0). What `dsb2018_groups.csv` holds
out is never seen here.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from images import GROUPS, real_samples, synthetic_samples
from rich.console import Console

from napari_touchup.engine.events import Fitted, Step
from napari_touchup.engine.samples import SampleSet
from napari_touchup.engine.segment import Notice
from napari_touchup.engine.state import with_weights
from napari_touchup.engine.train import fit
from napari_touchup.nn.build import build
from napari_touchup.nn.checkpoint import Model, load, save
from napari_touchup.nn.header import Header
from napari_touchup.options import AugmentOptions, ModelSpec, TrainOptions

SYNTHETIC = {"nuclei": 0.5, "phase": 0.24, "dic": 0.16, "membranes": 0.1}  # of the made images
IMAGES_PER_KIND = 60
DIAMETER_PX = 20.0  # about the median object, real and synthetic


@dataclass(frozen=True)
class Phase:
    """A run of its own, from the weights of the one before."""

    minutes: float
    made: float  # share of the crops that is synthetic
    rate: float  # peak learning rate
    augment: AugmentOptions


PHASES = (
    Phase(75, 0.5, 2e-3, AugmentOptions(zoom=(0.6, 1.7))),
    # what real truth calls the edge of a nucleus is learned last, and with less disguise
    Phase(20, 0.2, 1e-3, AugmentOptions(zoom=(0.75, 1.35), gamma=0.25, blur=0.8, noise=0.06)),
)


def main(
    folder: Path,
    output: Annotated[Path, typer.Option("--output", "-o")],
    base: int = 16,
    seed: int = 0,
    start: Annotated[
        Path | None, typer.Option(help="Model of the first phase: only the last one is run.")
    ] = None,
) -> None:
    """Train on real and synthetic images, and save the averaged weights as float16."""
    header = Header(name="default", spec=ModelSpec(base=base), diameter_px=DIAMETER_PX)
    model = Model(build(header.spec), header) if start is None else load(start)
    for number, phase in enumerate(PHASES if start is None else PHASES[-1:]):
        samples = samples_of(folder, phase, seed)
        options = TrainOptions(
            steps=None,
            minutes=phase.minutes,
            batch=16,
            crop=128,
            ema=0.998,
            rate=phase.rate,
            augment=phase.augment,
            seed=seed + number,
        )
        model = trained(model, samples, options)
        save(output, model.module, model.header, half=True)


def samples_of(folder: Path, phase: Phase, seed: int) -> SampleSet:
    real = list(real_samples(folder))
    total = sum(sample.chance for sample in real) * phase.made / (1 - phase.made)
    made = [
        sample
        for kind, share in SYNTHETIC.items()
        for sample in synthetic_samples(kind, IMAGES_PER_KIND, share * total, seed)
    ]
    # Without class weights p stays calibrated, so that masks end where the threshold says.
    return SampleSet([*real, *made], balance=False)


def trained(model: Model, samples: SampleSet, options: TrainOptions) -> Model:
    """Run one phase; the header tells of every phase."""
    console = Console(width=120)
    for event in fit(model, samples, options):
        match event:
            case Step() if event.step % 50 == 0:
                parts = " ".join(f"{name} {value:.3f}" for name, value in event.parts.items())
                console.print(f"{event.seconds:6.0f} s  step {event.step:6d}  {parts}")
            case Notice():
                console.print(event.text)
    if not isinstance(event, Fitted):
        raise RuntimeError(f"expected the end of the training, got {event}")
    about = {
        "images": len(samples.samples),
        "held_out": GROUPS.name,
        "steps": event.steps,
        "seconds": round(event.seconds),
        "options": options.model_dump(mode="json"),
    }
    training = {**model.header.training, f"phase {len(model.header.training) + 1}": about}
    header = model.header.model_copy(update={"training": training})
    return Model(with_weights(model, event.weights).module, header)


if __name__ == "__main__":
    typer.run(main)
