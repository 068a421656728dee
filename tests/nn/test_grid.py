import pytest
import torch

from napari_touchup.nn.grid import OnGrid
from napari_touchup.options import ModelSpec


def network() -> OnGrid:
    made = OnGrid()
    made.spec, made.stride = ModelSpec(in_channels=2), 8
    return made


@pytest.mark.parametrize(("n", "accepted"), [(0, 8), (1, 8), (8, 8), (9, 16), (64, 64)])
def test_input_size(n: int, accepted: int) -> None:
    assert network().input_size(n) == accepted
    assert network().output_size(accepted) == accepted


@pytest.mark.parametrize(("n", "nearest"), [(7, "8"), (12, "8, 16"), (63, "56, 64")])
def test_an_edge_off_the_grid_is_named_with_its_neighbours(n: int, nearest: str) -> None:
    with pytest.raises(ValueError, match=rf"accepts, got {n}; nearest: {nearest}$"):
        network().check(torch.zeros(1, 2, 8, n))


@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (2, 8, 8)])
def test_wrong_channels_or_axes_are_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected \(B, 2, Y, X\), got \("):
        network().check(torch.zeros(shape))
