"""The bundled replay bank: synthetic crops that keep fine-tuning from forgetting.

The file is an npz of plain arrays, made by docs/default_model/make_replay.py. It is read without
pickle, so it cannot run code.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_touchup.engine.samples import Sample
from napari_touchup.options import ModelSpec

REPLAY = Path(__file__).parents[1] / "models" / "replay.npz"
EVERY = 5  # of so many crops the last one is never replayed


@dataclass(frozen=True, eq=False, slots=True)
class Replay:
    """Crops of one channel, their image uint8 and their truth uint16."""

    replayed: tuple[Sample, ...]  # to be mixed into training
    old_skill: tuple[Sample, ...]  # never: they show what a model can still do


def fits(spec: ModelSpec) -> bool:
    """Whether a network of this shape can learn from the bank."""
    return spec.in_channels == 1 and spec.output == "maps"


def load_replay(path: Path = REPLAY) -> Replay:
    """Read the bank; which crops are never replayed is fixed by their place in it."""
    with np.load(path, allow_pickle=False) as bank:
        pairs = zip(bank["image"], bank["truth"], strict=True)
        samples = tuple(Sample(image[np.newaxis], truth) for image, truth in pairs)
    old_skill = samples[EVERY - 1 :: EVERY]
    replayed = tuple(s for place, s in enumerate(samples, 1) if place % EVERY)
    return Replay(replayed, old_skill)
