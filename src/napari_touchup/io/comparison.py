"""What a comparison of networks found: one table, and one figure of masks side by side."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # loads torch
    from napari_touchup.engine.compare import Result

TABLE, FIGURE = "table.csv", "figure.png"
SCORES = ("ap50", "ap75", "mean_ap", "iou")
# columns of the table: heading and format
COLUMNS = {
    "network": "",
    "AP50": ".3f",
    "AP75": ".3f",
    "mean AP": ".3f",
    "IoU": ".3f",
    "parameters, M": ".2f",
    "MFLOP per pixel": ".3f",
    "Mpx/s": ".2f",
    "steps": "d",
}
CELL_INCHES = 2.0
PART_PX = 256  # of larger images the middle is drawn
LINE = (1.0, 0.85, 0.1)  # of outlines; told from grey by all eyes


@dataclass(frozen=True, eq=False)
class Shown:
    """One held-out image of the figure: (Y, X) grey, its truth, and masks by contestant."""

    image: NDArray[np.floating]
    truth: NDArray[np.integer]
    masks: Mapping[str, NDArray[np.integer]]


def model_name(name: str) -> str:
    """File of a network's weights.

    >>> model_name("unet:base=16")
    'unet_base-16.safetensors'
    """
    return f"{name.replace(':', '_').replace('=', '-')}.safetensors"


def rows(results: Sequence["Result"]) -> list[list[str]]:
    """Cells of the table, as `COLUMNS` names them."""
    return [
        [f"{value:{form}}" for value, form in zip(_values(one), COLUMNS.values(), strict=True)]
        for one in results
    ]


def write_table(path: Path, results: Sequence["Result"]) -> None:
    """Write the table as CSV."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([list(COLUMNS), *rows(results)])


def draw(path: Path, shown: Sequence[Shown]) -> None:
    """Draw the middle of images, truth and masks side by side, as PNG; masks are outlined."""
    from matplotlib.figure import Figure

    headings = ["image", "truth", *shown[0].masks]
    size = (CELL_INCHES * len(headings), CELL_INCHES * len(shown) + 0.5)
    figure = Figure(size, layout="constrained")
    axes = figure.subplots(len(shown), len(headings), squeeze=False)
    for line, one in zip(axes, shown, strict=True):
        middle = tuple(_middle(n) for n in one.truth.shape)
        pictures = [None, one.truth, *one.masks.values()]
        for place, masks in zip(line, pictures, strict=True):
            part = None if masks is None else masks[middle]
            place.imshow(_picture(one.image[middle], part), interpolation="nearest")
            place.set(xticks=[], yticks=[])
    for place, heading in zip(axes[0], headings, strict=True):
        place.set_title(heading.replace(":", "\n"), fontsize=9)
    figure.savefig(path, dpi=110)


def _values(result: "Result") -> tuple[Any, ...]:
    scores = (result.scores[name] for name in SCORES)
    millions = (result.parameters / 1e6, result.flop / 1e6, result.speed / 1e6)
    return (result.name, *scores, *millions, result.steps)


def _middle(n: int) -> slice:
    start = max(n - PART_PX, 0) // 2
    return slice(start, start + PART_PX)


def _picture(
    image: NDArray[np.floating], masks: NDArray[np.integer] | None
) -> NDArray[np.floating]:
    from skimage.color import label2rgb
    from skimage.segmentation import find_boundaries

    grey = np.repeat(np.clip(image, 0, 1)[..., None], 3, axis=2)
    if masks is None:
        return grey
    coloured = label2rgb(  # type: ignore[no-untyped-call]
        masks, grey, alpha=0.35, bg_label=0
    )
    edges = find_boundaries(masks, mode="inner")  # type: ignore[no-untyped-call]
    coloured[edges] = LINE
    return np.asarray(coloured)
