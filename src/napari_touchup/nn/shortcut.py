"""The 1x1 convolution of a shortcut past strided layers."""

import torch.nn.functional as F
from torch import Tensor, nn


class Shortcut(nn.Conv2d):
    """A 1x1 convolution that is strided by leaving pixels out before it.

    The same numbers, names and shapes as ``nn.Conv2d(c_in, c_out, 1, stride, bias=False)``, whose
    gradient writes beyond its memory on a CPU where channels lie last and are fewer than a vector
    (16 with AVX-512): oneDNN issue 6035. Narrow networks crashed while they trained.
    """

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__(c_in, c_out, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        down, right = self.stride
        return F.conv2d(x[:, :, ::down, ::right], self.weight, self.bias)
