"""What changes while a network trains, and the file it is resumed from.

Randomness is no part of it: the crops of step n are a function of (seed, n) alone.
"""

import copy
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import SGD, AdamW, Optimizer

from napari_touchup.nn.checkpoint import Model
from napari_touchup.options import TrainOptions

FORMAT = "touchup-training-1"
EMA_LAG = 10  # the average forgets the first weights within this many steps


@dataclass
class State:
    """One training run between two steps."""

    module: nn.Module
    average: nn.Module  # the same network with averaged weights: the result
    optimizer: Optimizer
    batch: int  # crops in a step; halved when memory runs out
    step: int = 0  # steps done
    seconds: float = 0.0  # wall time that they took
    saved: int = -1  # steps done when it was last saved
    broken: bool = False  # the last forward pass gave NaN
    network: nn.Module = field(init=False)  # what is run: the module, or what processes share

    def __post_init__(self) -> None:
        self.network = self.module


def start(module: nn.Module, options: TrainOptions, device: str) -> State:
    """Begin with a copy of a network, which itself stays as it is."""
    learner = copy.deepcopy(module).to(device)
    learner.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    learner.requires_grad_(True)
    average = copy.deepcopy(learner).requires_grad_(False).eval()
    return State(learner, average, make_optimizer(learner, options), options.batch)


def make_optimizer(module: nn.Module, options: TrainOptions) -> Optimizer:
    """AdamW or the paper's SGD; weight decay acts on kernels only."""
    weights = list(module.parameters())
    groups = [
        {"params": [p for p in weights if p.ndim > 1], "weight_decay": options.weight_decay},
        {"params": [p for p in weights if p.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if options.optimizer == "sgd":
        return SGD(groups, lr=options.rate, momentum=options.momentum)
    return AdamW(groups, lr=options.rate)


def train_mode(module: nn.Module, freeze_norm: bool) -> None:
    """Set a network to training, with the statistics of batch norm frozen where asked."""
    module.train()
    for part in module.modules():
        if freeze_norm and isinstance(part, _BatchNorm):
            part.eval()


@torch.no_grad()
def advance(state: State, rate: float, decay: float) -> None:
    """Take one step along the gradients that are there, and let the average follow."""
    for group in state.optimizer.param_groups:
        group["lr"] = rate
    state.optimizer.step()
    state.step += 1
    follow = 1 - min(decay, state.step / (EMA_LAG + state.step))
    for mean, now in zip(_tensors(state.average), _tensors(state.module), strict=True):
        if mean.is_floating_point():
            mean.lerp_(now, follow)
        else:
            mean.copy_(now)


def weights_of(state: State) -> dict[str, NDArray[Any]]:
    """Copy the averaged weights to numpy, by their names in the network."""
    return {
        name: tensor.detach().cpu().contiguous().numpy().copy()
        for name, tensor in state.average.state_dict().items()
    }


def with_weights(model: Model, weights: Mapping[str, NDArray[Any]]) -> Model:
    """Give a copy of a model with other weights, such as those that training ended with."""
    module = copy.deepcopy(model.module).cpu()
    module.load_state_dict({n: torch.from_numpy(np.array(w)) for n, w in weights.items()})
    return Model(module.requires_grad_(False).eval(), model.header)


def save_state(path: Path, state: State) -> None:
    """Write all that `load_state` needs; the file appears whole or not at all."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in _named(state).items()}
    numbers = {"step": state.step, "seconds": state.seconds, "batch": state.batch}
    part = path.with_name(path.name + ".part")
    save_file(tensors, part, {"format": FORMAT, "numbers": json.dumps(numbers)})
    os.replace(part, path)
    state.saved = state.step


def load_state(path: Path, state: State) -> None:
    """Continue where `save_state` stopped; `state` is a fresh one of the same network.

    Raises
    ------
    ValueError
        If the file is none of ours, or of another network or optimizer.
    """
    tensors, numbers = _read(path)
    _fill(path, state.module, tensors, "module.")
    _fill(path, state.average, tensors, "average.")
    held: dict[int, dict[str, Tensor]] = {}
    for name in (n for n in tensors if n.startswith("optimizer.")):
        _, index, key = name.split(".")
        held.setdefault(int(index), {})[key] = tensors[name]
    groups = state.optimizer.state_dict()["param_groups"]
    state.optimizer.load_state_dict({"state": held, "param_groups": groups})
    state.step, state.batch = int(numbers["step"]), int(numbers["batch"])
    state.seconds, state.saved = float(numbers["seconds"]), state.step


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, float]]:
    try:
        with safe_open(path, "pt") as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"expected a saved training run, got {path}: {error}") from error
    if about.get("format") != FORMAT:
        raise ValueError(f"expected a saved training run ({FORMAT}), got {path}")
    return tensors, json.loads(about["numbers"])


def _fill(path: Path, module: nn.Module, tensors: dict[str, Tensor], prefix: str) -> None:
    mine = {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
    wanted = {name: tensor.shape for name, tensor in module.state_dict().items()}
    if wanted != {name: tensor.shape for name, tensor in mine.items()}:
        raise ValueError(f"expected a saved training run of this network, got another's: {path}")
    module.load_state_dict(mine)


def _named(state: State) -> dict[str, Tensor]:
    tensors = {f"module.{n}": t for n, t in state.module.state_dict().items()}
    tensors |= {f"average.{n}": t for n, t in state.average.state_dict().items()}
    for index, held in state.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{k}": t for k, t in held.items() if t is not None}
    return tensors


def _tensors(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]
