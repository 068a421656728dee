from math import nan, sqrt

import pytest
import torch
from torch import Tensor, nn

from napari_touchup.engine.folding import fold
from napari_touchup.nn.encoders import Encoder, make_encoder
from napari_touchup.nn.reach import Span


def encoder(name: str, in_channels: int = 1, base: int = 1, output_stride: int = 32) -> Encoder:
    torch.manual_seed(0)
    return make_encoder(name, in_channels, base, output_stride).eval()


def uneven(network: nn.Module) -> nn.Module:
    """Give batch norms something to do."""
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for values in (layer.weight, layer.bias, layer.running_mean, layer.running_var):
                assert isinstance(values, Tensor)
                nn.init.uniform_(values, 0.5, 1.5)
    return network


# parameters: torchvision's, less those of fc (512 or 2048 x 1000 + 1000). Entries: six of each
# convolution with its norm; convolutions: the stem, those of the blocks, the shortcuts
@pytest.mark.parametrize(
    ("name", "parameters", "entries"),
    [
        ("resnet18", 11_176_512, 6 * (1 + 2 * 8 + 3)),
        ("resnet34", 21_284_672, 6 * (1 + 2 * 16 + 3)),
        ("resnet50", 23_508_032, 6 * (1 + 3 * 16 + 4)),
    ],
)
@pytest.mark.parametrize("output_stride", [16, 32])
def test_parameters_are_those_of_torchvision(
    name: str, parameters: int, entries: int, output_stride: int
) -> None:
    with torch.device("meta"):
        network = make_encoder(name, 3, 64, output_stride)
    assert sum(p.numel() for p in network.parameters()) == parameters
    assert len(network.state_dict()) == entries


@pytest.mark.parametrize(
    ("name", "entry", "shape"),
    [
        ("resnet18", "conv1.weight", (64, 3, 7, 7)),
        ("resnet18", "bn1.running_mean", (64,)),
        ("resnet18", "bn1.num_batches_tracked", ()),
        ("resnet18", "layer1.0.conv1.weight", (64, 64, 3, 3)),
        ("resnet18", "layer2.0.conv1.weight", (128, 64, 3, 3)),
        ("resnet18", "layer2.0.downsample.0.weight", (128, 64, 1, 1)),
        ("resnet18", "layer4.0.downsample.1.running_var", (512,)),
        ("resnet18", "layer4.1.bn2.bias", (512,)),
        ("resnet34", "layer3.5.conv2.weight", (256, 256, 3, 3)),
        ("resnet50", "layer1.0.conv1.weight", (64, 64, 1, 1)),
        ("resnet50", "layer1.0.downsample.0.weight", (256, 64, 1, 1)),
        ("resnet50", "layer1.2.conv1.weight", (64, 256, 1, 1)),
        ("resnet50", "layer3.5.conv2.weight", (256, 256, 3, 3)),
        ("resnet50", "layer4.0.downsample.0.weight", (2048, 1024, 1, 1)),
        ("resnet50", "layer4.2.bn3.weight", (2048,)),
    ],
)
def test_names_are_those_of_torchvision(name: str, entry: str, shape: tuple[int, ...]) -> None:
    with torch.device("meta"):
        state = make_encoder(name, 3, 64).state_dict()
    assert state[entry].shape == shape
    assert "layer1.1.downsample.0.weight" not in state
    assert not any(name.startswith("fc.") for name in state)


