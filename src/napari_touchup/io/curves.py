"""How a training run went: kept step by step, written as JSON and drawn as PNG."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

INSTALL = "pip install 'napari-touchup[plot]'"
DIGITS = 5  # of a number in a file
SHOWN = ("ap50", "ap75", "iou")  # of the scores
SMOOTH = 20  # parts of a run over which the drawn loss is averaged
EDGE_INCHES = (7.0, 6.0)


@dataclass
class Curves:
    """Lists of equal length, one number for each step; and the scores in between."""

    numbers: dict[str, list[float]] = field(default_factory=dict)
    validation: list[dict[str, float]] = field(default_factory=list)

    def add(self, numbers: Mapping[str, float]) -> None:
        """Append a step, which has the same names as those before it."""
        for name, value in numbers.items():
            self.numbers.setdefault(name, []).append(_short(value))

    def add_scores(self, step: int, scores: Mapping[str, float]) -> None:
        self.validation.append({"step": step, **{n: _short(v) for n, v in scores.items()}})

    @property
    def scores(self) -> dict[str, float]:
        """The last ones; {} where nothing was scored."""
        return dict(self.validation[-1]) if self.validation else {}

    def as_json(self) -> dict[str, Any]:
        return {"curves": self.numbers, "validation": self.validation, "scores": self.scores}


def check_plotting() -> None:
    """Stop before work starts, if curves cannot be drawn.

    Raises
    ------
    ValueError
        If matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise ValueError(f"--plot needs matplotlib: {INSTALL}")


def plot(curves: Curves, path: Path) -> None:
    """Draw loss, learning rate and scores over the steps, as PNG."""
    from matplotlib.figure import Figure

    figure = Figure(EDGE_INCHES, layout="constrained")
    above, below = figure.subplots(2, sharex=True)
    steps, loss = (np.array(curves.numbers[name]) for name in ("step", "loss"))
    above.plot(steps, loss, color="0.8", label="loss of each step")
    above.plot(steps, smooth(loss), color="tab:blue", label="its average")
    above.set(ylabel="loss", yscale="log")
    above.legend()
    if curves.validation:
        at = [row["step"] for row in curves.validation]
        for name in SHOWN:
            below.plot(at, [row[name] for row in curves.validation], "o-", label=name)
        below.set(ylabel="score on the validation images", ylim=(0, 1))
        below.legend()
    else:
        below.plot(steps, curves.numbers["rate"], color="tab:orange")
        below.set(ylabel="learning rate")
    below.set(xlabel="step")
    figure.savefig(path)


def smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average over a twentieth of the run (of fewer steps at its beginning).

    >>> smooth(np.array([1.0, 3.0])).tolist()
    [1.0, 3.0]
    """
    width = max(1, len(values) // SMOOTH)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(0, ends - width)
    return np.asarray((sums[ends] - sums[starts]) / (ends - starts))


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
