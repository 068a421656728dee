"""The fully convolutional networks of Long, Shelhamer and Darrell 2015 (arXiv:1411.4038, figure 3).

VGG-16 (Simonyan and Zisserman 2015, configuration D) whose fully connected layers are convolutions.
The paper's fc6 has no padding: its images get 100 px of zeros all around, and the output is
cropped. Here every layer is padded instead, so that at any size the output lies pixel by pixel over
the input, as tiles need it. fc6 repeats the values at the edge of what it is given: it looks 112
pixels far, so zeros would be all that most of its taps ever see of crops, and they would be lost on
a frame.
Shapes at line ends are those of 512 x 512 pixels at base 64.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_touchup.nn.grid import OnGrid
from napari_touchup.nn.reach import Span, convolution, halo, join, mirror, transposed
from napari_touchup.nn.unet import he, normed
from napari_touchup.options import ModelSpec

STAGES = (2, 2, 3, 3, 3)  # 3x3 convolutions before each pooling
WIDTHS = (1, 2, 4, 8, 8)  # of the stages, in units of the base
CONNECTED = 64  # width of fc6 and fc7, in units of the base: 4096 in the paper
SKIPS = {"fcn32s": (), "fcn16s": (4,), "fcn8s": (4, 3)}  # poolings whose scores are summed


class FCN(OnGrid):
    """(B, C, Y, X) float32 -> (B, K, Y, X) raw values, by the variant that `spec.arch` names.

    What variants share has the same names, so a 16s can start from a trained 32s, and an 8s from a
    16s: the scores of the new skip begin at zero, and it begins near what the other one gave.

    At base 64 without batch norm it is the paper's. With batch norm, the default, it also learns
    from nothing, which VGG-16 hardly does; a narrow base makes it one for small machines.

    Attributes
    ----------
    stride : int
        S = 32, pixels.
    halo : (int, int)
        A block of output that covers [S i, S j) depends on the input pixels
        [S i - before, S j + after) and on no others. Tight.
    mirror : (int, int)
        By how much a frame is at least extended by reflection; less than the halo.
    """

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.spec, self.skips = spec, SKIPS[spec.arch]
        widths = [times * spec.base for times in (*WIDTHS, CONNECTED)]  # 64 ... 512, 4096
        inputs = [spec.in_channels, *widths]
        dropout = [nn.Dropout(spec.dropout)] if spec.dropout else []
        self.stage = nn.ModuleList(
            nn.Sequential(*_convolutions(spec, inputs[n], widths[n], 3, count))
            for n, count in enumerate(STAGES)
        )
        fc6 = _convolutions(spec, inputs[5], widths[5], 7, padding_mode="replicate")
        self.fc6 = nn.Sequential(*fc6, *dropout)
        self.fc7 = nn.Sequential(*_convolutions(spec, widths[5], widths[5], 1), *dropout)
        self.score = nn.ModuleDict({"fc7": nn.Conv2d(widths[5], spec.classes, 1)})
        self.up = nn.ModuleDict()
        for n in self.skips:
            self.score[f"pool{n}"] = nn.Conv2d(inputs[n], spec.classes, 1)
            self.up[f"pool{n}"] = _up(spec, 2)
        self.factor = 32 >> len(self.skips)  # of the last enlargement
        self.up[f"x{self.factor}"] = _up(spec, self.factor)
        for part in (self.stage, self.fc6, self.fc7, self.score):
            part.apply(he)
        for n in self.skips:  # 16s begins as 32s, 8s as 16s (section 4.2)
            nn.init.zeros_(self.score.get_parameter(f"pool{n}.weight"))

        self.stride = 32
        self.halo = halo(self._reach, self.stride)
        self.mirror = mirror(self.halo)

    def forward(self, x: Tensor) -> Tensor:
        self.check(x)  # (B, 1, 512, 512)
        pools = [x]
        for stage in self.stage:
            x = F.max_pool2d(stage(x), 2)  # (B, 64, 256, 256) ... (B, 512, 16, 16)
            pools.append(x)
        x = self.score["fc7"](self.fc7(self.fc6(x)))  # (B, K, 16, 16)
        for n in self.skips:
            x = self.up[f"pool{n}"](x) + self.score[f"pool{n}"](pools[n])  # (B, K, 32, 32), 64
        logits: Tensor = self.up[f"x{self.factor}"](x)  # (B, K, 512, 512)
        return logits

    def _reach(self, output: Span) -> Span:
        """Input indices on which output indices depend."""
        span = transposed(output, 2 * self.factor, self.factor, padding=self.factor // 2)
        skips = {}  # indices of pool3 and pool4 whose scores are summed
        for n in reversed(self.skips):
            skips[n] = span
            span = transposed(span, 4, 2, padding=1)
        span = convolution(span, 7, padding=3)
        for n in range(5, 0, -1):
            span = convolution(join(span, skips.get(n, span)), 2, stride=2)
            span = convolution(span, 2 * STAGES[n - 1] + 1, padding=STAGES[n - 1])
        return span


def _convolutions(
    spec: ModelSpec, c_in: int, c_out: int, kernel: int, count: int = 1, **more: Any
) -> list[nn.Module]:
    """Make convolutions with their norms and activations; `more` is of `nn.Conv2d`."""
    layers: list[nn.Module] = []
    for c in (c_in, *[c_out] * (count - 1)):
        layers += normed(spec, c, c_out, kernel, padding="same", **more)
    return layers


def _up(spec: ModelSpec, factor: int) -> nn.Module:
    """Make a transposed convolution that begins as a bilinear enlargement of every class.

    The authors keep the last one as it is (section 4.3); here all learn.
    """
    k = spec.classes
    layer = nn.ConvTranspose2d(k, k, 2 * factor, factor, padding=factor // 2, bias=False)
    away = (torch.arange(2 * factor) - (factor - 0.5)).abs()  # of a tap from the kernel's centre
    line = 1 - away / factor  # (2 f,)
    with torch.no_grad():
        kernel = line[:, None] * line  # (2 f, 2 f)
        layer.weight.zero_().diagonal().copy_(kernel[..., None])  # (K, K, 2 f, 2 f)
    return layer