@pytest.mark.parametrize(
    ("name", "output_stride", "widths", "edges"),
    [
        ("resnet18", 32, (2, 2, 4, 8, 16), (32, 16, 8, 4, 2)),
        ("resnet18", 16, (2, 2, 4, 8, 16), (32, 16, 8, 4, 4)),
        ("resnet34", 32, (2, 2, 4, 8, 16), (32, 16, 8, 4, 2)),
        ("resnet50", 32, (2, 8, 16, 32, 64), (32, 16, 8, 4, 2)),
        ("resnet50", 16, (2, 8, 16, 32, 64), (32, 16, 8, 4, 4)),
    ],
)
def test_features(
    name: str, output_stride: int, widths: tuple[int, ...], edges: tuple[int, ...]
) -> None:
    network = encoder(name, in_channels=2, base=2, output_stride=output_stride)
    with torch.inference_mode():
        features = network(torch.zeros(1, 2, 64, 128))
    expected = [(1, c, n, 2 * n) for c, n in zip(widths, edges, strict=True)]
    assert [tuple(f.shape) for f in features] == expected
    assert network.widths == widths
    assert tuple(64 // n for n in edges) == network.strides


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_a_smaller_output_stride_has_the_same_weights_and_dilates_all_but_one_block(
    name: str,
) -> None:
    network = encoder(name, output_stride=16)
    assert network.state_dict().keys() == encoder(name).state_dict().keys()
    dilated = {n for n, m in network.named_modules() if getattr(m, "dilation", 1) == (2, 2)}
    last = {"resnet18": {"layer4.1.conv1", "layer4.1.conv2"}}
    assert dilated == last.get(name, {"layer4.1.conv2", "layer4.2.conv2"})


# by hand: of index 0 of each feature. A layer's reach is its radius times its stride, the stem's
# 3 px, the pooling's 2 px, a 3x3 convolution's the stride of what it reads
@pytest.mark.parametrize(
    ("name", "output_stride", "radii"),
    [
        # (stem) 3; + 2 + 4 * 4 = 21; + 4 + 3 * 8 = 49; + 8 + 3 * 16 = 105; + 16 + 3 * 32 = 217
        ("resnet18", 32, (3, 21, 49, 105, 217)),
        # the last stage: 2 * 16 of the first block, 2 * 32 of the second
        ("resnet18", 16, (3, 21, 49, 105, 201)),
        # one 3x3 convolution a block: 3 * 4; 4 + 3 * 8; 8 + 5 * 16; 16 + 2 * 32
        ("resnet50", 32, (3, 17, 45, 133, 213)),
    ],
)
def test_reach_is_what_a_nan_reaches(name: str, output_stride: int, radii: tuple[int, ...]) -> None:
    network = encoder(name, output_stride=output_stride)
    edge = 512
    frames = torch.zeros(network.strides[-1], 1, edge, 32)
    planted = edge // 2 + torch.arange(len(frames))
    frames[torch.arange(len(frames)), 0, planted, 0] = nan
    with torch.inference_mode():
        features = network(frames)
    for level, (feature, stride, radius) in enumerate(
        zip(features, network.strides, radii, strict=True)
    ):
        spans: list[Span | None] = [None] * len(features)
        spans[level] = (0, 0)
        assert network.reach(spans) == (-radius, radius)
        phase, row = feature.isnan().any(dim=3).any(dim=1).nonzero(as_tuple=True)
        distance = planted[phase] - stride * row  # from the pixel that the row lies over
        assert (distance.min().item(), distance.max().item()) == (-radius, radius)


def test_reach_of_all_features_holds_that_of_each() -> None:
    network = encoder("resnet18")
    assert network.reach([(0, 0), (50, 60), None, None, None]) == (-3, 4 * 60 + 21)
    with pytest.raises(ValueError, match="at least one"):
        network.reach([None] * 5)


@pytest.mark.parametrize(("name", "norms"), [("resnet18", 20), ("resnet50", 53)])
def test_every_batch_norm_folds(name: str, norms: int) -> None:
    network = uneven(encoder(name, base=4))
    assert sum(isinstance(m, nn.BatchNorm2d) for m in network.modules()) == norms
    folded = fold(network)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in folded.modules())
    frame = torch.randn(1, 1, 64, 64)
    with torch.inference_mode():
        for feature, expected in zip(folded(frame), network(frame), strict=True):
            scale = expected.abs().max()
            torch.testing.assert_close(feature / scale, expected / scale, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", ["resnet18", "resnet34", "resnet50"])
def test_every_parameter_learns(name: str) -> None:
    network = encoder(name, base=2).train()
    features = network(torch.randn(2, 1, 64, 64))
    torch.stack([f.square().sum() for f in features]).sum().backward()
    idle = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == []


def test_weights_start_as_in_torchvision() -> None:
    layer = encoder("resnet18", base=16).get_submodule("layer3.0.conv1")
    assert isinstance(layer, nn.Conv2d)
    error = 4 / sqrt(2 * layer.weight.numel())  # four standard errors of a standard deviation
    assert layer.weight.std().item() == pytest.approx(sqrt(2 / (9 * 64)), rel=error)  # 64 outputs


@pytest.mark.parametrize(
    ("name", "output_stride", "message"),
    [
        ("resnet19", 32, r"expected an encoder of \['resnet18', .*\], got 'resnet19'"),
        ("resnet18", 8, r"expected an output stride of \[16, 32\], got 8"),
    ],
)
def test_what_there_is_is_listed(name: str, output_stride: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_encoder(name, 1, 4, output_stride)
