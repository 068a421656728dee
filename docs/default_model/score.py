"""Score a model on the held-out images of dsb2018, by kind and by acquisition group.

    python docs/default_model/score.py DSB2018 [--model FILE] [--with-diameter]

AP is TP / (TP + FP + FN) with the counts pooled over the images, as StarDist's authors do.
"""

from collections import defaultdict
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from images import Entry, entries, read
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from napari_touchup.core.measure import median_diameter
from napari_touchup.core.metrics import match
from napari_touchup.core.overlap import overlap
from napari_touchup.engine.segment import Prediction, segment
from napari_touchup.nn.checkpoint import Model, load
from napari_touchup.nn.header import find_model
from napari_touchup.options import SegmentOptions

THRESHOLDS = (0.5, 0.75)  # intersection over union
Counts = NDArray[np.int64]  # (thresholds, 3): TP, FP, FN


def main(
    folder: Path,
    model: str = "default",
    with_diameter: Annotated[
        bool, typer.Option(help="Give each image the median diameter of its truth, pixels.")
    ] = False,
) -> None:
    """Print AP50 and AP75 of each kind and group."""
    loaded = load(find_model(model))
    counts: dict[str, list[Counts]] = defaultdict(list)
    for entry in track(entries(held_out=True), "Scoring"):
        found = counts_of(loaded, folder, entry, with_diameter)
        for name in (entry.kind, entry.group):
            counts[name].append(found)
    table = Table("held out", "images", "objects", "AP50", "AP75")
    for name in sorted(counts):
        total = sum(counts[name])
        tp, _, fn = total[0]
        scores = [f"{tp / max(tp + fp + fn, 1):.3f}" for tp, fp, fn in total]
        table.add_row(name, str(len(counts[name])), str(tp + fn), *scores)
    Console(width=90).print(table)


def counts_of(model: Model, folder: Path, entry: Entry, with_diameter: bool) -> Counts:
    image, truth = read(folder, entry)
    areas = np.unique(truth[truth > 0], return_counts=True)[1]
    diameter = median_diameter(areas.tolist()) if with_diameter and len(areas) else None
    *_, prediction = segment(model, image, SegmentOptions(diameter=diameter))
    if not isinstance(prediction, Prediction):
        raise RuntimeError(f"expected a prediction of {entry.stem}, got {prediction}")
    table = overlap(truth, prediction.masks)
    matchings = [match(table, threshold) for threshold in THRESHOLDS]
    return np.array([(m.tp, m.fp, m.fn) for m in matchings])


if __name__ == "__main__":
    typer.run(main)
