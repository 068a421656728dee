"""Encoders: networks for whole images, kept up to their last features.

The residual networks of He, Zhang, Ren and Sun 2015 (arXiv:1512.03385, table 1). Parameters have
torchvision's names, so that a checkpoint of it fits; like there, a bottleneck has its stride in
its 3x3 convolution. Shapes at line ends are those of a 224 x 224 image at base 64.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

from torch import Tensor, nn

from napari_touchup.nn.reach import Span, convolution, join
from napari_touchup.nn.shortcut import Shortcut

STRIDES = (16, 32)  # of the last feature


class Encoder(nn.Module, ABC):
    """(B, C, Y, X) -> features, finest first.

    Attributes
    ----------
    widths : tuple of int
        Channels of the features.
    strides : tuple of int
        Their strides, pixels: 2, 4, 8, 16 and the output stride. Edges of the input are multiples
        of the last one.
    first : (str, str)
        Names of its first convolution and of the batch norm behind it, which an ImageNet
        checkpoint's colours and their normalisation go into.
    """

    widths: tuple[int, ...]
    strides: tuple[int, ...]
    first = ("conv1", "bn1")

    @abstractmethod
    def forward(self, x: Tensor) -> list[Tensor]: ...

    @abstractmethod
    def reach(self, spans: Sequence[Span | None]) -> Span:
        """Span of the input that is read by spans of the features, finest first; None: not read."""


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut (He 2015, figure 5, left)."""

    expansion = 1
    folds = (("conv1", "bn1"), ("conv2", "bn2"))

    def __init__(self, c_in: int, width: int, stride: int, dilation: int) -> None:
        super().__init__()
        self.conv1 = _conv3x3(c_in, width, stride, dilation)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = _conv3x3(width, width, 1, dilation)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(c_in, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        out: Tensor = self.relu(y + self.downsample(x))
        return out

    def reach(self, span: Span) -> Span:
        return _read3x3(self.conv1, _read3x3(self.conv2, span))  # the shortcut reads less


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions and a shortcut (He 2015, figure 5, right)."""

    expansion = 4
    folds = (("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3"))

    def __init__(self, c_in: int, width: int, stride: int, dilation: int) -> None:
        super().__init__()
        c_out = self.expansion * width
        self.conv1 = nn.Conv2d(c_in, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _conv3x3(width, width, stride, dilation)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, c_out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(c_out)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(c_in, c_out, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        out: Tensor = self.relu(y + self.downsample(x))
        return out

    def reach(self, span: Span) -> Span:
        return _read3x3(self.conv2, span)


Block = BasicBlock | Bottleneck


class ResNet(Encoder):
    """A residual network without its classifier.

    Parameters
    ----------
    block : what the stages are made of
    blocks : number of blocks in each of the four stages
    in_channels : C
    base : channels of the first convolution; 64 in the paper, all widths follow it
    output_stride : 32, or 16: then the last stage keeps its size, and all its blocks but the first
        are dilated by 2 (as torchvision's ``replace_stride_with_dilation``)
    """

    folds = (("conv1", "bn1"),)

    def __init__(
        self,
        block: type[Block],
        blocks: tuple[int, int, int, int],
        in_channels: int,
        base: int,
        output_stride: int = 32,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, base, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(base)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        b, e, last = base, block.expansion, output_stride // 16
        self.layer1 = _stage(block, blocks[0], b, b)
        self.layer2 = _stage(block, blocks[1], e * b, 2 * b, stride=2)
        self.layer3 = _stage(block, blocks[2], 2 * e * b, 4 * b, stride=2)
        self.layer4 = _stage(block, blocks[3], 4 * e * b, 8 * b, stride=last, dilation=2 // last)
        self.apply(_he)
        self.widths = (b, e * b, 2 * e * b, 4 * e * b, 8 * e * b)
        self.strides = (2, 4, 8, 16, output_stride)

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.relu(self.bn1(self.conv1(x)))  # (B, 64, 112, 112)
        features = [x]
        x = self.maxpool(x)  # (B, 64, 56, 56)
        for stage in self._stages():
            x = stage(x)  # (B, 64, 56, 56), (B, 128, 28, 28), (B, 256, 14, 14), (B, 512, 7, 7)
            features.append(x)
        return features

    def reach(self, spans: Sequence[Span | None]) -> Span:
        stem, *stages = spans
        below: Span | None = None
        for stage, span in zip(reversed(self._stages()), reversed(stages), strict=True):
            below = _join(span, below)
            below = below and _through(stage, below)
        below = _join(stem, below and convolution(below, 3, stride=2, padding=1))  # the pooling
        if below is None:
            raise ValueError("expected the span of at least one feature, got none")
        return convolution(below, 7, stride=2, padding=3)

    def _stages(self) -> tuple[nn.Sequential, ...]:
        return self.layer1, self.layer2, self.layer3, self.layer4


def _xception(in_channels: int, base: int, output_stride: int) -> Encoder:
    from napari_touchup.nn.xception import Xception  # which is made of this file's Encoder

    return Xception(in_channels, base, output_stride)


# name -> maker(in_channels, base, output_stride)
ENCODERS: dict[str, Callable[[int, int, int], Encoder]] = {
    "resnet18": partial(ResNet, BasicBlock, (2, 2, 2, 2)),
    "resnet34": partial(ResNet, BasicBlock, (3, 4, 6, 3)),
    "resnet50": partial(ResNet, Bottleneck, (3, 4, 6, 3)),
    "xception": _xception,
}


def make_encoder(name: str, in_channels: int, base: int, output_stride: int = 32) -> Encoder:
    """Make an encoder with fresh weights.

    Parameters
    ----------
    name : of `ENCODERS`
    in_channels : C of the images
    base : channels of the first convolution; 64 is everyone's
    output_stride : of the last feature, pixels; 32, or 16 (dilated, Chen 2018)

    Raises
    ------
    ValueError
        If there is no such encoder or output stride; the message lists what there is.
    """
    if name not in ENCODERS:
        raise ValueError(f"expected an encoder of {list(ENCODERS)}, got {name!r}")
    if output_stride not in STRIDES:
        raise ValueError(f"expected an output stride of {list(STRIDES)}, got {output_stride}")
    return ENCODERS[name](in_channels, base, output_stride)


def _stage(
    block: type[Block], count: int, c_in: int, width: int, stride: int = 1, dilation: int = 1
) -> nn.Sequential:
    c_out = block.expansion * width
    first = block(c_in, width, stride, 1)  # reads what is not yet dilated
    return nn.Sequential(first, *(block(c_out, width, 1, dilation) for _ in range(count - 1)))


def _through(stage: nn.Sequential, span: Span) -> Span:
    for block in reversed(stage):
        span = cast("Block", block).reach(span)
    return span


def _conv3x3(c_in: int, c_out: int, stride: int, dilation: int) -> nn.Conv2d:
    return nn.Conv2d(c_in, c_out, 3, stride=stride, padding=dilation, dilation=dilation, bias=False)


def _shortcut(c_in: int, c_out: int, stride: int) -> nn.Module:
    if stride == 1 and c_in == c_out:
        return nn.Identity()
    # option B of the paper: projections where the size changes
    return nn.Sequential(Shortcut(c_in, c_out, stride), nn.BatchNorm2d(c_out))


def _read3x3(layer: nn.Conv2d, span: Span) -> Span:
    dilation = layer.dilation[0]
    return convolution(span, 3, layer.stride[0], padding=dilation, dilation=dilation)


def _join(first: Span | None, second: Span | None) -> Span | None:
    return join(first, second) if first and second else first or second


def _he(module: nn.Module) -> None:
    """Draw weights as torchvision does: He 2015 (arXiv:1502.01852), of a neuron's outputs."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
