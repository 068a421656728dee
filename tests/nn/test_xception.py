from math import nan

import pytest
import torch
from torch import nn

from napari_touchup.engine.folding import fold
from napari_touchup.nn.encoders import Encoder, make_encoder
from napari_touchup.nn.reach import Span


def xception(in_channels: int = 1, base: int = 1, output_stride: int = 16) -> Encoder:
    torch.manual_seed(0)
    return make_encoder("xception", in_channels, base, output_stride).eval()


def convolution(kernel: int, c_in: int, c_out: int) -> int:
    return kernel * kernel * c_in * c_out + 2 * c_out  # and the two affine values of its norm


def separable(c_in: int, c_out: int) -> int:
    return convolution(3, 1, c_in) + convolution(1, c_in, c_out)


def test_parameters_are_those_of_the_figure() -> None:
    stem = convolution(3, 3, 32) + convolution(3, 32, 64)
    entry = sum(
        separable(a, b) + 2 * separable(b, b) + convolution(1, a, b)
        for a, b in [(64, 128), (128, 256), (256, 728)]
    )
    middle = 16 * 3 * separable(728, 728)
    block = (
        separable(728, 728)
        + separable(728, 1024)
        + separable(1024, 1024)
        + convolution(1, 728, 1024)
    )
    last = separable(1024, 1536) + separable(1536, 1536) + separable(1536, 2048)
    expected = stem + entry + middle + block + last
    assert expected == 37_867_312
    for output_stride in (16, 32):
        with torch.device("meta"):
            network = make_encoder("xception", 3, 64, output_stride)
        assert sum(p.numel() for p in network.parameters()) == expected


@pytest.mark.parametrize(
    ("output_stride", "edges"), [(16, (32, 16, 8, 4, 4)), (32, (32, 16, 8, 4, 2))]
)
def test_features(output_stride: int, edges: tuple[int, ...]) -> None:
    network = xception(in_channels=2, base=2, output_stride=output_stride)
    with torch.inference_mode():
        features = network(torch.zeros(1, 2, 64, 128))
    assert network.widths == (2, 4, 8, 22, 64)
    expected = [(1, c, n, 2 * n) for c, n in zip(network.widths, edges, strict=True)]
    assert [tuple(f.shape) for f in features] == expected
    assert tuple(64 // n for n in edges) == network.strides


def test_only_the_end_is_dilated_and_only_at_a_smaller_output_stride() -> None:
    fine, coarse = xception(output_stride=16), xception(output_stride=32)
    assert fine.state_dict().keys() == coarse.state_dict().keys()
    dilated = {n for n, m in fine.named_modules() if getattr(m, "dilation", 1) == (2, 2)}
    assert dilated == {"exit.1.0", "exit.3.0", "exit.5.0"}
    assert not any(getattr(m, "dilation", (1, 1)) != (1, 1) for m in coarse.modules())


# by hand: every 3x3 convolution adds the stride of what it reads: 1 + 2; three of 2, 4 and 8;
# 16 blocks of three of 16; three of 16, and three of 32 (or of 2 * 16)
RADII = (3, 3 + 6, 9 + 12, 21 + 24 + 16 * 48, 813 + 48 + 96)


@pytest.mark.parametrize("output_stride", [16, 32])
def test_reach_is_what_a_nan_reaches(output_stride: int) -> None:
    network = xception(output_stride=output_stride)
    edge = 2048
    frames = torch.zeros(network.strides[-1], 1, edge, 32)
    planted = edge // 2 + torch.arange(len(frames))
    frames[torch.arange(len(frames)), 0, planted, 0] = nan
    with torch.inference_mode():
        features = network(frames)
    for level, (feature, stride, radius) in enumerate(
        zip(features, network.strides, RADII, strict=True)
    ):
        spans: list[Span | None] = [None] * len(features)
        spans[level] = (0, 0)
        assert network.reach(spans) == (-radius, radius)
        phase, row = feature.isnan().any(dim=3).any(dim=1).nonzero(as_tuple=True)
        distance = planted[phase] - stride * row  # from the pixel that the row lies over
        assert (distance.min().item(), distance.max().item()) == (-radius, radius)


def test_reach_of_no_feature_is_refused() -> None:
    assert xception().reach([(0, 0), (50, 60), None, None, None]) == (-3, 4 * 60 + 9)
    with pytest.raises(ValueError, match="at least one"):
        xception().reach([None] * 5)


def test_a_block_leaves_what_it_is_given_as_it_is() -> None:
    block = xception(base=4).get_submodule("middle.0")
    x = torch.randn(1, 45, 4, 4)
    given = x.clone()
    with torch.inference_mode():
        block(x)
    assert torch.equal(x, given)


def test_every_batch_norm_folds() -> None:
    network = xception(base=4)
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    # stem, three blocks with shortcuts, the middle, the exit's block with its, three separable
    assert len(norms) == 2 + 3 * 7 + 16 * 6 + 7 + 6
    for norm in norms:
        for values in (norm.weight, norm.bias, norm.running_var):
            assert isinstance(values, torch.Tensor)
            nn.init.uniform_(values, 0.5, 1.5)
    folded = fold(network)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in folded.modules())
    frame = torch.randn(1, 1, 64, 64)
    with torch.inference_mode():
        for feature, expected in zip(folded(frame), network(frame), strict=True):
            scale = expected.abs().max()
            torch.testing.assert_close(feature / scale, expected / scale, atol=1e-4, rtol=0)


def test_every_parameter_learns() -> None:
    network = xception(base=4).train()
    features = network(torch.randn(2, 1, 64, 64))
    torch.stack([f.square().sum() for f in features]).sum().backward()
    idle = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == []
