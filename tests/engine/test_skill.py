import numpy as np
import pytest
import torch
from torch import Tensor, nn

from napari_touchup.engine.samples import Sample
from napari_touchup.engine.skill import BATCH, network_input, pooled_ap50
from napari_touchup.engine.whole import centred
from napari_touchup.nn.checkpoint import Model
from napari_touchup.nn.header import Header
from napari_touchup.options import ModelSpec, NormalizeOptions, SegmentOptions

CPU = SegmentOptions(device="cpu", precision="float32")


class Bright(nn.Module):
    """Finds bright pixels; its output is `lost` pixels smaller on every side."""

    stride = 4

    def __init__(self, lost: int = 0) -> None:
        super().__init__()
        self.lost, self.halo, self.mirror = lost, (0, 0), (0, 0)

    def forward(self, x: Tensor) -> Tensor:
        x = x[..., self.lost : x.shape[2] - self.lost, self.lost : x.shape[3] - self.lost]
        inside = 20 * (x - 0.5)
        return torch.cat([inside, torch.full_like(x, -20), inside], 1)

    def input_size(self, n: int) -> int:
        return -(-n // 4) * 4

    def output_size(self, n: int) -> int:
        return n - 2 * self.lost


def model(module: nn.Module) -> Model:
    return Model(module, Header(name="bright", spec=ModelSpec(), diameter_px=12))


def crop(shown: int, true: int, edge: int = 40) -> Sample:
    """Bright squares, of which only the first ones are true, or more are true than shown."""
    image, truth = np.zeros((1, edge, edge), np.uint8), np.zeros((edge, edge), np.uint16)
    for index in range(max(shown, true)):
        y, x = 2 + 12 * (index // 3), 2 + 12 * (index % 3)
        box = slice(y, y + 8), slice(x, x + 8)
        image[(0, *box)] = 200 if index < shown else 0
        truth[box] = index + 1 if index < true else 0
    return Sample(image, truth)


@pytest.mark.parametrize(
    ("crops", "expected"),
    [
        ([(3, 3)], 1.0),
        ([(2, 3)], 2 / 3),
        ([(3, 2)], 2 / 3),
        ([(1, 1), (9, 3)], 4 / 10),  # the mean over the crops would be 2 / 3
        ([(0, 0), (2, 4)], 2 / 4),  # an empty crop adds nothing
        ([(0, 2)], 0.0),
        ([(0, 0)], 1.0),
        ([(1, 1)] * (BATCH + 1) + [(1, 2)], (BATCH + 2) / (BATCH + 3)),
    ],
)
@pytest.mark.parametrize("lost", [0, 5])
def test_counts_are_pooled(crops: list[tuple[int, int]], expected: float, lost: int) -> None:
    samples = [crop(*each) for each in crops]
    assert pooled_ap50(model(Bright(lost)), samples, CPU) == pytest.approx(expected)


def test_an_input_covers_the_crop_and_is_mirrored() -> None:
    sample, how = crop(3, 3, edge=38), NormalizeOptions(low=0, high=100)
    light = network_input(sample, how, Bright(lost=5))
    assert light.shape == (1, 48, 48)
    assert np.array_equal(light[0, 5:43, 5:43] > 0.5, sample.truth > 0)
    assert np.array_equal(light[0, 4], light[0, 6])
    assert np.array_equal(centred(light, (38, 38)), light[:, 5:43, 5:43])
