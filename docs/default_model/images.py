"""The images behind the default model: dsb2018 by acquisition group, and synthetic ones."""

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_touchup.core.colour import to_channels
from napari_touchup.core.synth import make
from napari_touchup.engine.samples import Sample

GROUPS = Path(__file__).with_name("dsb2018_groups.csv")


@dataclass(frozen=True)
class Entry:
    """One image of dsb2018; `group` is its acquisition group, "kind/look"."""

    stem: str
    kind: str
    group: str
    held_out: bool


def entries(held_out: bool) -> list[Entry]:
    with GROUPS.open(newline="") as file:
        rows = [
            Entry(r["stem"], r["kind"], r["group"], r["held_out"] == "1")
            for r in csv.DictReader(file)
        ]
    return [entry for entry in rows if entry.held_out == held_out]


def read(folder: Path, entry: Entry) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """Image (1, Y, X) and truth (Y, X); colour becomes luminance, as in `touchup segment`."""
    image = tifffile.imread(folder / "images" / f"{entry.stem}.tif")
    truth = tifffile.imread(folder / "masks" / f"{entry.stem}.tif").astype(np.int32)
    rgb = image.ndim == 3
    frame = np.moveaxis(image, -1, 0) if rgb else image[None]
    return to_channels(frame, rgb=rgb, wanted=1), truth


def real_samples(folder: Path, kind: str | None = None) -> Iterator[Sample]:
    """All (of one kind) that is not held out; a group counts by the root of its size."""
    chosen = [entry for entry in entries(held_out=False) if kind in (None, entry.kind)]
    sizes = Counter(entry.group for entry in chosen)
    for entry in chosen:
        image, truth = read(folder, entry)
        yield Sample(image, truth, chance=sizes[entry.group] ** -0.5)


def synthetic_samples(kind: str, count: int, share: float, seed: int) -> Iterator[Sample]:
    """Images of one kind that together count `share`."""
    for index in range(count):
        made = make(kind, (256, 256), np.random.default_rng([seed, index]))
        yield Sample(made.image[None], made.truth, chance=share / count)
