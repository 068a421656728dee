from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from napari_touchup.nn import checkpoint
from napari_touchup.nn.build import build, spec_of
from napari_touchup.nn.fcn import FCN
from napari_touchup.nn.header import Header
from napari_touchup.options import ModelSpec

VARIANTS = ("fcn32s", "fcn16s", "fcn8s")


def spec(arch: str = "fcn8s", **changes: Any) -> ModelSpec:
    return spec_of(arch, **{"base": 1} | changes)


def convolution(c_in: int, c_out: int, kernel: int = 3) -> int:
    return kernel**2 * c_in * c_out + c_out


# VGG-16 without its last layer has 134 260 544 parameters
VGG = (
    convolution(3, 64) + convolution(64, 64)
    + convolution(64, 128) + convolution(128, 128)
    + convolution(128, 256) + 2 * convolution(256, 256)
    + convolution(256, 512) + 5 * convolution(512, 512)
    + convolution(512, 4096, 7) + convolution(4096, 4096, 1)
)  # fmt: skip
SCORE, POOL4, POOL3 = (convolution(c, 21, 1) for c in (4096, 512, 256))


@pytest.mark.parametrize(
    ("arch", "parameters"),
    [
        ("fcn32s", VGG + SCORE + 21**2 * 64**2),
        ("fcn16s", VGG + SCORE + POOL4 + 21**2 * (4**2 + 32**2)),
        ("fcn8s", VGG + SCORE + POOL4 + POOL3 + 21**2 * (4**2 + 4**2 + 16**2)),
    ],
)
def test_number_of_parameters_is_the_papers(arch: str, parameters: int) -> None:
    paper = spec(arch, base=64, norm="none", in_channels=3, output="softmax", classes=21)
    with torch.device("meta"):
        network = build(paper)
    assert VGG == 134_260_544
    assert sum(p.numel() for p in network.parameters()) == parameters


@pytest.mark.parametrize("arch", VARIANTS)
@pytest.mark.parametrize(
    ("changes", "given", "expected"),
    [
        ({}, (1, 32, 64), (3, 32, 64)),
        ({"norm": "none", "in_channels": 3, "dropout": 0}, (3, 64, 32), (3, 64, 32)),
        ({"norm": "batch_after", "output": "softmax", "classes": 5}, (1, 32, 32), (5, 32, 32)),
    ],
)
def test_shapes(arch: str, changes: Any, given: tuple[int, ...], expected: tuple[int, ...]) -> None:
    network = build(spec(arch, **changes)).eval()
    assert isinstance(network, FCN)
    with torch.inference_mode():
        assert network(torch.zeros(2, *given)).shape == (2, *expected)


def test_an_edge_off_the_grid_is_named_with_its_neighbours() -> None:
    with pytest.raises(ValueError, match="got 48; nearest: 32, 64"):
        build(spec())(torch.zeros(1, 1, 32, 48))


# by hand: the last up-convolution reads one pixel more, fc6 three, then 3 * (16 + 8 + 4) + 2 * 2 +
# 2 of the five stages and 32 * (1 + 3) of these
@pytest.mark.parametrize("arch", VARIANTS)
def test_halo_holds_for_a_nan_at_every_phase_and_is_tight(arch: str, halo_of: Any) -> None:
    network = build(spec(arch)).eval()
    assert halo_of(network) == network.halo == (218, 218)
    assert network.mirror == (96, 96)
    assert network.stride == 32


@pytest.mark.parametrize("norm", ["batch", "none"])
def test_layers_of_a_stage(norm: str) -> None:
    network = build(spec(norm=norm))
    layer = ["Conv2d", "BatchNorm2d", "ReLU"] if norm == "batch" else ["Conv2d", "ReLU"]
    counts = (2, 2, 3, 3, 3)
    for stage, count in zip(network.stage, counts, strict=True):
        assert [type(part).__name__ for part in stage] == layer * count
    assert [type(part).__name__ for part in network.fc6] == [*layer, "Dropout"]
    assert [type(part).__name__ for part in network.fc7] == [*layer, "Dropout"]
    assert network.fc6[-1].p == network.fc7[-1].p == 0.5


