"""Boxes around objects: overlap, codes relative to anchors, non-maximum suppression.

A box is y0, x0, y1, x1 in pixels, half-open: it covers y0 <= y < y1. Plain PyTorch, since
torchvision's operators cannot be imported beside every build of it.
"""

from math import log

import torch
from torch import Tensor

LARGEST_SCALE = log(1000 / 16)  # of a box relative to its anchor, as in the authors' Detectron
PAIRS = 2**20  # of boxes that are compared at once: 100 MB
STRIP_PX = 64  # boxes in other strips of columns are not compared


def area(boxes: Tensor) -> Tensor:
    """Areas (...,) of boxes (..., 4), square pixels; 0 where a side is not positive."""
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1)


def overlap(first: Tensor, second: Tensor) -> Tensor:
    """Intersection over union of boxes (..., 4) that broadcast; 0 where both are empty.

    >>> overlap(torch.tensor([0.0, 0, 2, 2]), torch.tensor([1.0, 0, 3, 2]))
    tensor(0.3333)
    """
    low = torch.maximum(first[..., :2], second[..., :2])
    high = torch.minimum(first[..., 2:], second[..., 2:])
    both = (high - low).clamp(min=0).prod(-1)
    return both / (area(first) + area(second) - both).clamp(min=1e-6)


def clip(boxes: Tensor, shape: tuple[int, int]) -> Tensor:
    """Keep boxes (..., 4) inside an image (Y, X); what is not a number becomes 0."""
    y, x = shape
    return boxes.nan_to_num(0.0).clamp(min=0).minimum(boxes.new_tensor([y, x, y, x]))


def encode(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Tell boxes relative to anchors, both (..., 4) and not empty (Ren 2015, equation 2).

    Returns
    -------
    (..., 4): shift of the centre in edges of the anchor (y, x), logarithm of the scale (y, x)
    """
    centre, size = _centre_size(boxes)
    origin, unit = _centre_size(anchors)
    return torch.cat([(centre - origin) / unit, (size / unit).log()], -1)


def decode(codes: Tensor, anchors: Tensor) -> Tensor:
    """Make the boxes (..., 4) that codes (..., 4) tell; the inverse of `encode`."""
    origin, unit = _centre_size(anchors)
    centre = origin + codes[..., :2] * unit
    half = codes[..., 2:].clamp(max=LARGEST_SCALE).exp() * unit / 2
    return torch.cat([centre - half, centre + half], -1)


def nms(boxes: Tensor, scores: Tensor, threshold: float) -> Tensor:
    """Find the boxes of which no better one that is kept overlaps more: greedy, exact.

    Greedy suppression keeps a box unless a better kept one suppresses it. That is an equation in
    the set of kept boxes with one solution, and to apply it to all boxes at once, again and again,
    ends there: a box at the end of a chain of n suppressions is right after n rounds.

    Parameters
    ----------
    boxes : (N, 4), clipped to an image
    scores : (N,); of equal ones the first counts as better
    threshold : intersection over union above which a box is suppressed

    Returns
    -------
    (M,) int64 indices, best first
    """
    order = scores.argsort(descending=True, stable=True)
    rank = order.argsort()
    pairs = rank[_overlapping(boxes, threshold)]  # (2, P)
    better, worse = pairs.amin(0), pairs.amax(0)
    kept = torch.ones_like(order, dtype=torch.bool)
    while True:
        still = torch.ones_like(kept)
        still[worse[kept[better]]] = False
        if still.equal(kept):  # sync point
            return order[kept]
        kept = still


def _overlapping(boxes: Tensor, threshold: float) -> Tensor:
    """Pairs (2, P) of boxes that overlap more; some may come twice.

    Only those are compared that share a strip of columns, and of which one begins where the other
    could still overlap it enough.
    """
    strips = (boxes[:, 1::2] / STRIP_PX).long()  # first and last
    index = torch.arange(len(boxes), device=boxes.device)
    index, step = _repeated(index, strips[:, 1] - strips[:, 0] + 1)
    y0, y1 = boxes[index, 0], boxes[index, 2]
    strip = (strips[index, 0] + step) * (boxes[:, 2].amax().long() + 2 if len(boxes) else 1)
    order = (strip + y0.long()).argsort()
    index, keys = index[order], (strip + y0.long())[order]
    # what overlaps a box more along both axes does so along y
    ends = torch.searchsorted(keys, (strip + (y1 - threshold * (y1 - y0)).long())[order] + 1)
    first = torch.arange(len(index), device=boxes.device)
    counts = (ends - first - 1).clamp(min=0)
    found = [index.new_empty(2, 0)]
    for part in _parts(counts):
        i, step = _repeated(first[part], counts[part])
        pairs = torch.stack([index[i], index[i + 1 + step]])
        found.append(pairs[:, overlap(boxes[pairs[0]], boxes[pairs[1]]) > threshold])
    return torch.cat(found, 1)


def _repeated(values: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Each value so often, and which time it is: 0, 1, ..."""
    begun = counts.cumsum(0) - counts
    repeated = values.repeat_interleave(counts)
    every = torch.arange(len(repeated), device=values.device)
    return repeated, every - begun.repeat_interleave(counts)


def _parts(counts: Tensor) -> list[slice]:
    """Cut boxes into runs that have about `PAIRS` pairs together."""
    if not len(counts):
        return []
    part = counts.cumsum(0) // PAIRS  # of each box
    ends = [*((part.diff().nonzero()[:, 0] + 1).tolist()), len(counts)]
    return [slice(a, b) for a, b in zip([0, *ends[:-1]], ends, strict=True)]


def _centre_size(boxes: Tensor) -> tuple[Tensor, Tensor]:
    low, high = boxes[..., :2], boxes[..., 2:]
    return (low + high) / 2, high - low
