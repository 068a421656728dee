"""What a training run tells, event by event."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from napari_touchup.engine.evaluate import Scored
from napari_touchup.engine.segment import Notice

Weights = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Step:
    step: int  # steps done, from 1
    progress: float  # share of the run, 0 ... 1
    loss: float
    parts: Mapping[str, float]  # the loss by its parts
    rate: float  # learning rate
    seconds: float  # of the whole run so far
    data_seconds: float  # of this step, spent on crops and their variation


@dataclass(frozen=True, slots=True)
class Validated:
    step: int
    scores: Mapping[str, float]  # means over the validation images


@dataclass(frozen=True, slots=True)
class Saved:
    path: Path


@dataclass(frozen=True, slots=True)
class Fitted:
    """The end: averaged weights by their names in the network."""

    weights: Weights
    steps: int
    seconds: float


Event = Notice | Step | Scored | Validated | Saved | Fitted


class DivergedError(ArithmeticError):
    """The loss was not a number.

    Attributes
    ----------
    weights : the last good (averaged) weights
    """

    def __init__(self, message: str, weights: Weights) -> None:
        super().__init__(message, weights)
        self.weights = weights

    def __str__(self) -> str:
        return str(self.args[0])
