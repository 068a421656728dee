"""The U-Net of Ronneberger, Fischer and Brox 2015 (arXiv:1505.04597, figure 1), and its padded kin.

Shapes at line ends are those of the paper's tile at base 64, depth 4: 572 in, 388 out.
A network is shift-equivariant only by multiples of its stride, so tiles lie on a grid of it.
"""

from math import sqrt
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_touchup.nn.grid import OnGrid
from napari_touchup.nn.reach import Span, convolution, halo, join, transposed
from napari_touchup.options import ModelSpec

LEAKY_SLOPE = 0.2


class UNet(OnGrid):
    """(B, C, Y, X) float32 -> (B, K, Y', X') raw values; Y' = Y with padding "same".

    Attributes
    ----------
    stride : int
        S = 2^depth, pixels.
    halo : (int, int)
        A block of output that covers [S i, S j) of the input depends on the input pixels
        [S i - before, S j + after) and on no others. Tight.
    mirror : (int, int)
        By how much a frame is at least extended by reflection: the halo.
    """

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        widths = [spec.base * 2**level for level in range(spec.depth + 1)]  # 64 ... 1024
        inputs = [spec.in_channels, *widths]
        self.spec = spec
        self.down = nn.ModuleList(
            two_convolutions(spec, inputs[level], widths[level], level)
            for level in range(spec.depth)
        )
        self.bottom = two_convolutions(spec, inputs[spec.depth], widths[spec.depth], spec.depth)
        levels = range(spec.depth - 1, -1, -1)
        self.up = nn.ModuleList(up(spec, 2 * widths[level], widths[level]) for level in levels)
        self.merge = nn.ModuleList(
            two_convolutions(spec, 2 * widths[level], widths[level]) for level in levels
        )
        edge = int(spec.head[0])
        padding = edge // 2 if spec.padding == "same" else 0
        self.head = nn.Conv2d(spec.base, spec.classes, edge, padding=padding)
        self.apply(he)

        self.stride = 2**spec.depth
        self.crops = [2 * _margin(spec, depth) for depth in range(spec.depth)]  # of skips, 4 ... 88
        # the valid network loses this on every side
        self.margin = _margin(spec, spec.depth) + edge // 2 - padding
        self.halo = self.mirror = halo(self._reach, self.stride)

    def forward(self, x: Tensor) -> Tensor:
        self.check(x)  # (B, 1, 572, 572)
        skips = []
        for block in self.down:
            x = block(x)  # (B, 64, 568, 568) ... (B, 512, 64, 64)
            skips.append(x)
            x = F.max_pool2d(x, 2)  # (B, 64, 284, 284) ... (B, 512, 32, 32)
        x = self.bottom(x)  # (B, 1024, 28, 28)
        levels = zip(self.up, self.merge, reversed(skips), self.crops, strict=True)
        for up, merge, skip, crop in levels:
            x = up(x)  # (B, 512, 56, 56) ... (B, 64, 392, 392)
            skip = _cropped(skip, crop)  # (B, 512, 56, 56) ... (B, 64, 392, 392)
            x = torch.cat([skip, x], dim=1)  # (B, 1024, 56, 56) ... (B, 128, 392, 392)
            x = merge(x)  # (B, 512, 52, 52) ... (B, 64, 388, 388)
        logits: Tensor = self.head(x)  # (B, 2, 388, 388)
        return logits

    def input_size(self, n: int) -> int:
        """Smallest accepted input edge >= n, pixels (the paper's: 16 m + 12)."""
        contraction = 4 * (self.stride - 1) if self.spec.padding == "valid" else 0
        n = max(n, 2 * self.margin + 1)
        return n + (contraction - n) % self.stride

    def output_size(self, n: int) -> int:
        """Output edge of an accepted input edge n, pixels."""
        return super().output_size(n) - 2 * self.margin

    def _reach(self, span: Span) -> Span:
        output = span[0] - self.margin, span[1] - self.margin
        edge, padding = self.head.kernel_size[0], int(self.head.padding[0])
        return _reach(self.spec, convolution(output, edge, padding=padding), self.spec.depth)


def two_convolutions(spec: ModelSpec, c_in: int, c_out: int, level: int = 0) -> nn.Sequential:
    """Make two 3x3 convolutions with their norms and activations."""
    layers = [
        *normed(spec, c_in, c_out, 3, padding=spec.padding),
        *normed(spec, c_out, c_out, 3, padding=spec.padding),
    ]
    if spec.dropout and level > spec.depth - spec.dropout_levels:
        layers.append(nn.Dropout(spec.dropout))  # the end of the contracting path (section 3.1)
    return nn.Sequential(*layers)


def normed(spec: ModelSpec, c_in: int, c_out: int, kernel: int, **more: Any) -> list[nn.Module]:
    """Make a convolution with its norm and activation; `more` is of `nn.Conv2d`."""
    layer = nn.Conv2d(c_in, c_out, kernel, bias=spec.norm != "batch", **more)
    leaky = spec.activation == "leaky_relu"
    activation = nn.LeakyReLU(LEAKY_SLOPE, inplace=True) if leaky else nn.ReLU(inplace=True)
    match spec.norm:
        case "batch":
            return [layer, nn.BatchNorm2d(c_out), activation]
        case "batch_after":
            return [layer, activation, nn.BatchNorm2d(c_out)]
        case "none":
            return [layer, activation]


def up(spec: ModelSpec, c_in: int, c_out: int) -> nn.Module:
    """Make a transposed convolution that doubles the edge."""
    if spec.up == "2x2":
        return nn.ConvTranspose2d(c_in, c_out, 2, stride=2)
    return nn.ConvTranspose2d(c_in, c_out, 3, stride=2, padding=1, output_padding=1)


def _cropped(skip: Tensor, crop: int) -> Tensor:
    return skip[:, :, crop:-crop, crop:-crop] if crop else skip


def he(module: nn.Module) -> None:
    """Draw weights from a Gaussian of deviation sqrt(2 / N), N inputs of one neuron (section 3)."""
    if not isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        return
    n: float = module.in_channels * module.kernel_size[0] * module.kernel_size[1] / module.groups
    if isinstance(module, nn.ConvTranspose2d):
        n /= module.stride[0] * module.stride[1]  # an output pixel meets a quarter of the kernel
    nn.init.normal_(module.weight, std=sqrt(2 / n))
    if module.bias is not None:
        nn.init.zeros_(module.bias)


def up_reach(spec: ModelSpec, span: Span) -> Span:
    """Give the span of what `up` reads."""
    return transposed(span, 2, 2) if spec.up == "2x2" else transposed(span, 3, 2, padding=1)


def two_reach(spec: ModelSpec, span: Span) -> Span:
    """Give the span of what `two_convolutions` read."""
    return convolution(span, 5, padding=2 if spec.padding == "same" else 0)  # of two 3x3


def _margin(spec: ModelSpec, depth: int) -> int:
    """(input edge - output edge) / 2 of a U of `depth` poolings."""
    if spec.padding == "same":
        return 0
    return 2 if depth == 0 else 2 * _margin(spec, depth - 1) + 4


def _reach(spec: ModelSpec, output: Span, depth: int) -> Span:
    """Input indices on which the output indices of a U of `depth` poolings depend."""
    span = two_reach(spec, output)
    if depth == 0:
        return span
    crop = 2 * _margin(spec, depth - 1)
    below = _reach(spec, up_reach(spec, span), depth - 1)
    skip = span[0] + crop, span[1] + crop
    return two_reach(spec, join(skip, convolution(below, 2, stride=2)))
