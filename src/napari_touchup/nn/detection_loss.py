"""What Mask R-CNN minimises: five terms of equal weight (Ren 2015, equation 1; He 2017, section 3).

Each is a mean over what was drawn; a term of which nothing was drawn is 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_touchup.nn.boxes import clip, encode
from napari_touchup.nn.detection_targets import Truth, draw, mask_targets, match
from napari_touchup.nn.detections import MASK_EDGE
from napari_touchup.nn.rpn import Level, Regions, join

ANCHORS, RIGHT_ANCHORS = 256, 128  # drawn of an image, at most, and of those that show an object
ANCHOR_LOW, ANCHOR_HIGH = 0.3, 0.5  # overlaps; the paper's 0.7 leaves small objects one anchor each
REGIONS, RIGHT_REGIONS = 64, 16  # drawn of an image likewise (He 2017, section 3.1)
REGION_OVERLAP = 0.5  # with an object from which on a region shows it
SMOOTH = 1 / 9  # below this difference of codes the loss is squared, as in the authors' code


def proposal_losses(
    levels: Sequence[Level], truths: Sequence[Truth], shape: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Losses of the objectness of anchors, and of the boxes that right ones tell: scalars."""
    anchors = torch.cat([level.anchors.flatten(0, 1) for level in levels])  # (N, 4)
    logits = torch.cat([level.logits.flatten(1) for level in levels], 1)  # (B, N)
    codes = torch.cat([level.codes.flatten(1, 2) for level in levels], 1)  # (B, N, 4)
    inside = clip(anchors, shape)
    drawn, right, wanted = [], [], []
    for i, truth in enumerate(truths):
        found = match(inside, truth, ANCHOR_LOW, ANCHOR_HIGH, best=True)
        chosen = draw(found.right, ANCHORS, RIGHT_ANCHORS)
        drawn.append(chosen + i * len(anchors))
        right.append(found.right[chosen])
        wanted.append(codes_of(truth, found.index[chosen], anchors[chosen]))
    at, known = torch.cat(drawn), torch.cat(right)
    return (
        presence_loss(logits.flatten()[at], known),
        code_loss(codes.flatten(0, 1)[at], torch.cat(wanted), known),
    )


def codes_of(truth: Truth, index: Tensor, boxes: Tensor) -> Tensor:
    """Codes (N, 4) that make objects of boxes; 0 where an image has no object."""
    if not len(truth.boxes):
        return torch.zeros_like(boxes)
    return encode(truth.boxes[index], boxes)


@dataclass(frozen=True, eq=False, slots=True)
class Drawn:
    """Regions that the heads learn from."""

    regions: Regions  # N
    right: Tensor  # (N,) 1, 0 or -1
    codes: Tensor  # (N, 4), wanted of those that are right
    labels: Tensor  # (N,) of the objects that they show

    def shown(self) -> "Drawn":
        """Keep those that are right; one that is not where there is none, for the mask head."""
        right = (self.right == 1).nonzero()[:, 0]  # sync point
        own = right if len(right) else right.new_zeros(1)
        return Drawn(self.regions[own], self.right[own], self.codes[own], self.labels[own])

    def masks(self, objects: Tensor, annotated: Tensor) -> tuple[Tensor, Tensor]:
        """Masks of the objects of (B, Y, X) inside them, and where they are known: (N, M, M)."""
        boxes, image = self.regions.boxes, self.regions.image
        masks, known = mask_targets(boxes, image, self.labels, objects, annotated, MASK_EDGE)
        return masks, known * (self.right == 1)[:, None, None]


def draw_regions(proposals: Regions, truths: Sequence[Truth], shape: tuple[int, int]) -> Drawn:
    """Draw regions of each image, from its proposals and the boxes of its objects."""
    # two of the whole image: the heads' batch norms need two regions where there is no other
    whole = proposals.boxes.new_tensor([[0, 0, *shape]] * 2)
    drawn: list[tuple[Tensor, ...]] = []
    for i, truth in enumerate(truths):
        own = proposals.boxes[proposals.image == i]
        own = torch.cat([truth.boxes[truth.known], own, whole])
        found = match(own, truth, REGION_OVERLAP, REGION_OVERLAP)
        chosen = draw(found.right, REGIONS, RIGHT_REGIONS)
        index, boxes = found.index[chosen], own[chosen]
        codes = codes_of(truth, index, boxes)
        labels = truth.labels[index] if len(truth.labels) else index
        drawn.append((boxes, found.right[chosen], codes, labels))
    of_boxes, *others = zip(*drawn, strict=True)
    return Drawn(join(of_boxes), *map(torch.cat, others))


def presence_loss(logits: Tensor, right: Tensor) -> Tensor:
    """Mean cross-entropy of boxes (N,) that are right (1) or wrong (0), not -1."""
    counts = (right >= 0).float()
    loss = F.binary_cross_entropy_with_logits(logits, (right == 1).float(), counts, reduction="sum")
    return loss / counts.sum().clamp(min=1)


def code_loss(codes: Tensor, wanted: Tensor, right: Tensor) -> Tensor:
    """Mean over right boxes of the smooth L1 distance (Girshick 2015, equation 3) of codes."""
    counts = (right == 1).float()
    loss = F.smooth_l1_loss(codes, wanted, reduction="none", beta=SMOOTH).sum(1)
    return (loss * counts).sum() / counts.sum().clamp(min=1)


def mask_loss(logits: Tensor, wanted: Tensor, known: Tensor) -> Tensor:
    """Mean cross-entropy of masks (N, M, M) where they are known."""
    loss = F.binary_cross_entropy_with_logits(logits, wanted, known, reduction="sum")
    return loss / known.sum().clamp(min=1)
