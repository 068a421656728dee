"""The few-shot study: what its cells annotate, and that its README tells what was measured."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from napari_touchup.engine.samples import Sample

DOCS = Path(__file__).parents[1] / "docs"
STUDY = DOCS / "few_shot"


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, STUDY / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses look for their module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def domains(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(DOCS / "default_model"))
    monkeypatch.setitem(sys.modules, "domains", None)
    return script("domains")


def two_squares() -> Sample:
    truth = np.zeros((40, 60), np.int32)
    truth[10:20, 10:20], truth[10:20, 24:34] = 1, 2
    return Sample(np.zeros((1, 40, 60)), truth)


@pytest.mark.parametrize(
    ("pixel", "counts"),
    [
        ((15, 15), True),  # the cell
        ((15, 29), False),  # the cell that nobody annotated
        ((15, 21), True),  # the ring
        ((29, 15), True),
        ((30, 15), False),  # beyond the ring
        ((15, 40), False),
    ],
)
def test_a_cell_counts_with_its_ring(
    domains: ModuleType, pixel: tuple[int, int], counts: bool
) -> None:
    seed = next(s for s in range(9) if 1 in domains.few_cells(two_squares(), 1, s).truth)
    few = domains.few_cells(two_squares(), 1, seed)
    assert few.annotated[pixel] == counts
    assert np.unique(few.truth).tolist() == [0, 1]


def test_more_cells_are_the_same_cells_and_more(domains: ModuleType) -> None:
    rng = np.random.default_rng(0)
    truth = np.kron(rng.permutation(36).reshape(6, 6), np.ones((8, 8), np.int32))
    sample = Sample(np.zeros((1, 48, 48)), truth)
    chosen = [set(np.unique(domains.few_cells(sample, k, 3).truth)) - {0} for k in (1, 5, 20)]
    assert [len(ids) for ids in chosen] == [1, 5, 20]
    assert chosen[0] < chosen[1] < chosen[2]


def test_the_tables_tell_what_was_measured() -> None:
    table = script("table")
    told = (STUDY / "README.md").read_text().splitlines()
    runs = table.read(STUDY / "runs.csv")
    assert set(table.variants(runs) + table.others(runs)) <= set(told)
