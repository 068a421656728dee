from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim, export

from napari_touchup.engine.folding import fold
from napari_touchup.nn import checkpoint
from napari_touchup.nn.build import build, spec_of
from napari_touchup.nn.deeplab import DeepLabV3Plus
from napari_touchup.nn.header import Header
from napari_touchup.options import ModelSpec


def spec(**changes: Any) -> ModelSpec:
    return spec_of("deeplabv3plus", **{"base": 2, "encoder": "resnet18"} | changes)


def deeplab(given: ModelSpec) -> DeepLabV3Plus:
    torch.manual_seed(0)
    network = build(given).eval()
    assert isinstance(network, DeepLabV3Plus)
    return network


def convolution(kernel: int, c_in: int, c_out: int) -> int:
    return kernel * kernel * c_in * c_out + 2 * c_out  # and the two affine values of its norm


def separable(c_in: int, c_out: int) -> int:
    return convolution(3, 1, c_in) + convolution(1, c_in, c_out)


# encoders: torchvision's without fc, less two of three colours of the first 7x7 (or 3x3) kernels
@pytest.mark.parametrize(
    ("encoder", "of_encoder", "fine", "deep"),
    [
        ("resnet18", 11_176_512 - 2 * 49 * 64, 64, 512),
        ("resnet34", 21_284_672 - 2 * 49 * 64, 64, 512),
        ("resnet50", 23_508_032 - 2 * 49 * 64, 256, 2048),
        ("xception", 37_867_312 - 2 * 9 * 32, 128, 2048),
    ],
)
def test_number_of_parameters(encoder: str, of_encoder: int, fine: int, deep: int) -> None:
    with torch.device("meta"):
        network = build(spec(encoder=encoder, base=64))
    pyramid = convolution(1, deep, 256) + 3 * separable(deep, 256) + (deep * 256 + 256)
    project, low = convolution(1, 5 * 256, 256), convolution(1, fine, 48)
    decoder = separable(48 + 256, 256) + separable(256, 256) + (256 * 3 + 3)
    expected = of_encoder + pyramid + project + low + decoder
    assert sum(p.numel() for p in network.parameters()) == expected


