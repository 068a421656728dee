"""`touchup evaluate`: how well masks agree with the truth."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from statistics import fmean, stdev
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from napari_touchup.cli.console import UsageError, output, progress, refuse_existing, say, table

SHOWN = ("ap50", "ap75", "mean_ap", "f1", "pq", "seg", "iou", "v_rand", "v_info", "warping_error")
NOTE = "two images without objects score 1; of warping_error less is better"

Pred = Annotated[Path, typer.Argument(metavar="PRED", help="Masks to judge: a file or a folder.")]
Truth = Annotated[Path, typer.Argument(metavar="TRUTH", help="True masks of the same names.")]
Json = Annotated[
    Path | None,
    typer.Option(
        "--json", metavar="FILE", help="Write all scores as JSON.", show_default="not written"
    ),
]
Warping = Annotated[
    bool,
    typer.Option(
        "--warping/--no-warping",
        help="Also the warping error: about a second for each 512 x 512 image, 2D only.",
    ),
]


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    scores: dict[str, float]


def evaluate(pred: Pred, truth: Truth, json_file: Json = None, warping: Warping = True) -> None:
    """Score masks against true masks, a row for each image (and time point)."""
    pairs, left = _pairs(pred, truth)
    if json_file is not None:
        refuse_existing([json_file])
    rows: list[Row] = []
    with progress("images") as bar:
        for pair in bar.track(pairs, description="score"):
            rows.extend(_rows(*pair, warping))
    shown = [name for name in SHOWN if any(name in row.scores for row in rows)]
    output().print(table("image", *shown, rows=_cells(rows, shown)))
    say(f"{len(rows)} images; {NOTE}")
    if left:
        say(f"{left} true masks have no prediction and are not counted")
    if json_file is not None:
        json_file.write_text(json.dumps(_as_json(rows), indent=1) + "\n")


def _pairs(pred: Path, truth: Path) -> tuple[list[tuple[Path, Path]], int]:
    """Files of the same name, and how many true ones are left."""
    from napari_touchup.io.outputs import OutputError, find_images, without_maps
    from napari_touchup.io.pairs import PairError, by_name, listed

    try:
        predicted, true = find_images([pred]), find_images([truth])
        if pred.is_file() and truth.is_file():
            return [(pred, truth)], 0
        known = by_name(true)
        given = by_name(without_maps(predicted))
    except (OutputError, PairError) as error:
        raise UsageError(str(error)) from error
    if unknown := [str(path) for name, path in given.items() if name not in known]:
        raise UsageError(f"no true masks for {listed(unknown)}")
    return [(path, known[name]) for name, path in given.items()], len(known) - len(given)


def _rows(pred: Path, truth: Path, warping: bool) -> Iterator[Row]:
    from napari_touchup.core.metrics import score
    from napari_touchup.io.images import read_labels

    predicted, true = read_labels(pred), read_labels(truth)
    if predicted.data.shape != true.data.shape:
        shapes = f"{predicted.data.shape} and {true.data.shape}"
        raise ValueError(f"expected equal shapes, got {shapes}: {pred}, {truth}")
    times = _times(true.data, true.axes), _times(predicted.data, true.axes)
    for number, (expected, given) in enumerate(zip(*times, strict=True)):
        name = f"{pred.name} [{number}]" if "T" in true.axes else pred.name
        yield Row(name, score(expected, given, warping=warping and expected.ndim == 2))


def _times(labels: NDArray[Any], axes: str) -> Sequence[NDArray[Any]]:
    return list(np.moveaxis(labels, axes.index("T"), 0)) if "T" in axes else [labels]


def _values(rows: Sequence[Row], name: str) -> list[float]:
    return [row.scores[name] for row in rows if name in row.scores]


def _standard_error(values: Sequence[float]) -> float | None:
    return stdev(values) / sqrt(len(values)) if len(values) > 1 else None


def _cells(rows: Sequence[Row], shown: Sequence[str]) -> Iterator[list[str]]:
    for row in rows:
        yield [row.name, *(_number(row.scores.get(name)) for name in shown)]
    columns = [_values(rows, name) for name in shown]
    yield ["mean", *(_number(fmean(values)) for values in columns)]
    yield ["standard error", *(_number(_standard_error(values)) for values in columns)]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _as_json(rows: Sequence[Row]) -> dict[str, Any]:
    names = list(dict.fromkeys(name for row in rows for name in row.scores))
    return {
        "mean": {name: fmean(_values(rows, name)) for name in names},
        "standard_error": {name: _standard_error(_values(rows, name)) for name in names},
        "images": [{"name": row.name, **row.scores} for row in rows],
    }
