"""The U-Net++ of Zhou, Siddiquee, Tajbakhsh and Liang 2018 (arXiv:1807.10165, figure 1).

Nodes X(i, j) of the figure are `node.i_j`: i counts poolings, j the place along the row. Shapes at
line ends are those of a 512 x 512 frame at base 32, depth 4.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_touchup.nn.grid import OnGrid
from napari_touchup.nn.reach import Span, convolution, halo, join
from napari_touchup.nn.unet import he, two_convolutions, two_reach, up, up_reach
from napari_touchup.options import ModelSpec


class UNetPlusPlus(OnGrid):
    """(B, C, Y, X) float32 -> (B, K, Y, X) raw values.

    With deep supervision, while training: a tuple of them, those of the heads on X(0, 1) ...
    X(0, depth), L1 first.

    A node does not depend on those of a higher i + j. So the network of a smaller depth is a part
    of this one, with the same names and shapes; with deep supervision it has a head that learned,
    and is what the paper prunes to (figure 1c, L1 ... L4; section 2.2, "fast mode").

    With widths 32 ... 512 and one class it has 9 041 601 parameters, the 9.04 M of the paper's
    table 3, where convolutions have biases and there is no batch norm. Our default, with it, has
    two affine values in place of each bias: 9 045 249.

    Attributes
    ----------
    stride : int
        S = 2^depth, pixels.
    halo : (int, int)
        A block of output that covers [S i, S j) depends on the input pixels
        [S i - before, S j + after) and on no others. Tight.
    mirror : (int, int)
        By how much a frame is at least extended by reflection: the halo.
    """

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        widths = [spec.base * 2**level for level in range(spec.depth + 1)]  # 32 ... 512
        inputs = [spec.in_channels, *widths]
        self.spec = spec
        self.node = nn.ModuleDict(
            {_name(i, 0): two_convolutions(spec, inputs[i], widths[i]) for i in range(len(widths))}
        )
        self.up = nn.ModuleDict()
        for i, j in _nested(spec.depth):
            self.up[_name(i, j)] = up(spec, widths[i + 1], widths[i])
            self.node[_name(i, j)] = two_convolutions(spec, (j + 1) * widths[i], widths[i])
        first = 1 if spec.deep_supervision else spec.depth
        self.head = nn.ModuleDict(
            {str(j): nn.Conv2d(spec.base, spec.classes, 1) for j in range(first, spec.depth + 1)}
        )
        self.apply(he)

        self.stride = 2**spec.depth
        reach = self._reach
        self.halo = self.mirror = halo(lambda span: reach(span, 0, spec.depth), self.stride)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        self.check(x)  # (B, 1, 512, 512)
        rows = []  # X(i, 0), X(i, 1) ... for each i
        for i in range(self.spec.depth + 1):
            x = self.node[_name(i, 0)](F.max_pool2d(x, 2) if i else x)
            rows.append([x])  # (B, 32, 512, 512) ... (B, 512, 32, 32)
        for i, j in _nested(self.spec.depth):
            below = self.up[_name(i, j)](rows[i + 1][j - 1])  # (B, 32 * 2^i, 512 / 2^i, same)
            dense = torch.cat([*rows[i], below], dim=1)  # (B, (j + 1) * 32 * 2^i, same, same)
            rows[i].append(self.node[_name(i, j)](dense))  # (B, 32 * 2^i, same, same)
        if self.training and self.spec.deep_supervision:
            return tuple(self.head[j](rows[0][int(j)]) for j in self.head)
        logits: Tensor = self.head[str(self.spec.depth)](rows[0][-1])  # (B, 3, 512, 512)
        return logits

    def _reach(self, output: Span, i: int, j: int) -> Span:
        """Input indices on which indices of X(i, j) depend."""
        span = two_reach(self.spec, output)
        if j:
            row = (self._reach(span, i, k) for k in range(j))
            return join(*row, self._reach(up_reach(self.spec, span), i + 1, j - 1))
        return self._reach(convolution(span, 2, stride=2), i - 1, 0) if i else span


def _name(i: int, j: int) -> str:
    return f"{i}_{j}"


def _nested(depth: int) -> list[tuple[int, int]]:
    """(i, j) of the nodes right of the first column, in an order in which they can be made."""
    return [(i, j) for j in range(1, depth + 1) for i in range(depth + 1 - j)]
