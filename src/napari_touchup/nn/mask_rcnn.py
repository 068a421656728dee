"""Mask R-CNN of He, Gkioxari, Dollar and Girshick 2017 (arXiv:1703.06870, figures 1 and 4).

On a feature pyramid (Lin 2017, arXiv:1612.03144) with proposals of Ren 2015 (arXiv:1506.01497).
Instance labels teach one class, the object. Shapes at line ends are those of a 256 x 256 image with
resnet18 at base 64.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from napari_touchup.nn.boxes import clip, decode, nms
from napari_touchup.nn.detection_loss import (
    code_loss,
    draw_regions,
    mask_loss,
    presence_loss,
    proposal_losses,
)
from napari_touchup.nn.detection_targets import truth_of
from napari_touchup.nn.detections import Detections
from napari_touchup.nn.encoders import make_encoder
from napari_touchup.nn.fpn import FPN
from napari_touchup.nn.grid import OnGrid
from napari_touchup.nn.reach import Span, convolution, halo, mirror
from napari_touchup.nn.roi_heads import (
    BOX_EDGE,
    CODE_UNITS,
    MASK_BINS,
    BoxHead,
    MaskHead,
    read_regions,
)
from napari_touchup.nn.rpn import LEAST_EDGE_PX, RPN, Level, Regions, join, propose
from napari_touchup.options import ModelSpec

LEAST_SCORE = 0.05  # of a detection, as in the authors' Detectron
NMS_OVERLAP = 0.5  # of detections
AT_ONCE = 128  # regions that a head is given in evaluation: 100 MB at base 64


class MaskRCNN(OnGrid):
    """(B, C, Y, X) float32 -> Detections of each image; while it learns, the parts of its loss.

    Notes
    -----
    **Tiles.** Features and what is said of anchors depend on `halo` only. Proposals are limited by
    block, not by image, and a region's head reads features inside the region, so a detection
    depends on pixels within half its box and the halo around its centre, and on those of boxes
    that overlap it. Non-maximum suppression can in principle reach on: whether a box is kept
    depends on whether a better one is, which may depend on a third, and so on through a crowd of
    boxes that overlap by more than the threshold. Such chains are short in practice.

    **Batch norm** follows the convolutions of encoder, pyramid and heads, since all is trained from
    nothing; in evaluation it folds. The RPN has none (see there).

    Attributes
    ----------
    encoder : Encoder
        With features at strides 2 to 32.
    stride : int
        S = 32, pixels.
    halo : (int, int)
        Of what is said of anchors (`everywhere`): for those whose centres lie in [S i, S j) it
        depends on the input pixels [S i - before, S j + after) and on no others. Tight. A region
        of the image adds its own extent to that.
    mirror : (int, int)
        By how much a frame is at least extended by reflection: 96, the halo being larger.
    """

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        if spec.encoder is None:
            raise ValueError("expected a spec with an encoder, got none")
        self.spec = spec
        self.encoder = make_encoder(spec.encoder, spec.in_channels, spec.base)
        width = 4 * spec.base  # 256
        self.strides = self.encoder.strides[1:]  # 4, 8, 16, 32
        self.fpn = FPN(self.encoder.widths[1:], width)
        self.rpn = RPN(width, self.strides)
        self.box = BoxHead(width, 4 * width)
        self.mask = MaskHead(width)
        self.stride = self.strides[-1]
        self.halo = halo(self._reach, self.stride)
        self.mirror = mirror(self.halo)

    def forward(
        self, x: Tensor, objects: Tensor | None = None, annotated: Tensor | None = None
    ) -> tuple[Detections, ...] | dict[str, Tensor]:
        """Detect objects or, in training mode, say how far from the truth all parts are.

        Parameters
        ----------
        x : (B, C, Y, X) float32
        objects : (B, Y, X) int, training only: 0 = background, each label one object
        annotated : (B, Y, X), training only: true or positive where `objects` counts

        Returns
        -------
        tuple of B Detections; in training scalars whose sum is minimised: "objectness" and
        "proposal" of the RPN, "class", "box" and "mask" of the heads
        """
        self.check(x)  # (B, 1, 256, 256)
        shape = x.shape[2], x.shape[3]
        if not self.training:
            features, levels = self.everywhere(x)
            return self._detect(features, propose(levels, shape, training=False), shape, len(x))
        if objects is None or annotated is None:
            raise ValueError("expected objects and annotated while the network learns, got none")
        features, levels = self.everywhere(x)
        proposals = propose(levels, shape, training=True)
        return self._losses(features, levels, proposals, objects, annotated)

    def everywhere(self, x: Tensor) -> tuple[list[Tensor], list[Level]]:
        """Compute what does not depend on what is found: the pyramid, and all about anchors."""
        features = self.fpn(self.encoder(x)[1:])  # (B, 256, 64, 64) ... (B, 256, 8, 8)
        return features, self.rpn(features)

    def _detect(
        self, features: Sequence[Tensor], regions: Regions, shape: tuple[int, int], count: int
    ) -> tuple[Detections, ...]:
        # once, not for each part of the regions
        features = [x.float().contiguous(memory_format=torch.channels_last) for x in features]
        scores, codes = self._classify(features, regions)  # (N,), (N, 4)
        boxes = clip(decode(codes * codes.new_tensor(CODE_UNITS), regions.boxes), shape)
        likely = scores >= LEAST_SCORE
        likely &= (boxes[:, 2:] - boxes[:, :2]).amin(1) >= LEAST_EDGE_PX
        found = []
        for image in range(count):
            own = (likely & (regions.image == image)).nonzero()[:, 0]  # sync point
            found.append(own[nms(boxes[own], scores[own], NMS_OVERLAP)])
        masks = self._masks(features, join([boxes[own] for own in found]))  # (N, 28, 28)
        parts = torch.split(masks, [len(own) for own in found])
        return tuple(
            Detections(boxes[own], scores[own], part)
            for own, part in zip(found, parts, strict=True)
        )

    def _classify(self, features: Sequence[Tensor], regions: Regions) -> tuple[Tensor, Tensor]:
        heads = [self.box(self._read(features, part, BOX_EDGE)) for part in regions.split(AT_ONCE)]
        return torch.cat([h[0] for h in heads]).sigmoid(), torch.cat([h[1] for h in heads])

    def _masks(self, features: Sequence[Tensor], regions: Regions) -> Tensor:
        heads = [
            self.mask(self._read(features, part, MASK_BINS))[:, 0].float()
            for part in regions.split(AT_ONCE)
        ]
        return torch.cat(heads).sigmoid()

    def _read(self, features: Sequence[Tensor], regions: Regions, edge: int) -> Tensor:
        read = read_regions(features, self.strides, regions, edge)
        return read.to(self.box.score.weight.dtype)

    def _losses(
        self,
        features: Sequence[Tensor],
        levels: Sequence[Level],
        proposals: Regions,
        objects: Tensor,
        annotated: Tensor,
    ) -> dict[str, Tensor]:
        shape = objects.shape[1], objects.shape[2]
        truths = [truth_of(*of) for of in zip(objects, annotated, strict=True)]
        objectness, proposal = proposal_losses(levels, truths, shape)
        drawn = draw_regions(proposals, truths, shape)
        scores, codes = self.box(self._read(features, drawn.regions, BOX_EDGE))
        shown = drawn.shown()
        logits = self.mask(self._read(features, shown.regions, MASK_BINS))  # (P, 1, 28, 28)
        masks, known = shown.masks(objects, annotated)  # (P, 28, 28) each
        return {
            "objectness": objectness,
            "proposal": proposal,
            "class": presence_loss(scores, drawn.right),
            "box": code_loss(codes, drawn.codes / codes.new_tensor(CODE_UNITS), drawn.right),
            "mask": mask_loss(logits[:, 0].float(), masks, known),
        }

    def _reach(self, output: Span) -> Span:
        spans = [(output[0] // stride, output[1] // stride) for stride in self.strides]
        spans = self.fpn.reach([convolution(span, 3, padding=1) for span in spans])
        return self.encoder.reach([None, *spans])
