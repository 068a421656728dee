"""A U-Net whose contracting path is a pretrained encoder.

After TernausNet (Iglovikov and Shvets 2018, arXiv:1801.05746, figure 1) and its kin with a
ResNet-34 (Shvets et al. 2018, arXiv:1803.01207, figure 4). Shapes at line ends are those of a
512 x 512 frame with resnet34 at base 64.
"""

import torch
from torch import Tensor, nn

from napari_touchup.nn.encoders import make_encoder
from napari_touchup.nn.grid import OnGrid
from napari_touchup.nn.reach import Span, halo, join, mirror
from napari_touchup.nn.unet import he, two_convolutions, two_reach, up, up_reach
from napari_touchup.options import ModelSpec


class EncoderUNet(OnGrid):
    """(B, C, Y, X) float32 -> (B, K, Y, X) raw values.

    Attributes
    ----------
    encoder : Encoder
        With features at strides 2 to 32; its weights can be read by `pretrained.load_encoder`.
    stride : int
        S = 32, pixels.
    halo : (int, int)
        A block of output that covers [S i, S j) depends on the input pixels
        [S i - before, S j + after) and on no others. Tight.
    mirror : (int, int)
        By how much a frame is at least extended by reflection: 96, the halo being larger.
    """

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        if spec.encoder is None:
            raise ValueError("expected a spec with an encoder, got none")
        self.spec = spec
        self.encoder = make_encoder(spec.encoder, spec.in_channels, spec.base)
        *skips, deepest = self.encoder.widths  # 64, 64, 128, 256; 512
        half = max(spec.base // 2, 1)
        # An encoder's features begin at stride 2, and the papers enlarge those to full size. But a
        # border between touching cells is a pixel or two wide: what tells its place is lost there,
        # so two light convolutions bring the image itself to the last merge.
        self.stem = two_convolutions(spec, spec.in_channels, half)
        inputs = [half, *skips]  # skips at strides 1, 2, 4, 8, 16
        widths = [half, spec.base, spec.base, 2 * spec.base, 4 * spec.base]
        below = [*widths[1:], deepest]
        levels = range(4, -1, -1)
        self.up = nn.ModuleList(up(spec, below[level], widths[level]) for level in levels)
        self.merge = nn.ModuleList(
            two_convolutions(spec, inputs[level] + widths[level], widths[level]) for level in levels
        )
        self.head = nn.Conv2d(half, spec.classes, 1)
        for part in (self.stem, self.up, self.merge, self.head):
            part.apply(he)  # the encoder has drawn its own weights

        self.stride = self.encoder.strides[-1]
        self.halo = halo(self._reach, self.stride)
        self.mirror = mirror(self.halo)

    def forward(self, x: Tensor) -> Tensor:
        self.check(x)  # (B, 1, 512, 512)
        features: list[Tensor] = self.encoder(x)  # (B, 64, 256, 256) ... (B, 512, 16, 16)
        skips = [self.stem(x), *features[:-1]]  # (B, 32, 512, 512), then those of the encoder
        x = features[-1]  # (B, 512, 16, 16)
        for enlarge, merge, skip in zip(self.up, self.merge, reversed(skips), strict=True):
            x = enlarge(x)  # (B, 256, 32, 32), (B, 128, 64, 64) ... (B, 32, 512, 512)
            x = torch.cat([skip, x], dim=1)  # (B, 512, 32, 32), (B, 256, 64, 64) ...
            x = merge(x)  # (B, 256, 32, 32), (B, 128, 64, 64) ... (B, 32, 512, 512)
        logits: Tensor = self.head(x)  # (B, 3, 512, 512)
        return logits

    def _reach(self, output: Span) -> Span:
        span = two_reach(self.spec, output)
        stem = two_reach(self.spec, span)
        features = []
        for _ in self.encoder.widths[:-1]:
            span = two_reach(self.spec, up_reach(self.spec, span))
            features.append(span)
        features.append(up_reach(self.spec, span))
        return join(stem, self.encoder.reach(features))
