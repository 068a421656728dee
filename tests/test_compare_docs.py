"""The comparison of networks: what its README and the project's tell is what was measured."""

import csv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "compare"


@pytest.mark.parametrize("page", [FOLDER / "README.md", ROOT / "README.md"])
def test_the_table_tells_what_was_measured(page: Path) -> None:
    with (FOLDER / "table.csv").open(newline="") as file:
        heading, *rows = csv.reader(file)
    told = page.read_text().splitlines()
    assert len(rows) >= 6
    assert {"| " + " | ".join(row) + " |" for row in (heading, *rows)} <= set(told)
