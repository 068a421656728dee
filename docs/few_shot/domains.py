"""What the few-shot study teaches and scores: three domains that its base model has never seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from images import entries, read
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import label

from napari_touchup.engine.replay import EVERY, REPLAY, load_replay
from napari_touchup.engine.samples import Sample

SEEDS = (0, 1, 2)  # each annotates another image
RING_PX = 10  # counts around an annotated cell, as in a project
FEWEST = 20  # objects of an image that can be annotated
SMALLEST_PX = 15  # area of an object, as the read-out has it
SQUARE_PX = 256  # edge of what is scored
SCORED = 18  # squares of one domain
AXON = 255  # class of myelinated axons
SHRINK = 4  # TEM pixels, along an edge, that become one: axons are then about 20 pixels wide
KNOWN = ("nuclei", "empty")  # looks of the bank that the base model was trained on


@dataclass(frozen=True, eq=False)
class Picture:
    origin: str  # no two of equal origin are apart: one is not scored if the other is annotated
    sample: Sample  # with all of its truth


@dataclass(frozen=True, eq=False)
class Domain:
    name: str
    pictures: tuple[Picture, ...]  # to annotate, one for each seed
    scored: tuple[Sample, ...]  # squares of others


def domains(dsb2018: Path, axons: Path) -> list[Domain]:
    """Read all three; the held-out list of the default model plays no part."""
    return [
        split("stained_colour", dsb_pictures(dsb2018, "stained_colour")),
        split("brightfield_grey", dsb_pictures(dsb2018, "brightfield_grey"), per_picture=3),
        split("axon_tem", axon_pictures(axons)),
    ]


def split(name: str, pictures: Sequence[Picture], per_picture: int = 1) -> Domain:
    """Choose by chance what is annotated and what is scored."""
    shuffled = [pictures[i] for i in np.random.default_rng(0).permutation(len(pictures))]
    rich = [p for p in shuffled if len(np.unique(p.sample.truth)) > FEWEST]
    chosen = tuple(rich[: len(SEEDS)])
    origins = {picture.origin for picture in chosen}
    others = [p.sample for p in shuffled if p.origin not in origins]
    squares = [square for sample in others for square in richest_squares(sample, per_picture)]
    return Domain(name, chosen, tuple(squares[:SCORED]))


def dsb_pictures(folder: Path, kind: str) -> list[Picture]:
    chosen = [entry for entry in entries(held_out=False) if entry.kind == kind]
    return [Picture(entry.stem, Sample(*read(folder, entry))) for entry in chosen]


def axon_pictures(folder: Path) -> list[Picture]:
    """Myelinated axons, which are objects, and nothing else; the stem begins with the animal."""
    pictures = []
    for path in sorted((folder / "images").glob("*.tif")):
        light = tifffile.imread(path).astype(np.float32)
        y, x = (n // SHRINK for n in light.shape)
        small = light[: y * SHRINK, : x * SHRINK].reshape(y, SHRINK, x, SHRINK).mean(axis=(1, 3))
        classes = tifffile.imread(folder / "masks" / path.name)
        truth = label(classes == AXON)[SHRINK // 2 :: SHRINK, SHRINK // 2 :: SHRINK][:y, :x]
        few = np.bincount(truth.ravel()) < SMALLEST_PX
        truth[few[truth]] = 0
        origin = path.name.partition("_sample")[0]
        pictures.append(Picture(origin, Sample(small[None], truth.astype(np.int32))))
    return pictures


def richest_squares(sample: Sample, count: int) -> list[Sample]:
    """Cut a picture into squares, and give those with the most objects."""
    edge = min(SQUARE_PX, *sample.truth.shape)
    y, x = (n - n % edge for n in sample.truth.shape)
    boxes = [
        np.s_[j : j + edge, i : i + edge] for j in range(0, y, edge) for i in range(0, x, edge)
    ]
    boxes.sort(key=lambda box: -len(np.unique(sample.truth[box])))
    return [Sample(sample.image[(slice(None), *box)], sample.truth[box]) for box in boxes[:count]]


def few_cells(sample: Sample, count: int, seed: int) -> Sample:
    """Annotate some objects and the ring around each that no other object covers."""
    truth = sample.truth
    ids, areas = np.unique(truth[truth > 0], return_counts=True)
    order = np.random.default_rng(seed).permutation(ids[areas >= SMALLEST_PX])
    inside = np.isin(truth, order[:count])
    counts = ring(inside) & (inside | (truth == 0))
    return Sample(sample.image, np.where(inside, truth, 0), counts)


def ring(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Give the objects with what lies around them."""
    near: NDArray[np.bool_] = ndimage.distance_transform_edt(~inside) <= RING_PX
    return near


def bank(replayed: bool) -> list[Sample]:
    """Crops of the bundled bank that look as the base model knows them, replayed or never."""
    with np.load(REPLAY, allow_pickle=False) as file:
        looks = [n for i, n in enumerate(file["look"], 1) if bool(i % EVERY) == replayed]
    whole = load_replay()
    crops = whole.replayed if replayed else whole.old_skill
    return [crop for crop, look in zip(crops, looks, strict=True) if look in KNOWN]


def old_real(folder: Path) -> list[Sample]:
    """Squares of fluorescence images that the base model was not trained on."""
    kept = [entry for entry in entries(held_out=True) if entry.kind == "fluo"][::8]
    squares = [richest_squares(Sample(*read(folder, entry)), 1)[0] for entry in kept]
    return [s for s in squares if s.truth.shape == (SQUARE_PX, SQUARE_PX)]
