"""Measurements of label images as CSV: a row for each object, and a row for each image."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_touchup.core.axes import Stack
from napari_touchup.core.regions import Columns, measure
from napari_touchup.io.images import ImageFile
from napari_touchup.io.tiff import replacing

COLOURS = 3  # of a picture; alpha is not measured
# of each frame, by its index along T and Z: what a person said of an object, by its label
States = Mapping[tuple[int, ...], Mapping[int, str]]
UNTOUCHED = "model"  # the state of an object that nobody looked at
STATES = (UNTOUCHED, "corrected", "confirmed")
AVERAGED = ("area_", "perimeter_", "eccentricity", "solidity", "intensity_mean_")


def measure_file(
    masks: ImageFile, image: ImageFile | None = None, states: States | None = None
) -> Columns:
    """Measure the objects of all frames, each frame by itself.

    Parameters
    ----------
    masks : from `napari_touchup.io.images.read_labels`
    image : of the same frames; may be in the file still
    states : of a project's image; None: nobody knows where the masks are from

    Returns
    -------
    dict
        ``frame`` (counted from 0 through the file), ``t`` and ``z`` where the masks have such an
        axis (from 0), then what `napari_touchup.core.regions.measure` gives; in physical units
        where the masks or the image have a pixel size. Last, where states are known, ``state``:
        one of `STATES`.

    Raises
    ------
    ValueError
        If the image has other frames.
    """
    labels = Stack(masks.data, masks.axes)
    raw = None if image is None else image.stack()
    pixel = masks.pixel or (image.pixel if image else None)
    edges, unit = ((pixel.y, pixel.x), pixel.unit) if pixel else (None, "")
    tables = []
    for number, (index, at) in enumerate(_frames(labels, raw)):
        shown = None if raw is None else raw.read(at)[: COLOURS if image and image.rgb else None]
        table = measure(labels.read(index)[0], shown, edges, unit)
        same = np.ones_like(table["area_px"])
        place = dict(zip(labels.frame_axes.lower(), index, strict=True))
        tables.append({k: same * n for k, n in ({"frame": number} | place).items()} | table)
        if states is not None:
            known = states.get(index, {})
            found = [known.get(label, UNTOUCHED) for label in table["cell"].tolist()]
            tables[-1]["state"] = np.array(found, dtype=str)
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


def check_frames(masks: ImageFile, image: ImageFile) -> None:
    """Make sure that an image has the frames of masks.

    Raises
    ------
    ValueError
        If it has others.
    """
    next(_frames(Stack(masks.data, masks.axes), image.stack()))


def summary(columns: Columns, masks: ImageFile) -> dict[str, Any]:
    """Sum up the objects of a file.

    Returns
    -------
    dict
        ``frames``, ``cells`` (in every frame anew), how many of them have each of `STATES` where
        that is known, ``covered`` (part of all pixels, 0 to 1), ``median_area_px``, and the mean
        over cells of areas, perimeters and mean intensities; NaN where there are no cells.
    """
    area = columns["area_px"]
    averages = {
        f"mean_{name}": float(values.mean()) if len(values) else float("nan")
        for name, values in columns.items()
        if name.startswith(AVERAGED)
    }
    states = columns["state"].tolist() if "state" in columns else None
    return {
        "frames": Stack(masks.data, masks.axes).frame_count,
        "cells": len(area),
        **({} if states is None else {state: states.count(state) for state in STATES}),
        "covered": int(area.sum()) / masks.data.size,
        "median_area_px": float(np.median(area)) if len(area) else float("nan"),
        **averages,
    }


def write_cells(path: Path, tables: Mapping[str, Columns]) -> None:
    """Write one table for all files; a column that a file lacks is empty there.

    Parameters
    ----------
    path : a file that is there is replaced
    tables : by the name of the file, which becomes the first column
    """
    headings = _headings(tables.values())

    def rows() -> Iterator[list[Any]]:
        for file, table in tables.items():
            empty = [""] * len(table["area_px"])
            columns = [table[name].tolist() if name in table else empty for name in headings]
            for values in zip(*columns, strict=True):
                yield [file, *map(_cell, values)]

    _write(path, ["file", *headings], rows())


def write_summary(path: Path, rows: Mapping[str, Mapping[str, Any]]) -> None:
    """Write one row for each file, of what `summary` gives, as `write_cells` does."""
    headings = _headings(rows.values())
    _write(
        path,
        ["file", *headings],
        ([file, *(_cell(row.get(name, "")) for name in headings)] for file, row in rows.items()),
    )


def _frames(
    labels: Stack, image: Stack | None
) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Pairs of indices of the same frame."""
    if image is None:
        yield from ((index, ()) for index in labels.frames())
        return
    sizes, others = ({axis: n for axis, n in _counts(one) if n > 1} for one in (labels, image))
    alone = [*sizes.values()] == [*others.values()] and len(sizes) <= 1  # its name may be guessed
    if labels.frame_shape != image.frame_shape or not (sizes == others or alone):
        shapes = f"{_told(labels)} and {_told(image)}"
        raise ValueError(f"expected an image of the frames that the masks have, got {shapes}")
    for index in labels.frames():
        where = dict(zip(labels.frame_axes, index, strict=True))
        if not alone:
            yield index, tuple(where.get(axis, 0) for axis in image.frame_axes)
            continue
        flat = max(index, default=0)  # all other axes have one place
        yield index, tuple(flat if axis in others else 0 for axis in image.frame_axes)


def _counts(stack: Stack) -> Iterator[tuple[str, int]]:
    for axis in "TZ":
        if axis in stack.axes:
            yield axis, int(stack.data.shape[stack.axes.index(axis)])


def _told(stack: Stack) -> str:
    y, x = stack.frame_shape
    return ", ".join([*(f"{axis} {n}" for axis, n in _counts(stack)), f"Y {y}", f"X {x}"])


def _headings(tables: Any) -> Sequence[str]:
    return list(dict.fromkeys(name for table in tables for name in table))


def _cell(value: Any) -> Any:
    """Empty for NaN, which spreadsheets take for a text."""
    return "" if value != value else value


def _write(path: Path, headings: Sequence[str], rows: Iterator[list[Any]]) -> None:
    with replacing(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([headings])
        csv.writer(file).writerows(rows)
