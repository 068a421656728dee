"""What a detector is asked for: truth as boxes, and which anchors and proposals are right.

Assignment and sampling of Ren 2015 (arXiv:1506.01497, section 3.1.2) and He 2017
(arXiv:1703.06870, section 3.1). What nobody annotated is neither right nor wrong.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from napari_touchup.nn.boxes import area, overlap
from napari_touchup.nn.roi_align import bins

KNOWN = 0.5  # share of an object that must be annotated for it to be taught
EMPTY = 0.9  # share of a box that must be annotated for it to be taught as empty
LEAST_PX = 3  # edge of an object; slivers that a crop has left are not taught


@dataclass(frozen=True, eq=False, slots=True)
class Truth:
    """The G objects of one image, and where it is annotated."""

    boxes: Tensor  # (G, 4) float32, pixels
    labels: Tensor  # (G,), their labels
    known: Tensor  # (G,) bool, whether they are taught
    covered: Tensor  # (Y + 1, X + 1) int64, annotated pixels above and left of a corner


@dataclass(frozen=True, eq=False, slots=True)
class Match:
    """What boxes (N, 4) are: `right` is 1 (an object), 0 (none) or -1 (not to be taught)."""

    right: Tensor  # (N,) int64
    index: Tensor  # (N,) int64, the object that overlaps most; 0 where there is none


def truth_of(objects: Tensor, annotated: Tensor) -> Truth:
    """Make boxes of labels.

    Parameters
    ----------
    objects : (Y, X) int, 0 = background; each label is one object
    annotated : (Y, X), positive or true where truth counts
    """
    counts = annotated > 0
    labels, flat = torch.unique(objects, return_inverse=True)
    y, x = (torch.arange(n, device=objects.device) for n in objects.shape)
    ends = []
    for places in (y[:, None].expand(objects.shape), x.expand(objects.shape)):
        zero = torch.zeros(len(labels), dtype=torch.int64, device=labels.device)
        for how in ("amin", "amax"):
            at = flat.flatten(), places.flatten()
            ends.append(zero.scatter_reduce(0, *at, how, include_self=False))
    boxes = torch.stack([ends[0], ends[2], ends[1] + 1, ends[3] + 1], 1).float()
    pixels = flat.flatten().bincount(minlength=len(labels))
    seen = flat[counts].bincount(minlength=len(labels))
    large = (boxes[:, 2:] - boxes[:, :2]).amin(1) >= LEAST_PX
    known = large & (seen >= KNOWN * pixels)
    covered = torch.zeros([n + 1 for n in objects.shape], dtype=torch.int64, device=objects.device)
    covered[1:, 1:] = counts.long().cumsum(0).cumsum(1)
    real = labels != 0
    return Truth(boxes[real], labels[real], known[real], covered)


def match(boxes: Tensor, truth: Truth, low: float, high: float, *, best: bool = False) -> Match:
    """Find which boxes (N, 4) show an object, and which show none.

    Parameters
    ----------
    boxes : clipped to the image
    truth : of the image
    low, high : below this overlap with all objects a box shows none, from this on it shows one
    best : the boxes that overlap an object most show it, however little that is
    """
    right = torch.full((len(boxes),), -1, device=boxes.device)
    index = torch.zeros_like(right)
    empty = covered(boxes, truth) >= EMPTY
    if not len(truth.boxes):
        right[empty] = 0
        return Match(right, index)
    overlaps = overlap(truth.boxes[:, None], boxes[None])  # (G, N)
    most, index = overlaps.max(0)
    right[empty & (most < low)] = 0
    right[most >= high] = 1
    if best:
        own = overlaps.amax(1, keepdim=True)
        favoured, at = ((overlaps == own) & (own > 0)).max(0)
        right[favoured] = 1
        index = torch.where(favoured, at, index)
    right[(right == 1) & ~truth.known[index]] = -1
    return Match(right, index)


def covered(boxes: Tensor, truth: Truth) -> Tensor:
    """Share of boxes (N, 4) that is annotated, after rounding them to pixels: (N,)."""
    y0, x0, y1, x1 = boxes.round().long().unbind(1)
    total = truth.covered
    pixels = total[y1, x1] - total[y0, x1] - total[y1, x0] + total[y0, x0]
    return pixels / area(boxes.round()).clamp(min=1)


def draw(right: Tensor, count: int, positives: int) -> Tensor:
    """Draw boxes at random: right ones first, then wrong ones, then those not to be taught.

    Parameters
    ----------
    right : (N,) 1, 0 or -1
    count : boxes that are drawn, where there are as many
    positives : most of them that are right

    Returns
    -------
    (min(count, N),) indices; the right ones come first
    """
    chance = torch.rand(len(right), device=right.device)  # of [0, 1)
    chance = chance + right
    ranked = chance.sort(descending=True).indices
    surplus = ranked[positives : int((right == 1).sum())]  # sync point
    chance[surplus] = chance[surplus] - 3  # after those that are not to be taught
    return chance.topk(min(count, len(right))).indices


def mask_targets(
    boxes: Tensor, image: Tensor, labels: Tensor, objects: Tensor, annotated: Tensor, edge: int
) -> tuple[Tensor, Tensor]:
    """Resample the masks of objects into boxes, as RoIAlign does.

    Parameters
    ----------
    boxes, image, labels : (N, 4), (N,), (N,); whose objects are wanted
    objects : (B, Y, X) int
    annotated : (B, Y, X)
    edge : M

    Returns
    -------
    (N, M, M) float32, 1 where at least half of a bin is the object; and where that is known
    """
    shape = objects.shape[1], objects.shape[2]
    cells, weights = bins(boxes, image, shape, edge)  # (N, M, M, 16)
    inside = objects.flatten()[cells] == labels[:, None, None, None]
    known = annotated.flatten()[cells] > 0
    share = (weights * inside).sum(3), (weights * known).sum(3)
    return (share[0] >= 0.5).float(), (share[1] >= 0.5).float()
