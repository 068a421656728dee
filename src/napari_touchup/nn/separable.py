"""Depthwise separable convolutions, and what sequences of layers read."""

from typing import Protocol, runtime_checkable

from torch import nn

from napari_touchup.nn.reach import Span, convolution


@runtime_checkable
class Reader(Protocol):
    """Layers that are no sequence."""

    def reach(self, span: Span) -> Span:
        """Span of the input that is read by a span of the output."""


def separable(c_in: int, c_out: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """Make a 3x3 convolution of each channel alone and a 1x1 convolution over all channels.

    Either has its batch norm, the first one an activation as well (Chen 2018, arXiv:1802.02611,
    figure 4: "similar to MobileNet"); what follows the second one is left to the caller.
    """
    return nn.Sequential(
        nn.Conv2d(c_in, c_in, 3, stride, dilation, dilation, groups=c_in, bias=False),
        nn.BatchNorm2d(c_in),
        nn.ReLU(inplace=True),
        nn.Conv2d(c_in, c_out, 1, bias=False),
        nn.BatchNorm2d(c_out),
    )


def pointwise(c_in: int, c_out: int) -> nn.Sequential:
    """Make a 1x1 convolution with its batch norm and activation."""
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, 1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU(inplace=True)
    )


def through(layer: nn.Module, span: Span) -> Span:
    """Give the span of what a layer, or a sequence of them, reads for a span of its output.

    A layer is what has a `reach`, a square convolution, or whatever keeps each pixel to itself.
    """
    if isinstance(layer, Reader):
        return layer.reach(span)
    if isinstance(layer, nn.Sequential):
        for each in reversed(layer):
            span = through(each, span)
        return span
    if not isinstance(layer, nn.Conv2d):
        return span
    return convolution(
        span, layer.kernel_size[0], layer.stride[0], int(layer.padding[0]), layer.dilation[0]
    )
