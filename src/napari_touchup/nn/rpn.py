"""Region proposal network of Ren et al. 2015 (arXiv:1506.01497, figure 3) on a feature pyramid.

Anchors are kept by blocks of S x S pixels of the image, S being the network's stride: nothing is
ranked over a whole image, so that a proposal depends on its surroundings only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import torch
from torch import Tensor, nn

from napari_touchup.nn.boxes import clip, decode, nms

# Edges of the square anchors of a level, in strides of it: 8 ... 16 px at stride 4, 64 ... 128 px
# at 32. Of dsb2018's nuclei 89 % overlap one of these by half (85 % without the middle one).
EDGES = (2.0, 2.0 * 2**0.5, 4.0)
PRIOR = 0.01  # probability of an object at an anchor before anything is learned (Lin 2017 b, 4.1)
LOCAL_BEST = 32  # anchors of one level in a block that can become proposals; 16 objects of 8 px fit
# Of proposals, in evaluation. With 0.05 and the paper's 0.7 (section 3.3) there were four times as
# many, 46 for each nucleus, and no better detections.
LEAST_OBJECTNESS = 0.3
NMS_OVERLAP = 0.6
TRAIN_BEST = 512  # anchors of an image, before NMS; there nothing need be local
LEAST_EDGE_PX = 1.0  # of a proposal


@dataclass(frozen=True, eq=False, slots=True)
class Level:
    """What is said of the anchors of one level; T blocks with n anchors each."""

    logits: Tensor  # (B, T, n), objectness before the sigmoid
    codes: Tensor  # (B, T, n, 4), boxes relative to the anchors
    anchors: Tensor  # (T, n, 4), pixels


@dataclass(frozen=True, eq=False, slots=True)
class Regions:
    """Boxes of a batch."""

    boxes: Tensor  # (N, 4), pixels, clipped
    image: Tensor  # (N,) int64, whose they are

    def __getitem__(self, index: Tensor) -> "Regions":
        return Regions(self.boxes[index], self.image[index])

    def split(self, size: int) -> "list[Regions]":
        """Parts of at most so many boxes; at least one."""
        parts = zip(*(torch.split(t, size) for t in (self.boxes, self.image)), strict=True)
        return [Regions(*part) for part in parts]


class RPN(nn.Module):
    """Features of all levels -> Level, each; the same weights for all.

    No batch norm: one that all levels share would in evaluation shift each by the mean of all.

    Parameters
    ----------
    width : D, channels of every level
    strides : of the levels, pixels; the last is S
    """

    def __init__(self, width: int, strides: Sequence[int]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.objectness = nn.Conv2d(width, len(EDGES), 1)
        self.codes = nn.Conv2d(width, 4 * len(EDGES), 1)
        for layer, bias in (
            (self.conv, 0),
            (self.objectness, log(PRIOR / (1 - PRIOR))),
            (self.codes, 0),
        ):
            nn.init.normal_(layer.weight, std=0.01)  # section 3.1.3
            if layer.bias is not None:
                nn.init.constant_(layer.bias, bias)
        self.strides = tuple(strides)

    def forward(self, features: Sequence[Tensor]) -> list[Level]:
        levels = []
        for stride, x in zip(self.strides, features, strict=True):
            block = self.strides[-1] // stride  # cells along its edge: 8, 4, 2, 1
            h = self.conv(x).relu()  # (B, 256, 64, 64) ... (B, 256, 8, 8)
            logits = _by_block(self.objectness(h).float(), block, 1)[..., 0]  # (B, 64, 192)
            codes = _by_block(self.codes(h).float(), block, 4)  # (B, 64, 192, 4)
            anchors = _by_block(_anchors(x, stride), block, 4)[0]  # (64, 192, 4)
            levels.append(Level(logits, codes, anchors))
        return levels


@torch.no_grad()
def propose(levels: Sequence[Level], shape: tuple[int, int], training: bool) -> Regions:
    """Choose the anchors that may be objects, as the boxes that they tell.

    In evaluation that depends on their surroundings: those of `LEAST_OBJECTNESS` that are among the
    `LOCAL_BEST` of their block and level, less those that a better one suppresses.

    Parameters
    ----------
    levels : of a batch of images
    shape : (Y, X) of the images
    training : take the best of each image, however little they are
    """
    logits, boxes = _local_best(levels)  # (B, M), (B, M, 4)
    boxes = clip(boxes, shape)
    sides = (boxes[..., 2:] - boxes[..., :2]).amin(-1)
    scores = torch.where(sides >= LEAST_EDGE_PX, logits.sigmoid(), -1.0)
    if training:
        scores, best = scores.topk(min(TRAIN_BEST, scores.shape[1]))
        boxes = boxes.take_along_dim(best[..., None], 1)
    chosen = []
    for own, of in zip(scores, boxes, strict=True):
        possible = (own >= (0 if training else LEAST_OBJECTNESS)).nonzero()[:, 0]  # sync point
        kept = nms(of[possible], own[possible], NMS_OVERLAP)
        chosen.append(of[possible[kept]])
    return join(chosen)


def join(boxes: Sequence[Tensor]) -> Regions:
    """Make one batch of the boxes (N, 4) of each image."""
    counts = torch.tensor([len(own) for own in boxes], device=boxes[0].device)
    image = torch.arange(len(boxes), device=boxes[0].device).repeat_interleave(counts)
    return Regions(torch.cat(list(boxes)), image)


def _local_best(levels: Sequence[Level]) -> tuple[Tensor, Tensor]:
    logits, boxes = [], []
    for level in levels:
        best, index = level.logits.topk(min(LOCAL_BEST, level.logits.shape[2]))  # (B, T, k)
        at = index[..., None]
        anchors = level.anchors[None].take_along_dim(at, 2)
        boxes.append(decode(level.codes.take_along_dim(at, 2), anchors).flatten(1, 2))
        logits.append(best.flatten(1))
    return torch.cat(logits, 1), torch.cat(boxes, 1)


def _anchors(features: Tensor, stride: int) -> Tensor:
    """Anchors of all cells of (B, D, H, W): (1, 4 A, H, W)."""
    h, w = features.shape[2:]
    y, x = (stride * (torch.arange(n, device=features.device) + 0.5) for n in (h, w))
    centres = torch.stack([y[:, None].expand(h, w), x.expand(h, w)])  # (2, H, W)
    half = [stride * edge / 2 for edge in EDGES]
    return torch.cat([torch.cat([centres - r, centres + r]) for r in half])[None]


def _by_block(x: Tensor, edge: int, values: int) -> Tensor:
    """(B, A * values, H, W) -> (B, T, n, values), T blocks of edge x edge cells, n = A edge^2."""
    b, c, h, w = x.shape
    x = x.reshape(b, c // values, values, h // edge, edge, w // edge, edge)
    x = x.permute(0, 3, 5, 1, 4, 6, 2)  # (B, H / edge, W / edge, A, edge, edge, values)
    return x.flatten(1, 2).flatten(2, 4)
