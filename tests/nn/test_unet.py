import itertools
from math import nan, sqrt

import pytest
import torch
from torch import nn
from torch.export import Dim, export

from napari_touchup.nn.build import build
from napari_touchup.nn.unet import UNet
from napari_touchup.options import ModelSpec, paper_spec

PAPER = paper_spec()
PADDED = ModelSpec()


def unet(spec: ModelSpec) -> UNet:
    torch.manual_seed(0)
    network = build(spec).eval()
    assert isinstance(network, UNet)
    return network


@pytest.mark.parametrize(
    ("spec", "parameters"),
    [
        (PAPER, 31_030_658),
        # the paper's + second channel, third class
        (paper_spec(in_channels=2, classes=3), 31_030_658 + 9 * 64 + 64 + 1),
        # by hand: 2 -> 4 channels, bias-free convolutions, 2 affine values a normalised channel
        (
            ModelSpec(base=2, depth=1),
            (18 + 4 + 36 + 4) + (72 + 8 + 144 + 8) + (32 + 2) + (72 + 4 + 36 + 4) + 9,
        ),
        (
            ModelSpec(base=2, depth=1, up="3x3"),
            (18 + 4 + 36 + 4) + (72 + 8 + 144 + 8) + (72 + 2) + (72 + 4 + 36 + 4) + 9,
        ),
    ],
)
def test_number_of_parameters(spec: ModelSpec, parameters: int) -> None:
    assert sum(p.numel() for p in unet(spec).parameters()) == parameters


@pytest.mark.parametrize(
    ("spec", "given", "expected"),
    [
        (paper_spec(base=1), (1, 572, 572), (2, 388, 388)),
        (paper_spec(base=1), (1, 188, 204), (2, 4, 20)),
        (ModelSpec(base=1), (1, 16, 48), (3, 16, 48)),
        (ModelSpec(base=1, up="3x3", activation="leaky_relu"), (1, 32, 16), (3, 32, 16)),
        (ModelSpec(base=1, depth=7, in_channels=3), (3, 128, 128), (3, 128, 128)),
        (ModelSpec(base=1, depth=1, output="softmax", classes=5), (1, 2, 6), (5, 2, 6)),
        (ModelSpec(base=1, depth=1, head="3x3"), (1, 2, 6), (3, 2, 6)),
        (
            paper_spec(base=1).model_copy(update={"head": "3x3"}),  # one more pixel on each side
            (1, 572, 572),
            (2, 386, 386),
        ),
    ],
)
def test_shapes(spec: ModelSpec, given: tuple[int, ...], expected: tuple[int, ...]) -> None:
    network = unet(spec)
    with torch.inference_mode():
        output = network(torch.zeros(2, *given))
    assert output.shape == (2, *expected)
    assert output.dtype == torch.float32
    assert tuple(network.output_size(n) for n in given[1:]) == expected[1:]


@pytest.mark.parametrize(
    ("spec", "n", "accepted"),
    [
        (PAPER, 1, 188),
        (PAPER, 188, 188),
        (PAPER, 189, 204),
        (PAPER, 572, 572),
        (PAPER, 573, 588),
        (PADDED, 1, 16),
        (PADDED, 16, 16),
        (PADDED, 17, 32),
        (paper_spec().model_copy(update={"depth": 1}), 1, 18),
    ],
)
def test_input_size(spec: ModelSpec, n: int, accepted: int) -> None:
    small = spec.model_copy(update={"base": 1})
    assert unet(small).input_size(n) == accepted


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_accepted_sizes_are_those_that_pool_without_a_rest(depth: int, padding: str) -> None:
    network = unet(ModelSpec(base=1, depth=depth, padding=padding))
    smallest = network.input_size(1)
    lost = 0 if padding == "same" else 2
    for n in range(smallest, smallest + 2 * network.stride + 1):
        edge, even = n, True
        for _ in range(depth):
            edge -= 2 * lost
            even = even and edge % 2 == 0
            edge //= 2
        assert (network.input_size(n) == n) == even


