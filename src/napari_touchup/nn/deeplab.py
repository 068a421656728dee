"""DeepLabV3+ of Chen, Zhu, Papandreou, Schroff and Adam 2018 (arXiv:1802.02611, figure 2).

Shapes at line ends are those of a 512 x 512 frame with resnet34 at base 64.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_touchup.nn.encoders import make_encoder
from napari_touchup.nn.grid import OnGrid
from napari_touchup.nn.reach import Span, bilinear, halo, join, mirror
from napari_touchup.nn.separable import pointwise, separable, through
from napari_touchup.nn.unet import he
from napari_touchup.options import ModelSpec

OUTPUT_STRIDE = 16  # of the encoder, section 3.1
RATES = (6, 12, 18)  # of the atrous convolutions at that stride: Chen 2017, arXiv:1706.05587
LOW_WIDTH = 48  # channels of the skip at base 64: section 4.1, table 1
LOW_LEAST = 8  # fewer tell too little of where a border is
DROPOUT = 0.1  # behind the projection, as in the authors' code


class DeepLabV3Plus(OnGrid):
    """(B, C, Y, X) float32 -> (B, K, Y, X) raw values.

    The output is made at stride 4 and enlarged bilinearly, as in the paper.

    Notes
    -----
    **Tiles.** One branch looks at the whole image: it averages the encoder's output, so a tile
    alone would give other values than the image. All else depends on `halo` only. Therefore the
    network is in two halves. `encode` gives features of which those at any place depend on their
    surroundings; `decode` takes them and a mean over *the frame*, which is no tile's own: over the
    blocks of S x S that cover the frame, each once. `engine.passes` takes that mean in a first pass
    over the tiles, and makes the maps in a second one. Kept is what every other network keeps:
    tiles equal one pass over the whole extended frame, to 1e-4 after the activation in float32,
    where that pass has the same mean. Not kept: a part of a frame that is run alone has the mean of
    that part. `forward`, as in training, averages over all of what it is given.

    **No batch norm behind the mean**, unlike in the authors' code: there is one value per channel
    and image, of which a batch of one crop has no variance, and PyTorch refuses to train. The
    branch has a bias instead.

    Attributes
    ----------
    encoder : Encoder
        With output stride 16.
    stride : int
        S = 16, pixels.
    halo : (int, int)
        With a given mean, a block of output that covers [S i, S j) depends on the input pixels
        [S i - before, S j + after) and on no others. Tight. Features depend on no more.
    mirror : (int, int)
        By how much a frame is at least extended by reflection: 96, the halo being larger.
    """

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        if spec.encoder is None:
            raise ValueError("expected a spec with an encoder, got none")
        self.spec = spec
        self.encoder = make_encoder(spec.encoder, spec.in_channels, spec.base, OUTPUT_STRIDE)
        _, fine, *_, deep = self.encoder.widths  # 64 at stride 4, 512 at stride 16
        width = 4 * spec.base  # 256
        low = max(LOW_WIDTH * spec.base // 64, LOW_LEAST)

        # atrous spatial pyramid pooling
        self.pyramid = nn.ModuleList([pointwise(deep, width)])
        for rate in RATES:
            atrous = separable(deep, width, dilation=rate)
            self.pyramid.append(nn.Sequential(atrous, nn.ReLU(inplace=True)))
        self.image = nn.Sequential(nn.Conv2d(deep, width, 1), nn.ReLU(inplace=True))
        self.project = nn.Sequential(
            pointwise((len(RATES) + 2) * width, width), nn.Dropout(DROPOUT)
        )
        self.low = pointwise(fine, low)
        self.refine = nn.Sequential(
            separable(low + width, width),
            nn.ReLU(inplace=True),
            separable(width, width),
            nn.ReLU(inplace=True),
        )
        self.head = nn.Conv2d(width, spec.classes, 1)
        for part in (self.pyramid, self.image, self.project, self.low, self.refine, self.head):
            part.apply(he)  # the encoder has drawn its own weights

        self.stride = OUTPUT_STRIDE
        self.halo = halo(self._reach, self.stride)
        self.mirror = mirror(self.halo)

    def forward(self, x: Tensor) -> Tensor:
        features = self.encode(x)
        return self.decode(features, features[-1].mean((2, 3)))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Give the features at strides 4 and 16; the latter are what `decode` wants the mean of."""
        self.check(x)  # (B, 1, 512, 512)
        _, fine, *_, deep = self.encoder(x)  # (B, 64, 128, 128), (B, 512, 32, 32)
        return fine, deep

    def decode(self, features: tuple[Tensor, ...], mean: Tensor) -> Tensor:
        """Make the output of features and of a mean of the last, (B, D) or (1, D) for them all."""
        fine, deep = features
        image = self.image(mean[:, :, None, None])  # (B, 256, 1, 1)
        image = image.expand(len(deep), -1, *deep.shape[2:])  # (B, 256, 32, 32)
        x = torch.cat([*(branch(deep) for branch in self.pyramid), image], 1)  # (B, 1280, 32, 32)
        x = self.project(x)  # (B, 256, 32, 32)
        x = _enlarged(x)  # (B, 256, 128, 128)
        x = torch.cat([self.low(fine), x], 1)  # (B, 304, 128, 128)
        x = self.refine(x)  # (B, 256, 128, 128)
        x = self.head(x)  # (B, 3, 128, 128)
        return _enlarged(x)  # (B, 3, 512, 512)

    def _reach(self, output: Span) -> Span:
        fine = through(self.refine, bilinear(output, 4))
        x = bilinear(fine, 4)
        deep = join(*(through(branch, x) for branch in self.pyramid))
        return self.encoder.reach([None, fine, None, None, deep])


def _enlarged(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=4, mode="bilinear", align_corners=False)
