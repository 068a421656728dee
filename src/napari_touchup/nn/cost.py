"""What a network costs, counted without running it."""

from typing import cast

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from napari_touchup.core.tiling import Geometry
from napari_touchup.nn.checkpoint import empty
from napari_touchup.options import ModelSpec

EDGE_PX = 1024  # of the image that is counted; so large that its borders count little


def parameters(module: nn.Module) -> int:
    """Count the learned values."""
    return sum(p.numel() for p in module.parameters())


def flop_per_pixel(spec: ModelSpec) -> float:
    """Floating-point operations (two a multiplication and addition) for one pixel of the output.

    Of convolutions in one pass over about 1024 x 1024 pixels; a valid network's lost border
    counts too. Of a network that detects objects only what it does `everywhere` counts: the heads
    cost as much as there is to be seen.
    """
    module = empty(spec).eval()
    geometry = cast("Geometry", module)
    edge = geometry.input_size(EDGE_PX)
    image = torch.empty(1, spec.in_channels, edge, edge, device="meta")
    run = getattr(module, "everywhere", module)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        run(image)
    return float(counter.get_total_flops() / geometry.output_size(edge) ** 2)
