"""The heads of Mask R-CNN, which look at one region each (He 2017, arXiv:1703.06870, figure 4).

Shapes at line ends are those of base 64.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from napari_touchup.nn.detections import MASK_EDGE
from napari_touchup.nn.roi_align import roi_align
from napari_touchup.nn.rpn import Regions
from napari_touchup.nn.unet import he

BOX_EDGE = 7  # bins of a region for the box head
MASK_BINS = MASK_EDGE // 2  # for the mask head
CODE_UNITS = (0.1, 0.1, 0.2, 0.2)  # that the box head counts in, as in the authors' Detectron
CANONICAL_PX = 224  # edge of a region that is read at stride 16 (Lin 2017, equation 1)


class BoxHead(nn.Module):
    """(N, D, 7, 7) -> object or not (N,), and box codes (N, 4) in `CODE_UNITS`.

    The two fully connected layers are written as convolutions, so that batch norms follow them
    which fold; one logit for the one class is the paper's softmax of two.
    """

    def __init__(self, depth: int, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(depth, width, BOX_EDGE, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        )
        self.score = nn.Linear(width, 1)
        self.codes = nn.Linear(width, 4)
        self.apply(he)
        for layer, std in ((self.score, 0.01), (self.codes, 0.001)):
            nn.init.normal_(layer.weight, std=std)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.layers(x).flatten(1)  # (N, 256, 7, 7) -> (N, 1024)
        return self.score(x)[:, 0].float(), self.codes(x).float()


class MaskHead(nn.Sequential):
    """(N, D, 14, 14) -> mask of the one class (N, 1, 28, 28), before the sigmoid."""

    def __init__(self, width: int) -> None:
        layers: list[nn.Module] = []
        for _ in range(4):
            layers.append(nn.Conv2d(width, width, 3, padding=1, bias=False))
            layers += [nn.BatchNorm2d(width), nn.ReLU(inplace=True)]  # (N, 256, 14, 14)
        layers += [nn.ConvTranspose2d(width, width, 2, stride=2), nn.ReLU(inplace=True)]
        layers.append(nn.Conv2d(width, 1, 1))  # (N, 256, 28, 28) -> (N, 1, 28, 28)
        super().__init__(*layers)
        self.apply(he)


def read_regions(
    features: Sequence[Tensor], strides: Sequence[int], regions: Regions, edge: int
) -> Tensor:
    """RoIAlign of each region at the level that fits its size: (N, D, P, P) float32.

    Parameters
    ----------
    features : (B, D, Y / stride, X / stride) of each level, finest first
    strides : of the levels, pixels
    regions : N boxes
    edge : P
    """
    size = (regions.boxes[:, 2:] - regions.boxes[:, :2]).prod(1).clamp(min=1).sqrt()
    wanted = (size / CANONICAL_PX).log2().floor() + 4  # Lin 2017, equation 1
    first = strides[0].bit_length() - 1  # 2 at stride 4
    level = (wanted - first).clamp(0, len(strides) - 1).long()
    shape = len(level), features[0].shape[1], edge, edge
    read = torch.zeros(shape, device=level.device).to(memory_format=torch.channels_last)
    for i, (x, stride) in enumerate(zip(features, strides, strict=True)):
        own = (level == i).nonzero()[:, 0]  # sync point
        if len(own):
            read[own] = roi_align(x, regions.boxes[own], regions.image[own], edge, stride)
    return read
