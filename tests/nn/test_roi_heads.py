from itertools import pairwise

import pytest
import torch
from torch import nn

from napari_touchup.nn.roi_heads import BoxHead, MaskHead, read_regions
from napari_touchup.nn.rpn import Regions, join

STRIDES = (4, 8, 16, 32)


def square(edge: float) -> Regions:
    return join([torch.tensor([[10.0, 20, 10 + edge, 20 + edge]])])


@pytest.mark.parametrize(
    ("edge", "stride"),
    [(2, 4), (60, 4), (111, 4), (112, 8), (223, 8), (224, 16), (448, 32), (500, 32)],
)
def test_a_region_is_read_at_the_level_that_fits_its_size(edge: float, stride: int) -> None:
    features = [torch.full((1, 2, 512 // s, 512 // s), float(s)) for s in STRIDES]
    read = read_regions(features, STRIDES, square(edge), 7)
    torch.testing.assert_close(read, torch.full((1, 2, 7, 7), float(stride)))


def test_regions_of_several_images_and_sizes_keep_their_order() -> None:
    features = [
        torch.tensor([0.0, 100])[:, None, None, None].expand(2, 1, 512 // s, 512 // s) + s
        for s in STRIDES
    ]
    boxes = [torch.tensor([[0.0, 0, 8, 8], [0, 0, 300, 300]]), torch.tensor([[0.0, 0, 120, 120]])]
    read = read_regions(features, STRIDES, join(boxes), 2)
    assert read[:, 0, 0, 0].tolist() == [4, 16, 108]
    assert read_regions(features, STRIDES, join([boxes[0][:0]]), 2).shape == (0, 1, 2, 2)


def test_heads_of_the_paper() -> None:
    box, mask = BoxHead(256, 1024).eval(), MaskHead(256).eval()
    with torch.inference_mode():
        scores, codes = box(torch.randn(3, 256, 7, 7))
        masks = mask(torch.randn(2, 256, 14, 14))
    assert (scores.shape, codes.shape, masks.shape) == ((3,), (3, 4), (2, 1, 28, 28))
    # two fully connected layers; four convolutions and a transposed one
    kernels = {k: v.numel() for k, v in box.named_parameters() if v.ndim == 4}
    assert kernels == {"layers.0.weight": 49 * 256 * 1024, "layers.3.weight": 1024**2}
    kernels = {k: v.numel() for k, v in mask.named_parameters() if v.ndim == 4}
    assert list(kernels.values()) == [9 * 256**2] * 4 + [4 * 256**2, 256]


def test_at_first_nothing_is_moved_and_nothing_is_sure() -> None:
    torch.manual_seed(0)
    scores, codes = BoxHead(8, 32)(torch.randn(20, 8, 7, 7))
    assert codes.abs().max() < 0.05
    assert (scores.sigmoid() - 0.5).abs().max() < 0.1


def test_norms_of_heads_follow_convolutions() -> None:
    for layers in (list(MaskHead(2)), list(BoxHead(2, 2).layers)):
        for first, second in pairwise(layers):
            if isinstance(second, nn.BatchNorm2d):
                assert isinstance(first, nn.Conv2d)
