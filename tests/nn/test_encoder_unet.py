from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.export import Dim, export

from napari_touchup.core.tiling import plan
from napari_touchup.engine.folding import fold
from napari_touchup.nn.build import build, spec_of
from napari_touchup.nn.checkpoint import load, save
from napari_touchup.nn.encoder_unet import EncoderUNet
from napari_touchup.nn.header import Header
from napari_touchup.options import ModelSpec


def spec(encoder: str = "resnet18", base: int = 4, **given: object) -> ModelSpec:
    return spec_of("unet", encoder=encoder, base=base, **given)


def unet(wanted: ModelSpec) -> EncoderUNet:
    torch.manual_seed(0)
    network = build(wanted).eval()
    assert isinstance(network, EncoderUNet)
    return network


# of two convolutions c -> d with their norms: 9 c d + 9 d d + 4 d
def two(c: int, d: int) -> int:
    return 9 * c * d + 9 * d * d + 4 * d


def test_number_of_parameters() -> None:
    with torch.device("meta"):
        network = build(spec("resnet34", base=64))
    encoder = 21_284_672 - 2 * 64 * 49  # for one colour
    stem, head = two(1, 32), 3 * 32 + 3
    up = sum(4 * c * d + d for c, d in [(512, 256), (256, 128), (128, 64), (64, 64), (64, 32)])
    merge = two(512, 256) + two(256, 128) + two(128, 64) + two(128, 64) + two(64, 32)
    assert sum(p.numel() for p in network.parameters()) == encoder + stem + up + merge + head


def test_the_encoder_has_the_names_of_torchvision_behind_a_prefix() -> None:
    state = unet(spec()).state_dict()
    assert state["encoder.layer2.0.downsample.0.weight"].shape == (8, 4, 1, 1)
    assert {name.split(".")[0] for name in state} == {"encoder", "stem", "up", "merge", "head"}


@pytest.mark.parametrize(
    ("wanted", "given", "expected"),
    [
        (spec("resnet18", base=1), (1, 32, 64), (3, 32, 64)),
        (spec("resnet34", base=2, in_channels=3, up="3x3"), (3, 64, 32), (3, 64, 32)),
        (spec("resnet50", base=1, output="softmax", classes=2), (1, 96, 32), (2, 96, 32)),
        (spec("xception", base=2), (1, 32, 64), (3, 32, 64)),
    ],
)
def test_shapes(wanted: ModelSpec, given: tuple[int, ...], expected: tuple[int, ...]) -> None:
    network = unet(wanted)
    with torch.inference_mode():
        output = network(torch.zeros(2, *given))
    assert output.shape == (2, *expected)
    assert output.dtype == torch.float32


def test_size_off_the_grid_is_named_with_its_neighbours() -> None:
    with pytest.raises(ValueError, match="got 48; nearest: 32, 64"):
        unet(spec())(torch.zeros(1, 1, 48, 64))


# before and after, by hand. 2x2: indices 0 ... 31 need -2 ... 33, at stride 2 -3 ... 18, at 4
# -4 ... 11, at 8 -4 ... 7, at 16 -4 ... 5, at 32 -2 ... 2; the encoder adds 217 (resnet18), 213
# (resnet50). 3x3 reads as far before, and more after: 33 -> 17, 19 -> 10, 12 -> 6, 8 -> 4, 6 -> 3
@pytest.mark.parametrize(
    ("wanted", "halo"),
    [
        (spec("resnet18", base=1), (281, 250)),
        (spec("resnet18", base=2, up="3x3"), (281, 282)),
        (spec("resnet50", base=1), (277, 246)),
    ],
)
def test_halo_holds_for_a_nan_at_every_phase_and_is_tight(
    wanted: ModelSpec, halo: tuple[int, int], halo_of: Any
) -> None:
    network = unet(wanted)
    assert halo_of(network) == halo == network.halo
    assert network.mirror == (96, 96)
    assert network.stride == 32


def test_the_image_itself_reaches_the_last_merge() -> None:
    network = unet(spec(base=8))
    frame = torch.zeros(1, 1, 64, 64)
    frame[0, 0, 33, 31] = nan
    with torch.inference_mode():
        seen = network.stem(frame).isnan().all(dim=1)[0].nonzero()
    assert (seen.amin(0).tolist(), seen.amax(0).tolist()) == ([31, 29], [35, 33])
    assert network.get_submodule("merge.4.0").weight.shape == (4, 4 + 4, 3, 3)


@pytest.mark.parametrize("encoder", ["resnet18", "resnet50", "xception"])
def test_every_parameter_learns_from_a_single_image(encoder: str) -> None:
    network = unet(spec(encoder, base=4)).train()
    network(torch.randn(1, 1, 64, 64)).square().sum().backward()
    idle = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == []


def test_one_image_is_learned(overfit: Any) -> None:
    assert overfit(spec(base=16), steps=60) > 0.9


def test_batch_norms_fold(random_network: Any) -> None:
    network = random_network(spec())
    folded = fold(network)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in folded.modules())
    frame = torch.rand(1, 1, 64, 64)
    with torch.inference_mode():
        expected, output = network(frame), folded(frame)
    torch.testing.assert_close(output.sigmoid(), expected.sigmoid(), atol=1e-4, rtol=0)


def test_checkpoint_comes_back_exactly(tmp_path: Path, random_network: Any) -> None:
    network, path = random_network(spec()), tmp_path / "model.safetensors"
    header = Header(name="encoded", spec=spec(), diameter_px=20)
    save(path, network, header)
    model = load(path)
    assert model.header == header
    frame = torch.rand(1, 1, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(model.module(frame), network(frame))


# the halo is 281 + 250 pixels: a tile of 640 keeps 96, but those at the borders keep more
@pytest.mark.parametrize("wanted", [spec(base=2), spec(base=2, up="3x3", in_channels=2)])
def test_tiles_equal_one_pass_over_the_whole(
    wanted: ModelSpec, random_network: Any, tiled_and_whole: Any
) -> None:
    network = random_network(wanted)
    assert len(plan((40, 700), 640, network).tiles) > 3
    tiled, expected = tiled_and_whole(network, wanted, (40, 700), tile=640)
    assert expected[0].std() > 1e-3  # it is no test of a constant
    np.testing.assert_allclose(tiled, expected, atol=1e-4)


def test_channels_last_is_kept_and_changes_nothing() -> None:
    network = unet(spec())
    frame = torch.randn(2, 1, 32, 64)
    with torch.inference_mode():
        expected = network(frame)
        output = network.to(memory_format=torch.channels_last)(
            frame.contiguous(memory_format=torch.channels_last)
        )
    assert output.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(output, expected, atol=1e-4, rtol=1e-4)


def test_one_export_serves_every_accepted_size() -> None:
    network = unet(spec(base=1))
    y, x = (32 * Dim(name, min=2, max=20) for name in "yx")
    program = export(network, (torch.randn(1, 1, 64, 96),), dynamic_shapes={"x": {2: y, 3: x}})
    frame = torch.randn(1, 1, 128, 64)
    torch.testing.assert_close(program.module()(frame), network(frame))
