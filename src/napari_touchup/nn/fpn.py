"""Feature pyramid of Lin et al. 2017 (arXiv:1612.03144, figure 3).

Shapes at line ends are those of a 256 x 256 image with resnet18 at base 64.
"""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from napari_touchup.nn.reach import Span, convolution, join
from napari_touchup.nn.unet import he


class FPN(nn.Module):
    """Features of several strides, each twice the one before -> as many with equal channels.

    Unlike in the paper a batch norm follows each convolution: without an encoder that ImageNet has
    trained, nothing else keeps the levels at one scale, and one head reads all of them.

    Parameters
    ----------
    inputs : channels of the features, finest first
    width : D, channels of all that it gives
    """

    def __init__(self, inputs: Sequence[int], width: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(_normed(c_in, width, 1) for c_in in inputs)
        self.smooth = nn.ModuleList(_normed(width, width, 3) for _ in inputs)
        self.apply(he)

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        # (B, 64, 64, 64), (B, 128, 32, 32), (B, 256, 16, 16), (B, 512, 8, 8)
        merged = [lateral(x) for lateral, x in zip(self.lateral, features, strict=True)]
        for level in range(len(merged) - 2, -1, -1):
            above = F.interpolate(merged[level + 1], scale_factor=2.0, mode="nearest")
            merged[level] = merged[level] + above  # (B, 256, 16, 16), (B, 256, 32, 32) ...
        # (B, 256, 64, 64), (B, 256, 32, 32), (B, 256, 16, 16), (B, 256, 8, 8)
        return [smooth(x) for smooth, x in zip(self.smooth, merged, strict=True)]

    def reach(self, spans: Sequence[Span]) -> list[Span]:
        """Spans of its input that are read by spans of its output, finest first."""
        spans = [convolution(span, 3, padding=1) for span in spans]
        for level in range(1, len(spans)):
            first, last = spans[level - 1]
            spans[level] = join(spans[level], (first // 2, last // 2))
        return spans


def _normed(c_in: int, c_out: int, edge: int) -> nn.Sequential:
    convolve = nn.Conv2d(c_in, c_out, edge, padding=edge // 2, bias=False)
    return nn.Sequential(convolve, nn.BatchNorm2d(c_out))
