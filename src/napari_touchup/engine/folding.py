"""Batch norms folded into the convolutions before them."""

import copy
from itertools import pairwise

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

Convolution = nn.Conv2d | nn.ConvTranspose2d


def fold(module: nn.Module) -> nn.Module:
    """Copy a network in eval mode with each batch norm folded into the convolution before it.

    Exact up to rounding. A batch norm is found where it follows in the same `nn.Sequential`, or
    where a module names the pair in `folds`, a tuple of (convolution, batch norm).
    """
    folded = copy.deepcopy(module).eval().requires_grad_(False)
    for block in list(folded.modules()):
        names = list(pairwise(block._modules)) if isinstance(block, nn.Sequential) else ()
        for first, second in getattr(block, "folds", names):
            layer, norm = getattr(block, first), getattr(block, second)
            if not (isinstance(layer, Convolution) and isinstance(norm, nn.BatchNorm2d)):
                continue
            transposed = isinstance(layer, nn.ConvTranspose2d)
            if not (transposed and layer.groups > 1):  # PyTorch cannot fold these
                setattr(block, first, fuse_conv_bn_eval(layer, norm, transposed))
                setattr(block, second, nn.Identity())
    return folded
