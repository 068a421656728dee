import pytest
import torch
from torch import Tensor

from napari_touchup.nn import rpn as module
from napari_touchup.nn.boxes import overlap
from napari_touchup.nn.rpn import RPN, Level, join, propose

STRIDES = (4, 8, 16, 32)


def levels_of(shape: tuple[int, int], width: int = 3) -> tuple[RPN, list[Level]]:
    torch.manual_seed(0)
    rpn = RPN(width, STRIDES)
    features = [torch.randn(2, width, shape[0] // s, shape[1] // s) for s in STRIDES]
    return rpn, rpn(features)


def sure_of(levels: list[Level], wanted: list[tuple[int, int, int, float]]) -> list[Level]:
    """Levels on which only some (level, block, anchor) of image 0 are sure, with their logits."""
    made = [
        Level(torch.full_like(a.logits, -9.0), torch.zeros_like(a.codes), a.anchors) for a in levels
    ]
    for level, block, anchor, logit in wanted:
        made[level].logits[0, block, anchor] = logit
    return made


def test_anchors_by_block() -> None:
    _, levels = levels_of((64, 96))
    # 2 x 3 blocks of 32 x 32 px; 3 anchors for each of 8 x 8 ... 1 x 1 cells
    assert [tuple(level.anchors.shape) for level in levels] == [
        (6, 192, 4), (6, 48, 4), (6, 12, 4), (6, 3, 4),
    ]  # fmt: skip
    assert [tuple(level.logits.shape) for level in levels] == [
        (2, 6, 192), (2, 6, 48), (2, 6, 12), (2, 6, 3),
    ]  # fmt: skip
    # the first cell of stride 4 has its centre at (2, 2), its smallest anchor 8 px
    assert levels[0].anchors[0, 0].tolist() == [-2, -2, 6, 6]
    # block 4 is the second of the second row; its only cell of stride 32: centre (48, 48)
    edges = (levels[3].anchors[4, :, 2] - levels[3].anchors[4, :, 0]).tolist()
    assert edges == pytest.approx([64, 64 * 2**0.5, 128])
    torch.testing.assert_close(levels[3].anchors[4, 2], torch.tensor([-16.0, -16, 112, 112]))


def test_all_edges_from_8_to_128_px_exist() -> None:
    _, levels = levels_of((32, 32))
    edges = torch.cat([(a.anchors[..., 2] - a.anchors[..., 0]).flatten() for a in levels])
    assert {8, 16, 32, 64, 128} <= {round(e) for e in edges.tolist()}


def test_anchors_of_a_block_lie_in_it() -> None:
    _, levels = levels_of((64, 96))
    for level in levels:
        centres = (level.anchors[..., :2] + level.anchors[..., 2:]) / 2  # (6, n, 2)
        y, x = torch.arange(6) // 3 * 32, torch.arange(6) % 3 * 32
        inside = centres - torch.stack([y, x], 1)[:, None]
        assert inside.min() > 0
        assert inside.max() < 32


def test_logits_and_codes_are_those_of_their_anchors() -> None:
    """A head that tells the row of its cell tells it of each anchor."""
    rpn = RPN(1, STRIDES)
    torch.nn.init.dirac_(rpn.conv.weight)
    for layer in (rpn.objectness, rpn.codes):
        torch.nn.init.zeros_(layer.weight)
    torch.nn.init.ones_(rpn.objectness.weight)
    torch.nn.init.zeros_(rpn.objectness.bias)
    rpn.codes.weight.data[5] = 1  # second value of the second anchor
    features = [
        torch.arange(64.0 // s)[:, None].mul(s).add(s / 2).expand(1, 1, 64 // s, 64 // s)
        for s in STRIDES
    ]
    for level in rpn(features):
        centres = (level.anchors[..., 0] + level.anchors[..., 2]) / 2
        torch.testing.assert_close(level.logits[0], centres)
        second = level.codes[0].unflatten(1, (3, -1))  # (T, A, cells, 4)
        torch.testing.assert_close(second[:, 1, :, 1], centres.unflatten(1, (3, -1))[:, 1])
        assert second.count_nonzero() == second[:, 1, :, 1].numel()


def test_at_first_objects_are_rare() -> None:
    _, levels = levels_of((64, 64))
    for level in levels:
        torch.testing.assert_close(
            level.logits.sigmoid(), torch.full_like(level.logits, 0.01), atol=2e-3, rtol=0
        )


def test_proposals_are_sure_clipped_and_do_not_overlap() -> None:
    _, levels = levels_of((64, 64))
    # two 8 px anchors far apart, the anchor of 16 px at the first place, and one that is not sure;
    # all codes are 0
    sure = sure_of(levels, [(0, 0, 0, 3.0), (0, 0, 128, 2.0), (0, 3, 63, 4.0), (0, 0, 40, -1.0)])
    given = propose(sure, (64, 64), training=False)
    assert given.image.tolist() == [0, 0, 0]
    expected = [[58, 58, 64, 64], [0, 0, 6, 6], [0, 0, 10, 10]]
    assert given.boxes.tolist() == expected


def test_of_proposals_that_overlap_the_best_remains() -> None:
    _, levels = levels_of((64, 64))
    # anchors of 16 px at cells of stride 4 and of stride 8: around (14, 14) and (12, 12)
    sure = sure_of(levels, [(0, 0, 128 + 3 * 8 + 3, 1.0), (1, 0, 1 * 4 + 1, 3.0)])
    sure[0].codes[0, 0, 155, :2] = 1 / 16  # (15, 15)
    boxes = propose(sure, (64, 64), training=False).boxes
    assert boxes.tolist() == [[4, 4, 20, 20], [7, 7, 23, 23]]
    assert overlap(boxes[0], boxes[1]).item() == pytest.approx(169 / 343)
    sure[0].codes[0, 0, 155, :2] = -1.5 / 16  # now at (4.5, 4.5)
    assert propose(sure, (64, 64), training=False).boxes.tolist() == [[4, 4, 20, 20]]


def test_a_block_has_a_limited_number_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOCAL_BEST", 2)
    monkeypatch.setattr(module, "NMS_OVERLAP", 1.0)
    _, levels = levels_of((64, 96))
    given = propose(levels, (64, 96), training=True)
    assert given.image.bincount().tolist() == [2 * 4 * 6] * 2
    # what another block is sure of changes nothing here
    sure = sure_of(levels, [(0, 0, i, 1.0 + i / 100) for i in range(60)])
    sure[0].logits[0, 5, 7] = 0.0
    assert len(propose(sure, (64, 96), training=False).boxes) == 3


def test_in_training_the_best_are_taken_however_little_they_are() -> None:
    _, levels = levels_of((64, 64))
    given = propose(levels, (64, 64), training=True)
    counts = given.image.bincount()
    assert (counts > 50).all()
    assert (counts <= module.TRAIN_BEST).all()
    assert not propose(levels, (64, 64), training=False).boxes.numel()


def test_what_is_no_number_is_no_proposal() -> None:
    _, levels = levels_of((32, 32))
    broken = [Level(a.logits * torch.nan, a.codes * torch.nan, a.anchors) for a in levels]
    for training in (True, False):
        assert not len(propose(broken, (32, 32), training).boxes)


def test_regions_are_joined_indexed_and_split() -> None:
    boxes: list[Tensor] = [torch.ones(2, 4), torch.zeros(0, 4), 2 * torch.ones(1, 4)]
    regions = join(boxes)
    assert regions.image.tolist() == [0, 0, 2]
    assert regions[torch.tensor([2])].boxes.tolist() == [[2, 2, 2, 2]]
    assert [len(part.boxes) for part in regions.split(2)] == [2, 1]
    assert [len(part.boxes) for part in join(boxes[1:2]).split(2)] == [0]
