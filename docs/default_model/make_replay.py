"""Make the crops that ship with the model, so that fine-tuning need not forget what it could do.

    python docs/default_model/make_replay.py -o src/napari_touchup/models/replay.npz

All are synthetic (`core/synth.py`). Of three times as many as are kept, those are taken that differ
most in what they show: size and number of objects, contrast, noise and evenness of the light.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.progress import track
from scipy import ndimage
from scipy.stats import rankdata

from napari_touchup.core.normalize import limits
from napari_touchup.core.synth import make
from napari_touchup.options import NormalizeOptions

EDGE_PX = 160
POOL = 3  # crops made for each one that is kept
# wider than those of any model, whose own limits find the same intensities in 8 bits
KEPT_RANGE = NormalizeOptions(low=0.05, high=99.95)


@dataclass(frozen=True)
class Look:
    """A sort of crop; `count` is a multiple of five, so that a fifth of each is never replayed."""

    name: str
    kind: str  # of core/synth.py
    count: int
    inverted: bool = False
    empty: bool = False


LOOKS = (
    Look("nuclei", "nuclei", 200),
    Look("inverted", "nuclei", 50, inverted=True),
    Look("phase", "phase", 60),
    Look("dic", "dic", 35),
    Look("membranes", "membranes", 30),
    Look("empty", "nuclei", 15, empty=True),
    Look("empty phase", "phase", 10, empty=True),
)


@dataclass(frozen=True)
class Crop:
    image: NDArray[np.uint8]  # (Y, X)
    truth: NDArray[np.uint16]  # (Y, X), 0 = background


def main(output: Annotated[Path, typer.Option("--output", "-o")], seed: int = 0) -> None:
    """Write `image`, `truth` (N, Y, X), `look` and `index` (N,): `crop` makes each one again."""
    chosen: list[tuple[str, int, Crop]] = []
    for look in LOOKS:
        count = POOL * look.count
        pool = [crop(look, index, seed) for index in track(range(count), look.name)]
        kept = most_varied(np.array([statistics(each) for each in pool]), look.count)
        chosen += [(look.name, index, pool[index]) for index in kept]
    names, indices, crops = zip(*chosen, strict=True)
    np.savez_compressed(
        output,
        image=np.array([each.image for each in crops]),
        truth=np.array([each.truth for each in crops]),
        look=np.array(names),
        index=np.array(indices),
    )
    typer.echo(f"{len(crops)} crops, {output.stat().st_size / 1e6:.1f} MB: {output}")


def crop(look: Look, index: int, seed: int) -> Crop:
    """Make one crop of a look; the same numbers make the same crop."""
    rng = np.random.default_rng([seed, LOOKS.index(look), index])
    made = make(look.kind, (EDGE_PX, EDGE_PX), rng, **({"density": 0} if look.empty else {}))
    low, high = limits(made.image[None], KEPT_RANGE)[0]
    grey = (made.image - low) / max(high - low, 1)
    light = np.round(255 * np.clip(1 - grey if look.inverted else grey, 0, 1)).astype(np.uint8)
    return Crop(light, made.truth.astype(np.uint16))


def statistics(crop: Crop) -> NDArray[np.float64]:
    """Measure what tells crops apart: (7,)."""
    image, inside = crop.image.astype(np.float64), crop.truth > 0
    sizes = np.bincount(crop.truth.ravel())[1:]
    noise = np.median(np.abs(ndimage.laplace(image)))
    if not len(sizes):
        return np.array([0, 0, 0, 0, 0, noise, image.mean()])
    diameters = np.sqrt(sizes)
    contrast = image[inside].mean() - image[~inside].mean() if not inside.all() else 0.0
    texture = image[inside].std()
    spread = np.std(np.log(diameters))
    return np.array(
        [np.median(diameters), spread, inside.mean(), contrast, texture, noise, image.mean()]
    )


def most_varied(values: NDArray[np.float64], count: int) -> list[int]:
    """Choose rows far apart: each next one is the farthest from those chosen before it.

    Columns count by their ranks, so that an outlier is no farther away than the next value.

    >>> most_varied(np.array([[0.0], [1.0], [2.0], [3.0], [100.0]]), 3)
    [2, 0, 4]
    """
    ranks = rankdata(values, axis=0)  # halves: sums of them are exact
    chosen = [int(np.argmin(np.abs(ranks - np.median(ranks, axis=0)).sum(axis=1)))]
    nearest = np.linalg.norm(ranks - ranks[chosen[0]], axis=1)
    while len(chosen) < count:
        chosen.append(int(np.argmax(nearest)))
        nearest = np.minimum(nearest, np.linalg.norm(ranks - ranks[chosen[-1]], axis=1))
    return chosen


if __name__ == "__main__":
    typer.run(main)
