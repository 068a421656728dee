"""The bundled model does its job, and what is held out from it is held out whole."""

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_touchup.core.metrics import average_precision
from napari_touchup.engine.segment import segment
from napari_touchup.io.samples import sample_path
from napari_touchup.nn.checkpoint import load
from napari_touchup.nn.header import DEFAULT_MODEL

GROUPS = Path(__file__).parents[1] / "docs" / "default_model" / "dsb2018_groups.csv"
# one image of each held-out fluorescence group of some size
HELD_OUT = {
    "fluo/bright-sparse": 0.7,
    "fluo/colonies-crowded": 0.6,
    "fluo/fibroblasts-dense": 0.7,
    "fluo/large-nuclei": 0.7,
    "fluo/512x640": 0.5,
}


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with GROUPS.open(newline="") as file:
        return list(csv.DictReader(file))


def ap50(image: np.ndarray, truth: np.ndarray) -> float:
    *_, prediction = segment(load(DEFAULT_MODEL), image[np.newaxis])
    return average_precision(truth, prediction.masks, [0.5])[0]


def test_groups_are_held_out_whole(rows):
    roles = defaultdict(set)
    for row in rows:
        roles[row["group"]].add(row["held_out"])
    assert all(len(role) == 1 for role in roles.values())
    assert sum(row["held_out"] == "1" for row in rows) == 155


def test_list_names_every_image(rows, dsb2018):
    assert {row["stem"] for row in rows} == {path.stem for path in (dsb2018 / "images").iterdir()}


@pytest.mark.parametrize(("sample", "least"), [("nuclei", 0.85), ("phase", 0.6)])
def test_bundled_samples(sample, least):
    image, truth = (tifffile.imread(sample_path(sample, truth=t)) for t in (False, True))
    assert ap50(image, truth) > least


@pytest.mark.parametrize(("group", "least"), HELD_OUT.items())
def test_held_out_nuclei(group, least, rows, dsb2018):
    stems = [row["stem"] for row in rows if row["group"] == group]
    pooled = [
        ap50(*(tifffile.imread(dsb2018 / kind / f"{stem}.tif") for kind in ("images", "masks")))
        for stem in stems[:4]
    ]
    assert np.mean(pooled) > least
