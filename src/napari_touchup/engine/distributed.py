"""Several processes, started by torchrun, that share every batch of a training run.

Each takes its crops of a batch, divides its loss by the weights of all, and gets the average of all
gradients: so all take the step of one process with the whole batch. (With batch norm that is exact
where its statistics are frozen; else each normalises by its own crops, and those of the first
process are kept.)
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from napari_touchup.nn.loss import Loss, Losses, Targets, loss_for, normalisers

PATIENCE = timedelta(hours=2)  # the others wait while the first one scores the validation images


@dataclass(frozen=True, slots=True)
class Team:
    """The place of this process among those that train together.

    Attributes
    ----------
    rank : 0 is the one that prints, scores and writes
    size : number of processes
    device : of this one, such as "cuda:1"; "" leaves the choice to the options
    """

    rank: int = 0
    size: int = 1
    device: str = ""

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def part(self, count: int) -> range:
        """Which of `count` crops are this process's.

        >>> Team(rank=1, size=2).part(5)
        range(2, 5)
        """
        return range(self.rank * count // self.size, (self.rank + 1) * count // self.size)

    def mean(self, numbers: Tensor) -> Tensor:
        """Average over the processes."""
        if self.size > 1:
            dist.all_reduce(numbers)
            numbers = numbers / self.size
        return numbers

    def agree(self, *numbers: float) -> list[float]:
        """Give all processes the largest that any has: their clocks and signals differ."""
        if self.size == 1:
            return list(numbers)
        shared = torch.tensor(numbers, dtype=torch.float64, device=self.device or "cpu")
        dist.all_reduce(shared, dist.ReduceOp.MAX)
        return [float(number) for number in shared.tolist()]

    def wrap(self, module: nn.Module) -> nn.Module:
        """Give the network whose backward pass averages gradients over the processes."""
        return module if self.size == 1 else DistributedDataParallel(module)

    def loss(self, output: str) -> Loss:
        """Loss of a network's output, in units of what the whole batch weighs."""
        if self.size == 1:
            return loss_for(output)

        def shared(raw: Tensor, targets: Targets) -> Losses:
            return loss_for(output, self.mean(normalisers(targets)))(raw, targets)

        return shared


ALONE = Team()


@contextmanager
def team() -> Iterator[Team]:
    """Join the processes that torchrun started, for the length of a block; without it: `ALONE`."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield ALONE
        return
    cuda = torch.cuda.is_available()
    device = f"cuda:{os.environ['LOCAL_RANK']}" if cuda else "cpu"
    if cuda:
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if cuda else "gloo", timeout=PATIENCE)
    try:
        yield Team(dist.get_rank(), size, device)
    finally:
        dist.destroy_process_group()
