from math import log

import pytest
import torch
from torch import Tensor

from napari_touchup.nn.boxes import decode
from napari_touchup.nn.detection_loss import (
    REGIONS,
    code_loss,
    codes_of,
    draw_regions,
    mask_loss,
    presence_loss,
    proposal_losses,
)
from napari_touchup.nn.detection_targets import Truth, truth_of
from napari_touchup.nn.rpn import RPN, Level, join

STRIDES = (4, 8, 16, 32)


def labels_of_two() -> Tensor:
    """Of an image with two objects and of one without."""
    objects = torch.zeros(2, 64, 64, dtype=torch.int32)
    objects[0, 10:20, 10:20], objects[0, 40:48, 30:50] = 7, 3
    return objects


def truths(annotated: bool = True) -> list[Truth]:
    return [truth_of(each, torch.full((64, 64), annotated)) for each in labels_of_two()]


def levels() -> list[Level]:
    torch.manual_seed(0)
    features = [torch.randn(2, 3, 64 // s, 64 // s) for s in STRIDES]
    return RPN(3, STRIDES)(features)


def perfect(given: list[Level], of: list[Truth]) -> list[Level]:
    """Levels that tell each anchor's most overlapping object, and are as sure as they should be."""
    from napari_touchup.nn.boxes import clip
    from napari_touchup.nn.detection_targets import match

    flat = torch.cat([level.anchors.flatten(0, 1) for level in given])
    logits, codes = [], []
    for truth in of:
        found = match(clip(flat, (64, 64)), truth, 0.3, 0.5, best=True)
        logits.append(torch.where(found.right == 1, 9.0, -9.0))
        codes.append(codes_of(truth, found.index, flat))
    sizes = [level.logits[0].numel() for level in given]
    parts = zip(
        given, torch.stack(logits).split(sizes, 1), torch.stack(codes).split(sizes, 1), strict=True
    )
    return [
        Level(own.reshape_as(a.logits), told.reshape_as(a.codes), a.anchors)
        for a, own, told in parts
    ]


def test_presence_by_hand() -> None:
    logits = torch.tensor([0.0, 0.0, 50.0, -50.0])
    right = torch.tensor([1, 0, -1, 0])
    assert presence_loss(logits, right).item() == pytest.approx(2 * log(2) / 3)


def test_codes_count_where_boxes_are_right() -> None:
    codes = torch.tensor([[1.0, 0, 0, 0], [9, 9, 9, 9], [0, 0, 0, 0.05]])
    wanted = torch.zeros(3, 4)
    loss = code_loss(codes, wanted, torch.tensor([1, 0, 1]))
    # smooth L1 with beta 1/9: 1 - 1/18, and 9 / 2 * 0.05^2
    assert loss.item() == pytest.approx((1 - 1 / 18 + 4.5 * 0.05**2) / 2)


def test_masks_count_where_they_are_known() -> None:
    logits = torch.tensor([[[0.0, 30], [30, 0]]])
    wanted = torch.tensor([[[1.0, 0], [1, 0]]])
    known = torch.tensor([[[1.0, 0], [1, 1]]])
    assert mask_loss(logits, wanted, known).item() == pytest.approx(2 * log(2) / 3)


def test_a_term_of_which_nothing_was_drawn_is_0_and_has_a_gradient() -> None:
    logits = torch.randn(3, requires_grad=True)
    none = torch.tensor([-1, -1, -1])
    masks = logits[:, None, None].expand(3, 2, 2)
    codes = logits[:, None].expand(3, 4)
    total = presence_loss(logits, none) + code_loss(codes, codes.detach() + 1, none)
    total = total + mask_loss(masks, torch.ones(3, 2, 2), torch.zeros(3, 2, 2))
    total.backward()
    assert total.item() == 0
    assert logits.grad is not None
    assert logits.grad.eq(0).all()


def test_proposals_that_are_as_they_should_be_cost_nothing() -> None:
    given = levels()
    before = proposal_losses(given, truths(), (64, 64))
    after = proposal_losses(perfect(given, truths()), truths(), (64, 64))
    assert [loss.item() > 0.05 for loss in before] == [True, True]
    assert [loss.item() < 1e-3 for loss in after] == [True, True]


def test_nothing_is_asked_of_anchors_where_nothing_is_annotated() -> None:
    losses = proposal_losses(levels(), truths(annotated=False), (64, 64))
    assert [loss.item() for loss in losses] == [0, 0]


def test_regions_are_drawn_with_what_they_should_be() -> None:
    torch.manual_seed(0)
    near: Tensor = torch.tensor([[11.0, 10, 20, 21], [40, 31, 50, 50]])
    far = torch.tensor([[0.0, 40, 9, 60]]).expand(100, 4)
    drawn = draw_regions(join([torch.cat([far, near]), far[:1]]), truths(), (64, 64))
    # of the first image both objects, both proposals near them and 60 of what is left; of the
    # second its proposal and two of the whole image
    assert drawn.regions.image.tolist() == [0] * REGIONS + [1] * 3
    assert drawn.right[:REGIONS].tolist() == [1] * 4 + [0] * (REGIONS - 4)
    assert drawn.right[REGIONS:].tolist() == [0] * 3
    boxes = decode(drawn.codes[:4], drawn.regions.boxes[:4])
    expected = {7: [10, 10, 20, 20], 3: [40, 30, 48, 50]}
    wanted = [expected[label] for label in drawn.labels[:4].tolist()]
    torch.testing.assert_close(boxes, torch.tensor(wanted).float(), atol=1e-4, rtol=0)
    assert sorted(drawn.labels[:4].tolist()) == [3, 3, 7, 7]
    shown = drawn.shown()
    assert shown.right.tolist() == [1] * 4
    masks, known = shown.masks(labels_of_two(), torch.ones(2, 64, 64))
    assert masks.shape == known.shape == (4, 28, 28)
    assert known.all()
    assert masks.mean().item() > 0.8


def test_there_are_two_regions_at_least() -> None:
    nothing = join([torch.zeros(0, 4)])
    drawn = draw_regions(nothing, truths()[1:], (64, 64))
    assert drawn.regions.boxes.tolist() == [[0, 0, 64, 64]] * 2
    assert drawn.right.tolist() == [0, 0]
    assert drawn.shown().right.tolist() == [0]
    _, known = drawn.shown().masks(torch.zeros(1, 64, 64), torch.ones(1, 64, 64))
    assert not known.any()
