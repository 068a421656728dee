"""The modified aligned Xception of Chen 2018 (arXiv:1802.02611, figure 4), as an encoder.

Of Chollet's Xception (arXiv:1610.02357) it has more layers; its poolings are strided separable
convolutions, and a batch norm and an activation follow every depthwise convolution. Activations
come before a separable convolution, not after the sum, as in Chollet's figure 5.
Shapes at line ends are those of a 224 x 224 image at base 64 and output stride 16.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from napari_touchup.nn.encoders import Encoder
from napari_touchup.nn.reach import Span, join
from napari_touchup.nn.separable import separable, through
from napari_touchup.nn.shortcut import Shortcut
from napari_touchup.nn.unet import he

MIDDLE = 16  # blocks of the middle flow


class SeparableBlock(nn.Module):
    """Three separable convolutions, the last of them strided, and a shortcut."""

    def __init__(self, c_in: int, widths: tuple[int, int, int], stride: int = 1) -> None:
        super().__init__()
        first, second, third = widths
        self.body = nn.Sequential(
            nn.ReLU(),  # not in place: the shortcut reads what it is given
            separable(c_in, first),
            nn.ReLU(inplace=True),
            separable(first, second),
            nn.ReLU(inplace=True),
            separable(second, third, stride),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or c_in != third:
            self.shortcut = nn.Sequential(Shortcut(c_in, third, stride), nn.BatchNorm2d(third))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x) + self.shortcut(x)
        return out

    def reach(self, span: Span) -> Span:
        return through(self.body, span)  # the shortcut reads less


class Xception(Encoder):
    """(B, C, Y, X) -> features of strides 2, 4, 8, 16 and the output stride.

    Parameters
    ----------
    in_channels : C
    base : 64 gives the figure's widths, whose first convolution has 32 channels; all follow it
    output_stride : 32, or 16: then nothing is strided in the exit flow, and what follows its block
        is dilated by 2
    """

    first = ("stem.0", "stem.1")

    def __init__(self, in_channels: int, base: int, output_stride: int = 32) -> None:
        super().__init__()
        last = output_stride // 16
        w32, w64, w128, w256, w728, w1024, w1536, w2048 = (
            max(width * base // 64, 1) for width in (32, 64, 128, 256, 728, 1024, 1536, 2048)
        )
        self.stem = nn.Sequential(
            *_convolution(in_channels, w32, stride=2),
            *_convolution(w32, w64, stride=1),
        )
        self.entry1 = SeparableBlock(w64, (w128, w128, w128), stride=2)
        self.entry2 = SeparableBlock(w128, (w256, w256, w256), stride=2)
        self.entry3 = SeparableBlock(w256, (w728, w728, w728), stride=2)
        middle = (SeparableBlock(w728, (w728, w728, w728)) for _ in range(MIDDLE))
        self.middle = nn.Sequential(*middle)
        self.exit = nn.Sequential(
            SeparableBlock(w728, (w728, w1024, w1024), stride=last),
            separable(w1024, w1536, dilation=2 // last),
            nn.ReLU(inplace=True),
            separable(w1536, w1536, dilation=2 // last),
            nn.ReLU(inplace=True),
            separable(w1536, w2048, dilation=2 // last),
            nn.ReLU(inplace=True),
        )
        self.apply(he)
        self.widths = (w64, w128, w256, w728, w2048)
        self.strides = (2, 4, 8, 16, output_stride)

    def forward(self, x: Tensor) -> list[Tensor]:
        stem = self.stem(x)  # (B, 64, 112, 112)
        entry1 = self.entry1(stem)  # (B, 128, 56, 56)
        entry2 = self.entry2(entry1)  # (B, 256, 28, 28)
        x = self.entry3(entry2)  # (B, 728, 14, 14)
        middle = self.middle(x)  # (B, 728, 14, 14)
        x = self.exit(middle)  # (B, 2048, 14, 14)
        return [stem, entry1, entry2, middle, x]

    def reach(self, spans: Sequence[Span | None]) -> Span:
        to_middle = nn.Sequential(self.entry3, self.middle)
        stages = (self.stem, self.entry1, self.entry2, to_middle, self.exit)
        below: Span | None = None
        for stage, own in zip(reversed(stages), reversed(spans), strict=True):
            read = [span for span in (own, below) if span is not None]
            below = through(stage, join(*read)) if read else None
        if below is None:
            raise ValueError("expected the span of at least one feature, got none")
        return below


def _convolution(c_in: int, c_out: int, stride: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(c_in, c_out, 3, stride, padding=1, bias=False)
    return convolution, nn.BatchNorm2d(c_out), nn.ReLU(inplace=True)