@pytest.mark.parametrize(
    ("given", "shape", "expected"),
    [
        (spec(), (1, 16, 48), (3, 16, 48)),
        (spec(encoder="resnet34", in_channels=2), (2, 32, 16), (3, 32, 16)),
        (spec(encoder="resnet50", output="softmax", classes=5), (1, 16, 16), (5, 16, 16)),
        (spec(encoder="xception", base=1), (1, 48, 32), (3, 48, 32)),
    ],
)
def test_shapes(given: ModelSpec, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    network = deeplab(given)
    with torch.inference_mode():
        output = network(torch.zeros(2, *shape))
    assert output.shape == (2, *expected)
    assert output.dtype == torch.float32


@pytest.mark.parametrize(("base", "channels"), [(1, 8), (8, 8), (16, 12), (64, 48)])
def test_the_skip_is_narrow_but_not_too_narrow(base: int, channels: int) -> None:
    with torch.device("meta"):
        network = build(spec(base=base))
    assert network.get_submodule("low.0").out_channels == channels


def test_an_edge_off_the_grid_is_named_with_its_neighbours() -> None:
    with pytest.raises(ValueError, match="got 40; nearest: 32, 48"):
        deeplab(spec())(torch.zeros(1, 1, 32, 40))


def test_rates_are_those_of_output_stride_16() -> None:
    network = deeplab(spec())
    atrous = [m.dilation for m in network.pyramid.modules() if isinstance(m, nn.Conv2d)]
    assert sorted(set(atrous)) == [(1, 1), (6, 6), (12, 12), (18, 18)]


class Given(nn.Module):
    """A network whose image has a given mean, so that it looks no further than its halo."""

    def __init__(self, network: DeepLabV3Plus, features: bool = False) -> None:
        super().__init__()
        self.network, self.features = network, features
        self.stride, self.halo, self.input_size = network.stride, network.halo, network.input_size

    def forward(self, x: Tensor) -> Tensor:
        features = self.network.encode(x)
        if self.features:
            return torch.repeat_interleave(features[-1], self.stride, dim=2)  # (B, D, Y, X / S)
        return self.network.decode(features, torch.zeros(1, features[-1].shape[1]))


# by hand, of an S-aligned block: the bilinear enlargements and the two 3x3 read the features up to
# 2 blocks away, the widest rate 18 more, and those read R px around their first pixel, which is 15
# before their last one. R: of the encoders' own tests (resnet34: 21 + 4 + 7 * 8 + 8 + 11 * 16 + 32
# + 4 * 32)
@pytest.mark.parametrize(
    ("encoder", "radius"), [("resnet18", 201), ("resnet34", 433), ("resnet50", 213)]
)
def test_halo_holds_for_a_nan_at_every_phase_and_is_tight(
    encoder: str, radius: int, halo_of: Any
) -> None:
    network = deeplab(spec(encoder=encoder, base=1))
    before = (2 + 18) * 16 + radius
    assert halo_of(Given(network)) == network.halo == (before, before - 15)
    assert network.mirror == (96, 96)


def test_halo_with_the_xception(halo_of: Any) -> None:
    network = deeplab(spec(encoder="xception", base=1))
    assert halo_of(Given(network)) == network.halo == (20 * 16 + 957, 20 * 16 + 957 - 15)


def test_the_features_that_are_averaged_are_exact_where_the_output_is(halo_of: Any) -> None:
    network = deeplab(spec(base=1))
    assert halo_of(Given(network, features=True)) == (201, 201 - 15)


def test_the_mean_is_heeded() -> None:
    network = deeplab(spec(base=4))
    features = network.encode(torch.randn(2, 1, 32, 48))
    mean = features[-1].mean((2, 3))
    with torch.no_grad():
        one, other = (network.decode(features, factor * mean) for factor in (1, 2))
        assert (one - other).abs().max() > 0.01
        each = network.decode(features, mean[:1])  # one mean for all images
        torch.testing.assert_close(each[:1], one[:1])
        torch.testing.assert_close(network(torch.zeros(1, 1, 16, 16)).shape, (1, 3, 16, 16))


@pytest.mark.parametrize("encoder", ["resnet18", "xception"])
def test_every_parameter_learns(encoder: str) -> None:
    network = deeplab(spec(encoder=encoder, base=4)).train()
    network(torch.randn(2, 1, 64, 64)).square().sum().backward()
    idle = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == []


def test_a_batch_of_one_crop_trains() -> None:
    network = deeplab(spec()).train()
    network(torch.randn(1, 1, 32, 32)).square().sum().backward()
    weight = network.get_submodule("image.0").weight
    assert isinstance(weight, Tensor)
    assert weight.grad is not None


@pytest.mark.parametrize("encoder", ["resnet18", "xception"])
def test_every_batch_norm_folds(encoder: str, random_network: Any) -> None:
    network = random_network(spec(encoder=encoder, base=4))
    folded = fold(network)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in folded.modules())
    frame = torch.randn(1, 1, 64, 64)
    with torch.inference_mode():
        output, expected = folded(frame), network(frame)
    scale = expected.abs().max()
    torch.testing.assert_close(output / scale, expected / scale, atol=1e-4, rtol=0)


@pytest.mark.parametrize("encoder", ["resnet18", "xception"])
def test_model_comes_back_exactly(encoder: str, random_network: Any, tmp_path: Path) -> None:
    given = spec_of("deeplabv3plus", base=4, encoder=encoder)
    network, path = random_network(given), tmp_path / "m.safetensors"
    checkpoint.save(path, network, Header(name="m", spec=given, diameter_px=20))
    loaded = checkpoint.load(path)
    assert loaded.header.spec == given
    frame = torch.randn(1, 1, 32, 48)
    assert torch.equal(loaded.module(frame), network(frame))


def test_overfits_one_image(overfit: Any) -> None:
    assert overfit(spec(base=8), steps=250) > 0.93


def test_one_export_serves_every_accepted_size() -> None:
    network = deeplab(spec(base=1))
    y, x = (16 * Dim(name, min=2, max=100) for name in "yx")
    program = export(network, (torch.randn(1, 1, 64, 96),), dynamic_shapes={"x": {2: y, 3: x}})
    frame = torch.randn(1, 1, 48, 32)
    torch.testing.assert_close(program.module()(frame), network(frame))
