"""Train the model that the few-shot study begins with: it has seen nothing but fluorescence.

    PYTHONPATH=docs/default_model python docs/few_shot/base.py DSB2018 -o base.safetensors

DSB2018 is the folder that the default model is trained on.
"""

from pathlib import Path
from typing import Annotated

import torch
import typer
from images import real_samples, synthetic_samples
from train import DIAMETER_PX, IMAGES_PER_KIND, trained

from napari_touchup.engine.samples import SampleSet
from napari_touchup.nn.build import build
from napari_touchup.nn.checkpoint import Model, save
from napari_touchup.nn.header import Header
from napari_touchup.options import AugmentOptions, ModelSpec, TrainOptions

SEEN = "fluo"
MADE = 0.3  # share of the crops that is synthetic


def main(
    folder: Path,
    output: Annotated[Path, typer.Option("--output", "-o")],
    minutes: float = 28.0,
    seed: int = 0,
) -> None:
    """Train on what `dsb2018_groups.csv` does not hold out, and save the averaged weights."""
    real = list(real_samples(folder, SEEN))
    total = sum(sample.chance for sample in real) * MADE / (1 - MADE)
    made = list(synthetic_samples("nuclei", IMAGES_PER_KIND, total, seed))
    options = TrainOptions(
        steps=None,
        minutes=minutes,
        batch=16,
        crop=128,
        ema=0.998,
        augment=AugmentOptions(zoom=(0.6, 1.6), gamma=0.3, blur=1.2, noise=0.06),
        save_every=500,
        seed=seed,
    )
    header = Header(name="base", spec=ModelSpec(base=16), diameter_px=DIAMETER_PX)
    torch.manual_seed(seed)
    model = Model(build(header.spec), header)
    samples = SampleSet([*real, *made], balance=False)
    model = trained(model, samples, options, output.with_suffix(".state"))
    save(output, model.module, model.header)


if __name__ == "__main__":
    typer.run(main)
