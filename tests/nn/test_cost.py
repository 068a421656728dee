import pytest

from napari_touchup.nn.build import build, spec_of
from napari_touchup.nn.cost import flop_per_pixel, parameters
from napari_touchup.options import ModelSpec


def test_operations_of_a_small_network_by_hand() -> None:
    # multiplications for one pixel: full resolution 3x3 of 1 -> 2, 2 -> 2, (2 + 2) -> 2, 2 -> 2 and
    # the head 2 -> 3; half resolution 3x3 of 2 -> 4, 4 -> 4; from there 4 -> 2 for each pixel
    full = 9 * (2 + 4 + 8 + 4) + 6
    half = 9 * (8 + 16) / 4
    assert flop_per_pixel(ModelSpec(base=2, depth=1)) == pytest.approx(2 * (full + half + 8))


@pytest.mark.parametrize(
    ("arch", "given", "megaflop"),
    [
        ("unet", {"base": 64}, 1.468),  # the classic one, padded
        ("unetpp", {}, 0.908),
        ("unetpp", {"depth": 3}, 0.532),
    ],
)
def test_operations_of_known_networks(arch: str, given: dict[str, int], megaflop: float) -> None:
    assert flop_per_pixel(spec_of(arch, **given)) / 1e6 == pytest.approx(megaflop, abs=5e-4)


def test_parameters() -> None:
    assert parameters(build(ModelSpec(base=2, depth=1, norm="none"))) == 20 + 38 + 76 + 148 + 34 + (
        74 + 38 + 9
    )
