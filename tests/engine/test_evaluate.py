import numpy as np
import pytest
import torch
from torch import Tensor, nn

from napari_touchup.engine.evaluate import evaluate, mean_scores, within
from napari_touchup.engine.samples import Sample
from napari_touchup.nn.checkpoint import Model
from napari_touchup.nn.header import Header
from napari_touchup.options import InstanceOptions, ModelSpec, SegmentOptions

TABLE = [
    ("all counts", [1, 1, 0, 2], [1, 1, 1, 1], [1, 1, 0, 2]),
    ("half outside is cut", [3, 3, 0, 2], [1, 0, 1, 1], [3, 0, 0, 2]),
    ("more than half outside is left out", [5, 5, 5, 2], [1, 0, 0, 1], [0, 0, 0, 2]),
    ("nothing counts", [1, 1, 2, 2], [0, 0, 0, 0], [0, 0, 0, 0]),
]


@pytest.mark.parametrize(
    ("labels", "annotated", "expected"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE]
)
def test_within_literals(labels: list[int], annotated: list[int], expected: list[int]) -> None:
    assert within(np.array(labels), np.array(annotated, bool)).tolist() == expected


class Threshold(nn.Module):
    """Mask where the image is bright; distance 1 there, no borders. Finds bright squares."""

    stride, halo, mirror = 1, (0, 0), (0, 0)

    def forward(self, x: Tensor) -> Tensor:
        inside = 20 * (x - 0.5)
        return torch.cat([inside, torch.full_like(x, -20), inside], 1)

    def input_size(self, n: int) -> int:
        return n

    def output_size(self, n: int) -> int:
        return n


def squares() -> tuple[np.ndarray, np.ndarray]:
    truth = np.zeros((64, 64), np.int32)
    truth[8:20, 8:20], truth[40:52, 40:52] = 1, 2
    return (truth > 0).astype(np.float32)[None], truth


def scored(sample: Sample) -> dict[str, float]:
    model = Model(Threshold(), Header(name="bright", spec=ModelSpec(), diameter_px=12))
    options = SegmentOptions(device="cpu", precision="float32")
    (result,) = evaluate(model, [sample], options, InstanceOptions())
    assert (result.done, result.total) == (1, 1)
    return dict(result.scores)


def test_a_perfect_and_a_half_right_image() -> None:
    image, truth = squares()
    assert scored(Sample(image, truth))["ap50"] == 1
    truth[40:52, 40:52] = 0
    truth[40:52, 8:20] = 2
    assert scored(Sample(image, truth))["ap50"] == pytest.approx(1 / 3)


def test_what_is_not_annotated_does_not_count() -> None:
    image, truth = squares()
    truth[40:52, 40:52] = 0  # nobody has marked the second one
    annotated = np.zeros((64, 64), bool)
    annotated[:32, :32] = True
    assert scored(Sample(image, truth, annotated))["ap50"] == 1


def test_mean_scores() -> None:
    assert mean_scores([{"ap50": 1, "vi": 3}, {"ap50": 0.5, "vi": 0}]) == {"ap50": 0.75, "vi": 1.5}
