import numpy as np
import pytest
import torch
from torch import Tensor, nn

from napari_touchup.core.scores import Pair, Scores
from napari_touchup.engine import checks as module
from napari_touchup.engine.checks import collect, masks_around, score_checks
from napari_touchup.engine.lessons import Check, cut_check
from napari_touchup.engine.segment import segment
from napari_touchup.nn.build import build
from napari_touchup.nn.checkpoint import Model
from napari_touchup.nn.header import Header
from napari_touchup.options import InstanceOptions, ModelSpec, SegmentOptions

CPU = SegmentOptions(device="cpu", precision="float32")
MASKS = InstanceOptions()
LIMITS = np.array([[0.0, 100.0]])


class Bright(nn.Module):
    """Finds pixels above a level."""

    stride, halo, mirror = 4, (0, 0), (0, 0)

    def __init__(self, level: float) -> None:
        super().__init__()
        self.level = level

    def forward(self, x: Tensor) -> Tensor:
        inside = 40 * (x - self.level)
        return torch.cat([inside, torch.full_like(x, -20), inside], 1)

    def input_size(self, n: int) -> int:
        return -(-n // 4) * 4

    def output_size(self, n: int) -> int:
        return n


def model(level: float = 0.5) -> Model:
    return Model(Bright(level), Header(name="bright", spec=ModelSpec(), diameter_px=12))


def frame() -> np.ndarray:
    """Cells of brightness 80 and, in the middle, of 40; (1, 60, 60)."""
    image = np.zeros((1, 60, 60), np.uint8)
    image[0, 5:15, 5:15] = 80
    image[0, 25:35, 25:35] = 40
    image[0, 45:55, 45:55] = 80
    return image


def check(top: int, **about: object) -> Check:
    mask = np.zeros((60, 60), bool)
    mask[top : top + 10, top : top + 10] = True
    return cut_check(frame(), mask, LIMITS, **about)


@pytest.mark.parametrize(
    ("top", "expected"),
    [
        (5, Pair(1, 1)),
        (25, Pair(0, 1)),  # only the second model sees it
        (20, Pair(0, 25 / 175)),
    ],
)
def test_an_object_with_both_models(top: int, expected: Pair) -> None:
    (pair,) = score_checks(model(), model(0.25), [check(top)], CPU, MASKS)
    assert pair == expected


def test_they_are_sorted_by_what_they_are() -> None:
    checks = [
        check(5),
        check(25, origin="confirmed", source=1),
        check(45, deleted=True),
        check(45, origin="confirmed", deleted=True),
    ]
    some = [Pair(0.1, 0.2), Pair(0.3, 0.4), Pair(0.5, 0.6), Pair(0.7, 0.8)]
    expected = Scores((some[0],), (some[1],), (some[2], some[3]), 2, Pair(0, 1))
    assert collect(checks, some, Pair(0, 1)) == expected
    assert collect([], [], None) == Scores()


def test_with_a_diameter_the_cut_is_rescaled() -> None:
    large = Check(np.kron(frame(), np.ones((1, 3, 3), np.uint8)), LIMITS, np.ones((180, 180), bool))
    how = CPU.model_copy(update={"diameter": 36})
    masks = masks_around(model(), large, how, MASKS)
    assert masks.shape == (180, 180)
    assert np.abs(np.bincount(masks.ravel())[1:] - 900).max() < 100


def test_a_huge_cut_goes_tile_by_tile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WHOLE_PX", 30)
    assert masks_around(model(), check(5), CPU, MASKS).max() == 2


def test_the_context_of_a_cut_is_as_good_as_the_halo_of_a_frame() -> None:
    torch.manual_seed(0)
    spec = ModelSpec(base=2, depth=2)
    network = Model(build(spec).eval(), Header(name="n", spec=spec, diameter_px=12))
    image = np.random.default_rng(0).integers(0, 100, (1, 320, 320), np.uint8)
    mask = np.zeros((320, 320), bool)
    mask[144:176, 144:176] = True  # 96 before it: on the grid of the poolings
    one = cut_check(image, mask, LIMITS)
    *_, whole = segment(network, image, CPU, MASKS, limits=LIMITS)
    around = masks_around(network, one, CPU, MASKS)
    assert np.array_equal(around[96:128, 96:128] > 0, whole.masks[144:176, 144:176] > 0)