@pytest.mark.parametrize(
    ("factor", "line"),
    [
        (2, [0.25, 0.75, 0.75, 0.25]),
        (4, [0.125, 0.375, 0.625, 0.875, 0.875, 0.625, 0.375, 0.125]),
    ],
)
def test_up_convolutions_begin_as_the_authors_kernels(factor: int, line: list[float]) -> None:
    from napari_touchup.nn.fcn import _up

    weight = _up(ModelSpec(), factor).get_parameter("weight")
    kernel = torch.tensor(line)
    assert weight.shape == (3, 3, 2 * factor, 2 * factor)
    for i in range(3):
        for j in range(3):
            torch.testing.assert_close(weight[i, j], (i == j) * kernel[:, None] * kernel)


@pytest.mark.parametrize("name", ["pool4", "pool3", "x8"])
def test_up_convolutions_interpolate_bilinearly(name: str) -> None:
    up = build(spec()).up[name]
    factor = up.stride[0]
    frame = torch.randn(1, 3, 6, 5, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found = up(frame)
    expected = F.interpolate(frame, scale_factor=factor, mode="bilinear", align_corners=False)
    inner = (..., slice(factor, -factor), slice(factor, -factor))  # zeros lie beyond the border
    assert found.shape == expected.shape
    torch.testing.assert_close(found[inner], expected[inner])


def test_a_ramp_stays_a_ramp() -> None:
    ramp = torch.arange(4.0).expand(1, 3, 4, 4)
    with torch.no_grad():
        found = build(spec()).up["pool4"](ramp)[0, 0, 3]
    expected = [0.25, 0.75, 1.25, 1.75, 2.25, 2.75]
    torch.testing.assert_close(found[1:-1], torch.tensor(expected))


@pytest.mark.parametrize(
    ("coarse", "fine", "new", "left"),
    [
        (
            "fcn32s", "fcn16s",
            ["score.pool4.bias", "score.pool4.weight", "up.pool4.weight", "up.x16.weight"],
            ["up.x32.weight"],
        ),
        (
            "fcn16s", "fcn8s",
            ["score.pool3.bias", "score.pool3.weight", "up.pool3.weight", "up.x8.weight"],
            ["up.x16.weight"],
        ),
    ],
)  # fmt: skip
def test_a_finer_one_begins_near_the_coarser_one(
    coarse: str, fine: str, new: list[str], left: list[str], random_network: Any
) -> None:
    trained = random_network(spec(coarse, base=2))
    started = build(spec(fine, base=2)).eval()
    names = started.load_state_dict(trained.state_dict(), strict=False)
    assert sorted(names.missing_keys) == new
    assert names.unexpected_keys == left
    frame = torch.randn(1, 1, 256, 256, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before, after = (net(frame)[..., 64:-64, 64:-64] for net in (trained, started))
    assert before.std() > 0.1
    # two enlargements of a few pixels are almost one
    assert (after - before).std() < 0.05 * before.std()


@pytest.mark.parametrize("arch", VARIANTS)
def test_every_parameter_learns(arch: str) -> None:
    torch.manual_seed(0)
    network = build(spec(arch, base=2)).train()
    network(torch.randn(2, 1, 64, 64)).square().sum().backward()
    idle = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == []


def test_overfits_one_image(overfit: Any) -> None:
    assert overfit(spec(base=4), steps=60) > 0.95


@pytest.mark.parametrize("arch", VARIANTS)
def test_tiles_equal_one_pass_over_the_whole(
    arch: str, random_network: Any, tiled_and_whole: Any
) -> None:
    given = spec(arch, base=2)
    network = random_network(given)
    for score in network.score.values():
        nn.init.normal_(score.weight, std=0.05)  # the skips count, and no sigmoid is saturated
    # as large as two halos and a block, so that there are more tiles than one
    tiled, whole = tiled_and_whole(network, given, (420, 37), tile=480)
    assert np.ptp(whole[0]) > 0.1  # it is no test of a constant
    np.testing.assert_allclose(tiled, whole, atol=1e-4)


@pytest.mark.parametrize("arch", VARIANTS)
def test_model_comes_back_exactly(arch: str, tmp_path: Path, random_network: Any) -> None:
    given = spec(arch)
    module, header = random_network(given), Header(name="a", spec=given, diameter_px=20)
    checkpoint.save(tmp_path / "a.safetensors", module, header)
    loaded = checkpoint.load(tmp_path / "a.safetensors")
    assert loaded.header == header
    frame = torch.randn(1, 1, 64, 32)
    assert torch.equal(loaded.module(frame), module(frame))
