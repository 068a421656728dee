import pytest
import torch
import torch.nn.functional as F

from napari_touchup.nn.reach import Span, bilinear, convolution, halo, join, mirror, transposed


def read_by(output: Span, layer) -> Span:
    """Find by NaN which of 64 inputs the outputs of a span depend on."""
    lines = torch.zeros(64, 1, 64)
    lines[torch.arange(64), 0, torch.arange(64)] = torch.nan
    hit = layer(lines).isnan()[:, 0, output[0] : output[1] + 1].any(dim=1).nonzero()
    return hit.min().item(), hit.max().item()


@pytest.mark.parametrize("span", [(16, 16), (16, 19), (17, 20), (18, 24), (19, 19)])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation"),
    [(3, 1, 1, 1), (3, 1, 0, 1), (7, 2, 3, 1), (3, 1, 6, 6), (2, 2, 0, 1), (1, 2, 0, 1)],
)
def test_convolution(span: Span, kernel: int, stride: int, padding: int, dilation: int) -> None:
    taps = torch.ones(1, 1, kernel)

    def layer(x):
        return F.conv1d(x, taps, stride=stride, padding=padding, dilation=dilation)

    assert convolution(span, kernel, stride, padding, dilation) == read_by(span, layer)


@pytest.mark.parametrize("span", [(16, 16), (16, 19), (17, 20), (18, 24), (19, 19)])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding"), [(2, 2, 0), (3, 2, 1), (4, 2, 1), (16, 8, 4), (64, 32, 16)]
)
def test_transposed(span: Span, kernel: int, stride: int, padding: int) -> None:
    taps = torch.ones(1, 1, kernel)

    def layer(x):
        return F.conv_transpose1d(x, taps, stride=stride, padding=padding)

    span = span[0] + 64, span[1] + 64
    assert transposed(span, kernel, stride, padding) == read_by(span, layer)


@pytest.mark.parametrize("factor", [2, 4, 8])
@pytest.mark.parametrize("first", range(64, 72))
def test_bilinear_covers_all_that_is_read(factor: int, first: int) -> None:
    span = first, first + 5

    def layer(x):
        return F.interpolate(x, scale_factor=factor, mode="linear", align_corners=False)

    low, high = bilinear(span, factor)
    assert (low, high) == read_by(span, layer)


def test_join() -> None:
    assert join((0, 3), (-2, 1), (1, 2)) == (-2, 3)


def test_halo_of_a_convolution_between_a_pooling_and_its_inverse() -> None:
    def reach(span: Span) -> Span:
        below = convolution(transposed(span, 2, stride=2), 3, padding=1)
        return convolution(below, 2, stride=2)

    assert halo(reach, stride=2) == (2, 2)


def test_a_frame_is_mirrored_by_the_halo_within_reason() -> None:
    assert mirror((94, 110)) == (94, 96)
