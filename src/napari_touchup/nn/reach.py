"""Which input a piece of output depends on, layer by layer, along one axis.

Each function takes the first and the last index of a span of a layer's output and gives those of
its input. Spans run beyond the ends of an image, as padding does.
"""

from collections.abc import Callable

Span = tuple[int, int]  # first and last index

# By how much a frame is mirrored at its borders where the halo is larger. The nearest context tells
# most, and with a halo of some hundred pixels most of a mirrored frame would be its own image.
MIRROR_PX = 96


def convolution(
    span: Span, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1
) -> Span:
    """Of a convolution, or of a pooling with a window of `kernel`.

    >>> convolution((0, 3), kernel=3, padding=1)
    (-1, 4)
    """
    first = span[0] * stride - padding
    return first, span[1] * stride - padding + dilation * (kernel - 1)


def transposed(span: Span, kernel: int, stride: int, padding: int = 0) -> Span:
    """Of a transposed convolution: index i of its input shows in i * stride - padding and on.

    >>> transposed((0, 3), kernel=2, stride=2)
    (0, 1)
    """
    first, last = span
    return -((kernel - 1 - padding - first) // stride), (last + padding) // stride


def bilinear(span: Span, factor: int) -> Span:
    """Of a bilinear enlargement whose pixels are areas (``align_corners=False``).

    >>> bilinear((0, 3), 4)
    (-1, 1)
    """
    # output o lies at (o + 1/2) / factor - 1/2, between two pixels of the input
    first, last = ((2 * o + 1 - factor) // (2 * factor) for o in span)
    return first, last + 1


def join(*spans: Span) -> Span:
    """Span that holds all of some."""
    return min(first for first, _ in spans), max(last for _, last in spans)


def halo(reach: Callable[[Span], Span], stride: int) -> tuple[int, int]:
    """Context, before and after, of a block of output that covers [S i, S j) of the input.

    Parameters
    ----------
    reach : gives the span of the input for a span of the output, both counted in input pixels
    stride : S, pixels
    """
    first, last = reach((0, stride - 1))
    return -first, last - (stride - 1)


def mirror(halo: tuple[int, int]) -> tuple[int, int]:
    """By how much a frame is at least extended on either side: the halo, 96 pixels at most.

    Tiles that end where the extended frame does see the same padding there as one pass over all of
    it, so they equal it all the same (`core.tiling`).

    >>> mirror((94, 210))
    (94, 96)
    """
    before, after = halo
    return min(before, MIRROR_PX), min(after, MIRROR_PX)
