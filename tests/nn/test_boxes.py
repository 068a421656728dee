from math import log, nan

import pytest
import torch
from torch import Tensor

from napari_touchup.nn import boxes as module
from napari_touchup.nn.boxes import area, clip, decode, encode, nms, overlap


def crowd(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Boxes in heaps of about five, and scores with some that are equal."""
    generator = torch.Generator().manual_seed(seed)
    centres = 10 + 90 * torch.rand(count // 5 + 1, 2, generator=generator).repeat(5, 1)[:count]
    centres = centres + 3 * torch.randn(count, 2, generator=generator)
    half = 3 + 7 * torch.rand(count, 2, generator=generator)
    scores = torch.randint(0, 50, (count,), generator=generator) / 50
    return clip(torch.cat([centres - half, centres + half], 1), (110, 105)), scores


def greedy(boxes: Tensor, scores: Tensor, threshold: float) -> list[int]:
    """The definition, box by box."""
    kept: list[int] = []
    for i in sorted(range(len(boxes)), key=lambda i: (-scores[i].item(), i)):
        if all(overlap(boxes[i], boxes[j]) <= threshold for j in kept):
            kept.append(i)
    return kept


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([0, 0, 2, 2], [0, 0, 2, 2], 1.0),
        ([0, 0, 2, 2], [1, 1, 3, 3], 1 / 7),
        ([0, 0, 2, 4], [0, 2, 2, 6], 1 / 3),
        ([0, 0, 2, 2], [0, 2, 2, 4], 0.0),  # they touch
        ([0, 0, 2, 2], [5, 5, 9, 9], 0.0),
        ([3, 3, 3, 3], [3, 3, 3, 3], 0.0),  # empty
    ],
)
def test_overlap(first: list[float], second: list[float], expected: float) -> None:
    assert overlap(torch.tensor(first), torch.tensor(second)).item() == pytest.approx(expected)


def test_overlap_of_many_with_many() -> None:
    boxes = torch.tensor([[0.0, 0, 2, 2], [1, 1, 3, 3], [0, 0, 4, 4]])
    expected = torch.tensor([[1, 1 / 7, 1 / 4], [1 / 7, 1, 1 / 4]])
    torch.testing.assert_close(overlap(boxes[:2, None], boxes[None]), expected)


def test_area_of_an_inverted_box_is_0() -> None:
    assert area(torch.tensor([[0.0, 0, 2, 3], [2, 3, 0, 0]])).tolist() == [6, 0]


def test_boxes_are_clipped_and_nan_becomes_0() -> None:
    boxes = torch.tensor([[-3.0, 2, 5, 99], [nan, 1, 2, nan], [40, 50, 60, 70]])
    expected = [[0, 2, 5, 20], [0, 1, 2, 0], [10, 20, 10, 20]]
    assert clip(boxes, (10, 20)).tolist() == expected


def test_codes_by_hand() -> None:
    anchor = torch.tensor([10.0, 20, 18, 28])  # 8 x 8 around (14, 24)
    box = torch.tensor([12.0, 16, 20, 32])  # 8 x 16 around (16, 24)
    torch.testing.assert_close(encode(box, anchor), torch.tensor([2 / 8, 0, 0, log(2)]))
    torch.testing.assert_close(decode(torch.tensor([2 / 8, 0, 0, log(2)]), anchor), box)


def test_codes_come_back() -> None:
    boxes, _ = crowd(50, seed=0)
    torch.testing.assert_close(decode(encode(boxes, boxes.flip(0)), boxes.flip(0)), boxes)


def test_scales_are_limited() -> None:
    box = decode(torch.tensor([0.0, 0, 1000, 0]), torch.tensor([0.0, 0, 16, 16]))
    torch.testing.assert_close(box, torch.tensor([8.0 - 500, 0, 8 + 500, 16]))


def test_a_box_that_is_suppressed_suppresses_none() -> None:
    # each overlaps the next by 60 / 140, and the one after it not at all enough
    boxes = torch.tensor([[0.0, 4 * i, 10, 4 * i + 10] for i in range(5)])
    scores = torch.tensor([0.5, 0.9, 0.8, 0.7, 0.6])
    assert nms(boxes, scores, 0.4).tolist() == [1, 3]
    assert nms(boxes, scores, 0.43).tolist() == [1, 2, 3, 4, 0]


def test_of_equal_scores_the_first_is_better() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 0, 11, 10]])
    assert nms(boxes, torch.tensor([0.5, 0.5]), 0.5).tolist() == [0]


@pytest.mark.parametrize("pairs", [7, 2**22])  # a few at once, or all
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.7, 1.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_suppression_is_greedy(
    threshold: float, seed: int, pairs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAIRS", pairs)
    boxes, scores = crowd(120, seed)
    assert nms(boxes, scores, threshold).tolist() == greedy(boxes, scores, threshold)


def test_a_long_chain() -> None:
    boxes = torch.tensor([[0.0, 4 * i, 10, 4 * i + 10] for i in range(201)])
    kept = nms(boxes, torch.linspace(1, 0, 201), 0.4)
    assert kept.tolist() == list(range(0, 201, 2))


def test_boxes_of_very_different_sizes() -> None:
    boxes, scores = crowd(150, seed=5)
    boxes = clip(torch.cat([boxes[:100], boxes[100:] * torch.tensor([1, 1, 9.0, 7])]), (500, 900))
    assert nms(boxes, scores, 0.1).tolist() == greedy(boxes, scores, 0.1)


def test_no_boxes_and_empty_ones() -> None:
    assert nms(torch.zeros(0, 4), torch.zeros(0), 0.5).tolist() == []
    assert nms(torch.zeros(2, 4), torch.tensor([0.1, 0.2]), 0.5).tolist() == [1, 0]
