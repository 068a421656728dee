from itertools import product
from math import floor

import pytest
import torch
from torch import Tensor

from napari_touchup.nn.roi_align import bins, roi_align

FIRST = torch.zeros(1, dtype=torch.int64)


def at(plane: Tensor, y: float, x: float) -> float:
    """Bilinear value of (H, W) at a point, in cells whose centres lie at 1/2."""
    value = 0.0
    places = []
    for position, size in ((y, plane.shape[0]), (x, plane.shape[1])):
        centre = min(max(position - 0.5, 0), size - 1)
        low = floor(centre)
        places.append([(low, 1 - (centre - low)), (min(low + 1, size - 1), centre - low)])
    for (row, by_row), (column, by_column) in product(*places):
        value += by_row * by_column * plane[row, column].item()
    return value


def loop(plane: Tensor, box: list[float], edge: int, stride: int) -> Tensor:
    """RoIAlign of the paper, sample by sample."""
    y0, x0, y1, x1 = (b / stride for b in box)
    out = torch.zeros(edge, edge)
    for i, j, a, b in product(range(edge), range(edge), (0.25, 0.75), (0.25, 0.75)):
        y = y0 + (i + a) * (y1 - y0) / edge
        x = x0 + (j + b) * (x1 - x0) / edge
        out[i, j] += at(plane, y, x) / 4
    return out


def test_a_ramp_is_read_at_the_centres_of_bins() -> None:
    ramp = torch.arange(8.0).expand(1, 1, 8, 8)  # its value at x is x - 1/2
    box = torch.tensor([[0.0, 1.3, 8, 5.3]])  # bins of 4 x 2
    expected = torch.tensor([[1.8, 3.8], [1.8, 3.8]])
    torch.testing.assert_close(roi_align(ramp, box, FIRST, 2)[0, 0], expected)


def test_nothing_is_rounded_at_a_stride() -> None:
    ramp = torch.arange(8.0)[:, None].expand(1, 1, 8, 8)
    # pixels 5 ... 15 of stride 4 are 1.25 ... 3.75 cells; bins of 1.25, centres 1.875 and 3.125
    expected = torch.tensor([[1.375, 1.375], [2.625, 2.625]])
    box = torch.tensor([[5.0, 8, 15, 16]])
    torch.testing.assert_close(roi_align(ramp, box, FIRST, 2, stride=4)[0, 0], expected)


def test_four_samples_by_hand() -> None:
    # one bin of 2 x 2 cells: samples at the four centres, so the mean
    plane = torch.tensor([[1.0, 2], [3, 10]])[None, None]
    assert roi_align(plane, torch.tensor([[0.0, 0, 2, 2]]), FIRST, 1).item() == 4
    # one of a cell: samples at 1/4 and 3/4 of it; those before the outermost centres are as there
    # y: (1 + 0) / 2 + (3/4, 1/4) / 2 = 7/8 and 1/8, x alike
    expected = (49 * 1 + 7 * 2 + 7 * 3 + 1 * 10) / 64
    box = torch.tensor([[0.0, 0, 1, 1]])
    assert roi_align(plane, box, FIRST, 1).item() == pytest.approx(expected)


@pytest.mark.parametrize("stride", [1, 4])
@pytest.mark.parametrize("edge", [1, 3, 7])
def test_it_is_what_the_paper_says(edge: int, stride: int) -> None:
    generator = torch.Generator().manual_seed(edge)
    features = torch.rand(3, 2, 9, 13, generator=generator)
    ends = torch.rand(6, 2, 2, generator=generator).sort(1).values * torch.tensor([9.0, 13])
    boxes = stride * ends.flatten(1)
    boxes = torch.cat([boxes, stride * torch.tensor([[0.0, 0, 9, 13], [8.5, 12.5, 9, 13]])])
    image = torch.tensor([0, 2, 1, 1, 0, 2, 2, 1])
    given = roi_align(features, boxes, image, edge, stride)
    assert given.shape == (8, 2, edge, edge)
    for i, d in product(range(8), range(2)):
        expected = loop(features[image[i], d], boxes[i].tolist(), edge, stride)
        torch.testing.assert_close(given[i, d], expected)


def test_weights_of_a_bin_sum_to_1() -> None:
    boxes = torch.tensor([[0.0, 0, 5, 7], [1.2, 3.4, 3, 7]])
    cells, weights = bins(boxes, torch.tensor([0, 1]), (5, 7), 4)
    assert cells.shape == weights.shape == (2, 4, 4, 16)
    torch.testing.assert_close(weights.sum(3), torch.ones(2, 4, 4))
    assert cells[0].max() < 35 <= cells[1].min()
    assert cells.max() < 70


def test_gradients_reach_the_features() -> None:
    features = torch.rand(1, 2, 4, 5, dtype=torch.float32).requires_grad_()
    boxes = torch.tensor([[0.5, 0.5, 3.5, 4.5], [1.0, 1, 3, 2]])
    roi_align(features, boxes, torch.tensor([0, 0]), 2).sum().backward()
    assert features.grad is not None
    assert features.grad.sum().item() == pytest.approx(2 * 2 * 4)  # boxes, channels, bins


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_features_give_whole_numbers(dtype: torch.dtype) -> None:
    features = torch.ones(1, 2, 4, 5, dtype=dtype)
    given = roi_align(features, torch.tensor([[0.3, 0.3, 3, 4]]), FIRST, 2)
    assert given.dtype == torch.float32
    torch.testing.assert_close(given, torch.ones(1, 2, 2, 2))


def test_no_boxes() -> None:
    none = torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64)
    assert roi_align(torch.rand(1, 3, 4, 5), *none, 7).shape == (0, 3, 7, 7)


def test_it_agrees_with_torchvision() -> None:
    operators = pytest.importorskip("torchvision.ops", exc_type=Exception)
    generator = torch.Generator().manual_seed(0)
    features = torch.rand(2, 3, 16, 16, generator=generator)
    boxes = torch.tensor([[3.1, 4.7, 30.2, 22.9], [0, 0, 64, 64], [50.5, 2, 64, 9.75]])
    image = torch.tensor([0, 1, 1])
    rois = torch.cat([image[:, None].float(), boxes[:, [1, 0, 3, 2]]], 1)
    expected = operators.roi_align(features, rois, 7, 1 / 4, sampling_ratio=2, aligned=True)
    torch.testing.assert_close(roi_align(features, boxes, image, 7, 4), expected)
