"""Train the model that ships with the package.

    python docs/default_model/train.py DSB2018 -o src/napari_touchup/models/default.safetensors

DSB2018 is a folder with `images/` and `masks/` (BBBC038v1, CC0). What `dsb2018_groups.csv` holds
out is never seen here.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from images import GROUPS, real_samples, synthetic_samples
from rich.console import Console

from napari_touchup.engine.samples import SampleSet
from napari_touchup.engine.train import Fitted, Notice, Saved, Step, fit
from napari_touchup.nn.build import build
from napari_touchup.nn.checkpoint import Model, save
from napari_touchup.nn.header import Header
from napari_touchup.options import AugmentOptions, ModelSpec, TrainOptions

SYNTHETIC = {"nuclei": 0.25, "phase": 0.12, "dic": 0.08, "membranes": 0.05}  # share of the crops
IMAGES_PER_KIND = 60
DIAMETER_PX = 20.0  # median over the groups


def main(
    folder: Path,
    output: Annotated[Path, typer.Option("--output", "-o")],
    minutes: float = 60,
    base: int = 32,
    seed: int = 0,
    resume: bool = False,
) -> None:
    """Train on real and synthetic images, and save the averaged weights as float16."""
    real = list(real_samples(folder))
    total = sum(sample.chance for sample in real) / (1 - sum(SYNTHETIC.values()))
    made = [
        sample
        for kind, share in SYNTHETIC.items()
        for sample in synthetic_samples(kind, IMAGES_PER_KIND, share * total, seed)
    ]
    spec = ModelSpec(base=base)
    header = Header(
        name="default",
        spec=spec,
        diameter_px=DIAMETER_PX,
        training={"images": len(real), "synthetic": len(made), "held_out": GROUPS.name},
    )
    options = TrainOptions(
        steps=None,
        minutes=minutes,
        batch=16,
        crop=128,
        ema=0.998,
        augment=AugmentOptions(zoom=(0.6, 1.7)),
        save_every=500,
        seed=seed,
    )
    # Without class weights p stays calibrated, so that masks end where the threshold says.
    samples = SampleSet([*real, *made], balance=False)
    state = output.with_suffix(".state")
    console = Console()
    model = Model(build(spec), header)
    for event in fit(model, samples, options, save=state, resume=state if resume else None):
        match event:
            case Step() if event.step % 50 == 0:
                parts = " ".join(f"{name} {value:.3f}" for name, value in event.parts.items())
                console.print(f"{event.seconds:6.0f} s  step {event.step:6d}  {parts}")
            case Notice():
                console.print(event.text)
            case Saved() | Step():
                pass
            case Fitted():
                model.module.load_state_dict(tensors(event))
                trained = {"steps": event.steps, "seconds": round(event.seconds)}
                header = header.model_copy(
                    update={"training": header.training | trained | options.model_dump(mode="json")}
                )
                save(output, model.module, header, half=True)
                state.unlink(missing_ok=True)


def tensors(event: Fitted) -> dict[str, "object"]:
    import torch

    return {name: torch.from_numpy(np.asarray(value)) for name, value in event.weights.items()}


if __name__ == "__main__":
    typer.run(main)