# before and after, by hand: first and last index that indices 0 and S - 1 need, through every layer
@pytest.mark.parametrize(
    ("spec", "halo"),
    [
        (ModelSpec(base=1, depth=1), (8, 8)),
        (ModelSpec(base=1, depth=1, up="3x3"), (8, 10)),
        (ModelSpec(base=1, depth=4), (94, 94)),
        (ModelSpec(base=1, depth=4, up="3x3"), (94, 110)),
        (paper_spec(base=1), (96, 92)),
        (ModelSpec(base=1, depth=3, padding="valid", up="3x3"), (48, 52)),
        (ModelSpec(base=1, depth=1, head="3x3"), (10, 10)),
        (ModelSpec(base=1, depth=1, padding="valid", head="3x3"), (10, 10)),
    ],
)
def test_halo_holds_for_a_nan_at_every_phase_and_is_tight(
    spec: ModelSpec, halo: tuple[int, int]
) -> None:
    network = unet(spec)
    stride, margin = network.stride, network.margin
    edge = network.input_size(2 * margin + 2 * sum(halo) + 4 * stride)
    planted = torch.arange(edge // 2, edge // 2 + stride)  # (S,) rows
    frames = torch.zeros(stride, 1, edge, network.input_size(1))  # (S, 1, Y, X)
    frames[torch.arange(stride), 0, planted, 0] = nan
    with torch.inference_mode():
        hit = network(frames).isnan().any(dim=3).any(dim=1)  # (S, Y')
    phase, row = hit.nonzero(as_tuple=True)
    block = (row + margin) // stride * stride  # first row of the S-aligned block, in the input
    before = (block - planted[phase]).max().item()
    after = (planted[phase] - (block + stride - 1)).max().item()
    assert (before, after) == halo == network.halo


def test_the_halo_of_a_column_is_that_of_a_row() -> None:
    network = unet(ModelSpec(base=1, depth=1, up="3x3"))
    frame = torch.zeros(1, 1, 2, 64)
    frame[..., 32] = nan
    hit = network(frame).isnan().any(dim=2).any(dim=1).squeeze().nonzero()  # columns
    assert (hit.min().item(), hit.max().item()) == (32 - 9, 32 + 9)


@pytest.mark.parametrize("shape", [(1, 1, 24, 16), (1, 1, 16, 24)])
def test_size_off_the_grid_is_named_with_its_neighbours(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="got 24; nearest: 16, 32"):
        unet(ModelSpec(base=1))(torch.zeros(shape))


def test_too_small_a_size_is_named_with_the_smallest() -> None:
    with pytest.raises(ValueError, match=r"got 100; nearest: 188$"):
        unet(paper_spec(base=1)).output_size(100)


@pytest.mark.parametrize("shape", [(1, 2, 16, 16), (1, 16, 16), (16, 16)])
def test_wrong_channels_or_axes_are_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected \(B, 1, Y, X\), got \("):
        unet(ModelSpec(base=1))(torch.zeros(shape))


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("down.1.2", 9 * 64),  # 3x3 on 64 channels
        ("bottom.0", 9 * 64),
        ("up.0", 128),  # 2x2 stride 2: every output pixel sees one tap of 128 channels
        ("merge.0.0", 9 * 128),
        ("head", 32),
    ],
)
def test_weights_start_as_he_said(name: str, inputs: int) -> None:
    network = unet(paper_spec(base=32).model_copy(update={"depth": 2}))
    layer = network.get_submodule(name)
    assert isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
    error = 4 / sqrt(2 * layer.weight.numel())  # four standard errors of a standard deviation
    assert layer.weight.std().item() == pytest.approx(sqrt(2 / inputs), rel=error)
    assert layer.bias is not None
    assert layer.bias.eq(0).all()


def test_signal_keeps_its_scale_through_the_paper_network() -> None:
    network = unet(paper_spec(base=16))
    frame = torch.randn(1, 1, 188, 188, generator=torch.Generator().manual_seed(1))
    assert 0.1 < network(frame).std().item() < 10


def test_dropout_is_at_the_end_of_the_contracting_path() -> None:
    found = [n for n, m in unet(paper_spec(base=1)).named_modules() if isinstance(m, nn.Dropout)]
    assert found == ["down.3.4", "bottom.4"]


def test_dropout_can_be_at_the_bottom_alone() -> None:
    spec = ModelSpec(base=1, depth=2, dropout=0.3, dropout_levels=1)
    found = {n: m.p for n, m in unet(spec).named_modules() if isinstance(m, nn.Dropout)}
    assert found == {"bottom.6": 0.3}


@pytest.mark.parametrize(
    ("spec", "layers"),
    [
        (paper_spec(base=1), ["Conv2d", "ReLU", "Conv2d", "ReLU"]),
        (
            ModelSpec(base=1, activation="leaky_relu"),
            ["Conv2d", "BatchNorm2d", "LeakyReLU", "Conv2d", "BatchNorm2d", "LeakyReLU"],
        ),
        (
            ModelSpec(base=1, norm="batch_after"),
            ["Conv2d", "ReLU", "BatchNorm2d", "Conv2d", "ReLU", "BatchNorm2d"],
        ),
    ],
)
def test_layers_of_a_level(spec: ModelSpec, layers: list[str]) -> None:
    level = unet(spec).get_submodule("down.0")
    assert [type(layer).__name__ for layer in level.children()] == layers
    assert all(m.negative_slope == 0.2 for m in level.modules() if isinstance(m, nn.LeakyReLU))


@pytest.mark.parametrize("norm", ["batch", "batch_after", "none"])
def test_every_parameter_learns(norm: str) -> None:
    network = unet(ModelSpec(base=4, depth=2, up="3x3", head="3x3", norm=norm)).train()
    network(torch.randn(2, 1, 16, 16)).square().sum().backward()
    idle = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == []


def test_channels_last_is_kept_and_changes_nothing() -> None:
    network = unet(ModelSpec(base=4, depth=2))
    frame = torch.randn(2, 1, 16, 24)
    with torch.inference_mode():
        expected = network(frame)
        output = network.to(memory_format=torch.channels_last)(
            frame.contiguous(memory_format=torch.channels_last)
        )
    assert output.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(output, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_one_export_serves_every_accepted_size(padding: str) -> None:
    network = unet(ModelSpec(base=2, depth=1, padding=padding))
    y, x = (2 * Dim(name, min=9, max=100) for name in "yx")
    program = export(network, (torch.randn(1, 1, 22, 26),), dynamic_shapes={"x": {2: y, 3: x}})
    frame = torch.randn(1, 1, 32, 18)
    torch.testing.assert_close(program.module()(frame), network(frame))


def test_same_seed_same_weights() -> None:
    first, second = (unet(ModelSpec(base=1, depth=1)).state_dict() for _ in range(2))
    pairs = itertools.zip_longest(first.values(), second.values())
    assert all(torch.equal(a, b) for a, b in pairs)
