from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open

from napari_touchup.nn import checkpoint
from napari_touchup.nn.build import build, pruned, spec_of
from napari_touchup.nn.header import Header
from napari_touchup.nn.unetpp import UNetPlusPlus
from napari_touchup.options import ModelSpec


def spec(**changes: Any) -> ModelSpec:
    return spec_of("unetpp", **{"base": 4, "depth": 2} | changes)


def plain(**changes: Any) -> ModelSpec:
    """The paper's convolutions have biases, and no batch norm."""
    return spec(output="softmax", classes=1, deep_supervision=False, norm="none", **changes)


@pytest.mark.parametrize(
    ("spec", "parameters"),
    [
        # 9.04 M in table 3 of the paper: widths 32 ... 512, grey images, one class, biases
        (plain(base=32, depth=4), 9_041_601),
        # our default: two affine values instead of a bias for 2 * (5 * 32 + 4 * 64 + 3 * 128 +
        # 2 * 256 + 512) channels, 3 maps, 4 heads
        (spec(base=32, depth=4), 9_041_601 + 3_648 - 33 + 4 * 99),
        # by hand: X(0, 0), X(1, 0), up, X(0, 1), head
        (plain(base=2, depth=1), (20 + 38) + (76 + 148) + 34 + (74 + 38) + 3),
    ],
)
def test_number_of_parameters(spec: ModelSpec, parameters: int) -> None:
    with torch.device("meta"):
        network = build(spec)
    assert sum(p.numel() for p in network.parameters()) == parameters


@pytest.mark.parametrize(
    ("spec", "given", "expected"),
    [
        (spec(base=1, depth=4), (1, 16, 48), (3, 16, 48)),
        (spec(base=1, depth=3, in_channels=3, activation="leaky_relu"), (3, 8, 16), (3, 8, 16)),
        (plain(base=1, depth=1), (1, 2, 6), (1, 2, 6)),
        (spec(base=1, norm="batch_after"), (1, 8, 4), (3, 8, 4)),
    ],
)
def test_shapes(spec: ModelSpec, given: tuple[int, ...], expected: tuple[int, ...]) -> None:
    network = build(spec).eval()
    assert isinstance(network, UNetPlusPlus)
    assert network.stride == 2**spec.depth
    with torch.inference_mode():
        assert network(torch.zeros(2, *given)).shape == (2, *expected)


def test_an_edge_off_the_grid_is_named_with_its_neighbours() -> None:
    with pytest.raises(ValueError, match="got 18; nearest: 16, 20"):
        build(spec())(torch.zeros(1, 1, 16, 18))


# by hand, as for the U-Net: the way through the bottom is the longest
@pytest.mark.parametrize(("depth", "halo"), [(1, 8), (2, 22), (3, 46), (4, 94)])
def test_halo_holds_for_a_nan_at_every_phase_and_is_tight(
    depth: int, halo: int, halo_of: Any
) -> None:
    network = build(spec(base=1, depth=depth)).eval()
    assert halo_of(network) == network.halo == network.mirror == (halo, halo)


def test_while_training_every_head_of_the_first_row_speaks() -> None:
    torch.manual_seed(0)
    network = build(spec(depth=3)).train()
    outputs = network(torch.randn(2, 1, 8, 8))
    assert [output.shape for output in outputs] == [(2, 3, 8, 8)] * 3
    assert sorted(network.head) == ["1", "2", "3"]


def test_without_deep_supervision_only_the_last_node_has_a_head() -> None:
    network = build(spec(deep_supervision=False, depth=3)).train()
    assert sorted(network.head) == ["3"]
    assert network(torch.zeros(1, 1, 8, 16)).shape == (1, 3, 8, 16)


@pytest.mark.parametrize("deep_supervision", [True, False])
def test_every_parameter_learns(deep_supervision: bool) -> None:
    torch.manual_seed(0)
    network = build(spec(depth=3, deep_supervision=deep_supervision)).train()
    outputs = network(torch.randn(2, 1, 16, 16))
    outputs = outputs if deep_supervision else (outputs,)
    torch.stack([output.square().sum() for output in outputs]).sum().backward()
    idle = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == []


@pytest.mark.parametrize("deep_supervision", [True, False])
def test_overfits_one_image(overfit: Any, deep_supervision: bool) -> None:
    assert overfit(spec(base=8, deep_supervision=deep_supervision), steps=60) > 0.95


@pytest.mark.parametrize("shape", [(37, 150), (101, 64)])
def test_tiles_equal_one_pass_over_the_whole(
    shape: tuple[int, int], random_network: Any, tiled_and_whole: Any
) -> None:
    given = spec(depth=3)
    tiled, whole = tiled_and_whole(random_network(given), given, shape, tile=112)
    assert np.ptp(whole[0]) > 0.1  # it is no test of a constant
    np.testing.assert_allclose(tiled, whole, atol=1e-4)


@pytest.fixture
def file(tmp_path: Path, random_network: Any) -> Path:
    """A model of depth 4 with deep supervision."""
    given = spec(base=2, depth=4)
    header = Header(name="full", spec=given, diameter_px=20)
    checkpoint.save(tmp_path / "full.safetensors", random_network(given), header)
    return tmp_path / "full.safetensors"


def test_model_comes_back_exactly(file: Path, random_network: Any) -> None:
    module, loaded = random_network(spec(base=2, depth=4)), checkpoint.load(file).module
    frame = torch.randn(1, 1, 16, 32)
    assert torch.equal(loaded(frame), module(frame))


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_pruned_it_gives_what_the_head_of_that_level_gave(file: Path, level: int) -> None:
    full = checkpoint.load(file)
    part = checkpoint.load(file, prune=level)
    assert part.header.spec == pruned(full.header.spec, level)
    assert part.module.stride == 2**level
    frame = torch.randn(1, 1, 32, 48)
    full.module.training = True  # all heads speak; batch norm stays as it is
    with torch.no_grad():
        torch.testing.assert_close(part.module(frame), full.module(frame)[level - 1])


# of each level: nodes of two convolutions with batch norm (1 + 5 tensors each), up-convolutions and
# heads of 2
@pytest.mark.parametrize(
    ("level", "tensors"),
    [
        (1, 3 * 12 + 1 * 2 + 1 * 2),
        (2, 6 * 12 + 3 * 2 + 2 * 2),
        (3, 10 * 12 + 6 * 2 + 3 * 2),
        (4, 15 * 12 + 10 * 2 + 4 * 2),
    ],
)
def test_only_the_tensors_of_a_level_are_read(
    file: Path, level: int, tensors: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []

    class Watched:
        def __init__(self, *args: Any) -> None:
            self.file = safe_open(*args)

        def __enter__(self) -> "Watched":
            self.opened = self.file.__enter__()
            return self

        def __exit__(self, *args: Any) -> None:
            self.file.__exit__(*args)

        def keys(self) -> Any:
            return self.opened.keys()

        def get_tensor(self, name: str) -> Any:
            read.append(name)
            return self.opened.get_tensor(name)

    monkeypatch.setattr(checkpoint, "safe_open", Watched)
    part = checkpoint.load(file, prune=level).module
    assert len(read) == tensors
    assert sorted(read) == sorted(part.state_dict())


def test_a_level_that_is_not_there_is_refused(file: Path) -> None:
    with pytest.raises(ValueError, match=r"level of \[1, 2, 3, 4\], got 5"):
        checkpoint.load(file, prune=5)
