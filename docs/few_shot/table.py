"""Make the tables of README.md from the rows of the study.

    python docs/few_shot/table.py runs.csv

A row is there where its three domains are.
"""

import csv
from collections.abc import Iterable
from pathlib import Path
from statistics import mean

import typer

BASE = "base"
ORDER = ("stained_colour", "brightfield_grey", "axon_tem")
SCORES = ("ap50", "old", "old_real")
HEAD = ("stained", "grey", "axons", "mean", "old", "old, real")

Case = tuple[int, int, str]  # annotated cells, seed, variant
Scores = dict[str, dict[str, float]]  # by domain, then by name


def main(path: Path) -> None:
    cases = read(path)
    for title, lines in (("variants", variants(cases)), ("cells and seeds", others(cases))):
        typer.echo("\n".join([f"\n{title}\n", *lines]))


def read(path: Path) -> dict[Case, Scores]:
    cases: dict[Case, Scores] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            case = int(row["cells"]), int(row["seed"]), row["variant"]
            cases.setdefault(case, {})[row["domain"]] = {name: float(row[name]) for name in SCORES}
    whole = len(cases[0, 0, BASE])
    return {case: scores for case, scores in cases.items() if len(scores) == whole}


def variants(cases: dict[Case, Scores]) -> list[str]:
    """Compare all variants with five cells of the first seed, the best in its domains first."""
    found = {
        name: scores for (cells, seed, name), scores in cases.items() if (cells, seed) == (5, 0)
    }
    order = sorted(found, key=lambda name: -numbers(found[name])[3])
    rows = [(BASE, cases[0, 0, BASE]), *((name, found[name]) for name in order)]
    return markdown("5 cells, seed 0", rows)


def others(cases: dict[Case, Scores]) -> list[str]:
    """Show what was run with other numbers of cells or other seeds, beside its like."""
    repeated = {name for cells, seed, name in cases if (cells, seed) not in ((0, 0), (5, 0))}
    rows = [
        (f"{cells}, {seed}, {name}", scores)
        for (cells, seed, name), scores in sorted(cases.items())
        if name in repeated
    ]
    return markdown("cells, seed, variant", rows)


def numbers(scores: Scores) -> list[float]:
    """AP50 of every domain and their mean, then the mean old skills."""
    domains = [found["ap50"] for found in scores.values()]
    means = [mean(found[name] for found in scores.values()) for name in SCORES]
    return [*domains, *means]


def markdown(title: str, rows: Iterable[tuple[str, Scores]]) -> list[str]:
    lines = [[title, *HEAD], ["---"] * (len(HEAD) + 1)]
    for name, scores in rows:
        by_domain = dict(sorted(scores.items(), key=lambda item: ORDER.index(item[0])))
        lines.append([name, *(f"{number:.3f}" for number in numbers(by_domain))])
    return [f"| {' | '.join(line)} |" for line in lines]


if __name__ == "__main__":
    typer.run(main)
