"""Twice the channels without a change of what a network computes: Net2Net (Chen 2016), section 3.

Each channel becomes two, and what reads it is shared out between them. The shares are uneven, so
that the two learn different things from then on.
"""

import torch
from torch import Tensor

from napari_touchup.nn.build import build
from napari_touchup.nn.checkpoint import Model

UNEVEN = 0.3  # standard deviation of a share, whose mean is a half


def widen(model: Model, seed: int = 0) -> Model:
    """Give the same function as a U-Net of twice the base."""
    spec = model.header.spec
    wide = build(spec.model_copy(update={"base": 2 * spec.base}))
    generator = torch.Generator().manual_seed(seed)
    old = model.module.state_dict()
    wide.load_state_dict(
        {
            name: doubled(old[name], like, name.startswith("up."), generator)
            for name, like in wide.state_dict().items()
        }
    )
    header = model.header.model_copy(
        update={"spec": spec.model_copy(update={"base": 2 * spec.base})}
    )
    return Model(wide.eval(), header)


def doubled(tensor: Tensor, like: Tensor, transposed: bool, generator: torch.Generator) -> Tensor:
    """One tensor of the wide network; `like` tells which of its axes are twice as long."""
    writes = 1 if transposed and tensor.ndim > 1 else 0
    reads = 1 - writes
    if tensor.ndim > 1 and like.shape[reads] == 2 * tensor.shape[reads]:
        shape = [n if axis == reads else 1 for axis, n in enumerate(tensor.shape)]
        share = 0.5 + UNEVEN * torch.randn(shape, generator=generator)
        pair = torch.stack([tensor * share, tensor * (1 - share)], reads + 1)
        tensor = pair.flatten(reads, reads + 1)
    if tensor.ndim and like.shape[writes] == 2 * tensor.shape[writes]:
        tensor = tensor.repeat_interleave(2, writes)
    return tensor
