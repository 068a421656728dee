"""RoIAlign of He, Gkioxari, Dollar and Girshick 2017 (arXiv:1703.06870, figure 3).

A box is cut into P x P equal bins; a bin's value is the mean of four samples at its quarter points,
each bilinear between the centres of four cells. Nothing is rounded. So a bin is a weighted sum of
16 cells, which are rows of a table when channels lie last: `F.embedding_bag`, no intermediate
values, one call for all boxes of all images.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

SAMPLES = 2  # of a bin, along each axis


def roi_align(features: Tensor, boxes: Tensor, image: Tensor, edge: int, stride: int = 1) -> Tensor:
    """Features inside boxes, each resampled to one size.

    Parameters
    ----------
    features : (B, D, H, W); cell i covers the pixels [stride i, stride (i + 1))
    boxes : (N, 4) float32, y0, x0, y1, x1 in pixels, clipped to the image
    image : (N,) int64, which of the B images a box is of
    edge : P, bins along each axis
    stride : pixels

    Returns
    -------
    (N, D, P, P) float32, channels last
    """
    _, depth, *shape = features.shape
    cells, weights = bins(boxes, image, (shape[0], shape[1]), edge, stride)
    table = features.float().permute(0, 2, 3, 1).reshape(-1, depth)  # (B H W, D)
    sums = F.embedding_bag(
        cells.reshape(-1, cells.shape[-1]),
        table,
        per_sample_weights=weights.reshape(-1, cells.shape[-1]),
        mode="sum",
    )
    return sums.reshape(len(boxes), edge, edge, depth).permute(0, 3, 1, 2)


def bins(
    boxes: Tensor, image: Tensor, shape: tuple[int, int], edge: int, stride: int = 1
) -> tuple[Tensor, Tensor]:
    """Which cells of (B, H, W), flattened, a bin is the weighted mean of: (N, P, P, 16) twice.

    Parameters as of `roi_align`; `shape` is (H, W).
    """
    y, by_y = _along(boxes[:, 0], boxes[:, 2], shape[0], edge, stride)  # (N, P, 4)
    x, by_x = _along(boxes[:, 1], boxes[:, 3], shape[1], edge, stride)
    rows = image[:, None, None] * shape[0] + y
    cells = rows[:, :, None, :, None] * shape[1] + x[:, None, :, None, :]  # (N, P, P, 4, 4)
    weights = by_y[:, :, None, :, None] * by_x[:, None, :, None, :]
    return cells.flatten(3), weights.flatten(3)


def _along(low: Tensor, high: Tensor, size: int, edge: int, stride: int) -> tuple[Tensor, Tensor]:
    """Cells and weights of the bins along one axis, (N, P, 4) each."""
    count = SAMPLES * edge
    places = (torch.arange(count, device=low.device) + 0.5) / count
    pixels = low[:, None] + (high - low)[:, None] * places  # (N, 2 P)
    # the centre of cell i lies at stride (i + 1/2) pixels; beyond the outermost ones nothing varies
    at = (pixels / stride - 0.5).clamp(0, size - 1)
    first = at.floor()
    beyond = at - first
    cells = torch.stack([first, (first + 1).clamp(max=size - 1)], -1).long()
    weights = torch.stack([1 - beyond, beyond], -1) / SAMPLES
    return cells.reshape(-1, edge, 2 * SAMPLES), weights.reshape(-1, edge, 2 * SAMPLES)
