import numpy as np
import pytest
import torch
from torch import Tensor

from napari_touchup.nn.detection_targets import Truth, covered, draw, mask_targets, match, truth_of


def scene() -> Tensor:
    """Two objects of 10 x 10 and 8 x 20, and a sliver of two rows."""
    objects = torch.zeros(64, 64, dtype=torch.int32)
    objects[10:20, 10:20] = 7
    objects[40:48, 30:50] = 3
    objects[62:, 5:15] = 9
    return objects


def everywhere() -> Tensor:
    return torch.ones(64, 64, dtype=torch.bool)


def truth(annotated: Tensor | None = None) -> Truth:
    return truth_of(scene(), everywhere() if annotated is None else annotated)


def test_boxes_of_objects() -> None:
    made = truth()
    assert made.labels.tolist() == [3, 7, 9]
    assert made.boxes.tolist() == [[40, 30, 48, 50], [10, 10, 20, 20], [62, 5, 64, 15]]
    assert made.known.tolist() == [True, True, False]  # a sliver is not taught


def test_an_image_without_background_or_objects() -> None:
    full = truth_of(torch.full((4, 6), 5), torch.ones(4, 6))
    assert full.boxes.tolist() == [[0, 0, 4, 6]]
    empty = truth_of(torch.zeros(4, 6, dtype=torch.int32), torch.ones(4, 6))
    assert empty.boxes.shape == (0, 4)


def test_an_object_is_known_where_half_of_it_is_annotated() -> None:
    annotated = torch.zeros(64, 64)
    annotated[10:15, 10:20] = 0.3  # half of object 7, whatever the weight
    annotated[40:48, 30:39] = 1  # 9 of 20 columns of object 3
    assert truth(annotated).known.tolist() == [False, True, False]


def test_share_of_a_box_that_is_annotated() -> None:
    annotated = everywhere()
    annotated[:, 32:] = False
    boxes = torch.tensor([[0.0, 0, 8, 32], [0, 24, 8, 40], [0, 32, 64, 64], [3, 31.4, 9, 33.4]])
    assert covered(boxes, truth(annotated)).tolist() == [1, 0.5, 0, 0.5]
    assert covered(torch.tensor([[5.0, 5, 5, 5]]), truth()).tolist() == [0]


def test_boxes_are_right_wrong_or_neither() -> None:
    boxes = torch.tensor(
        [
            [10.0, 10, 20, 20],  # object 7
            [10, 10, 20, 16],  # 0.6 of it
            [10, 10, 20, 14],  # 0.4 of it: neither
            [10, 10, 20, 12],  # 0.2 of it: none
            [0, 40, 9, 60],  # none
            [62, 5, 64, 15],  # the sliver
            [55, 5, 64, 15],  # 0.22 of it
        ]
    )
    found = match(boxes, truth(), 0.3, 0.5)
    assert found.right.tolist() == [1, 1, -1, 0, 0, -1, 0]
    assert found.index[:4].tolist() == [1, 1, 1, 1]


def test_the_best_box_of_an_object_shows_it_however_little_that_is() -> None:
    boxes = torch.tensor([[40.0, 30, 48, 36], [40, 30, 48, 37], [40, 43, 48, 50], [0, 0, 8, 8]])
    assert match(boxes, truth(), 0.3, 0.5).right.tolist() == [-1, -1, -1, 0]
    found = match(boxes, truth(), 0.3, 0.5, best=True)
    assert found.right.tolist() == [-1, 1, 1, 0]  # both overlap by 0.35
    assert found.index[1:3].tolist() == [0, 0]


def test_a_box_is_the_objects_whose_best_it_is() -> None:
    objects = torch.zeros(32, 32, dtype=torch.int64)
    objects[:16, :16], objects[:16, 16:20] = 1, 2
    # overlaps 1 by 0.8, 2 by 0.17 - and nothing overlaps 2 more
    boxes = torch.tensor([[0.0, 0, 16, 20], [0, 0, 16, 16]])
    found = match(boxes, truth_of(objects, torch.ones(32, 32)), 0.3, 0.5, best=True)
    assert found.right.tolist() == [1, 1]
    assert found.index.tolist() == [1, 0]


def test_what_is_not_annotated_is_neither_right_nor_wrong() -> None:
    annotated = torch.zeros(64, 64, dtype=torch.bool)
    annotated[:32, :32] = True
    boxes = torch.tensor(
        [
            [10.0, 10, 20, 20],  # object 7, annotated
            [40, 30, 48, 50],  # object 3, not annotated
            [0, 22, 8, 32],  # nothing there
            [0, 22, 8, 33],  # nothing there, 91 % annotated
            [0, 22, 8, 36],  # 71 % annotated
            [50, 0, 58, 8],  # not annotated
        ]
    )
    for best in (False, True):
        found = match(boxes, truth(annotated), 0.3, 0.5, best=best)
        assert found.right.tolist() == [1, -1, 0, 0, -1, -1]


def test_without_objects_all_that_is_annotated_is_wrong() -> None:
    annotated = torch.zeros(64, 64, dtype=torch.bool)
    annotated[:32] = True
    made = truth_of(torch.zeros(64, 64, dtype=torch.int32), annotated)
    found = match(torch.tensor([[0.0, 0, 8, 8], [40, 40, 48, 48]]), made, 0.3, 0.5, best=True)
    assert found.right.tolist() == [0, -1]
    assert found.index.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("counts", "expected"),  # of right, wrong and other ones; drawn of them
    [
        ((10, 100, 100), (4, 12, 0)),
        ((2, 100, 100), (2, 14, 0)),
        ((0, 100, 0), (0, 16, 0)),
        ((10, 3, 100), (4, 3, 9)),
        ((10, 3, 0), (10, 3, 0)),  # there is nothing else
        ((1, 1, 1), (1, 1, 1)),
    ],
)
def test_right_ones_are_drawn_first_and_at_most_a_share(
    counts: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    right = torch.cat(
        [torch.full((n,), value) for n, value in zip(counts, (1, 0, -1), strict=True)]
    )
    right = right[torch.randperm(len(right))]
    drawn = right[draw(right, 16, 4)]
    assert tuple((drawn == value).sum().item() for value in (1, 0, -1)) == expected
    if counts[1] + counts[2] >= 12:
        assert (drawn.diff() <= 0).all()


def test_draws_differ_and_no_index_comes_twice() -> None:
    torch.manual_seed(0)
    right = torch.arange(200) % 2
    first, second = draw(right, 50, 25), draw(right, 50, 25)
    assert len(first.unique()) == 50
    assert set(first.tolist()) != set(second.tolist())


def test_masks_are_resampled_into_boxes() -> None:
    objects = torch.zeros(2, 8, 8, dtype=torch.int32)
    objects[1, 2:6, 2:4], objects[1, 2:6, 4:6] = 1, 2
    boxes = torch.tensor([[2.0, 2, 6, 6], [2, 2, 6, 6], [0, 0, 8, 8]])
    image, labels = torch.tensor([1, 1, 0]), torch.tensor([1, 2, 1])
    annotated = torch.ones(2, 8, 8)
    annotated[1, 4:] = 0
    masks, known = mask_targets(boxes, image, labels, objects, annotated, 4)
    left, right = [[1, 1, 0, 0]] * 4, [[0, 0, 1, 1]] * 4
    assert masks.tolist() == [left, right, [[0] * 4] * 4]
    assert known.tolist() == [[[1] * 4] * 2 + [[0] * 4] * 2] * 2 + [[[1] * 4] * 4]


def test_a_disc_keeps_its_area() -> None:
    y, x = np.mgrid[:40, :40]
    disc = torch.from_numpy(((y - 20) ** 2 + (x - 20) ** 2 < 100).astype(np.int32))[None]
    box = torch.tensor([[8.5, 9.25, 32.5, 31.0]])
    first = torch.zeros(1, dtype=torch.int64)
    masks, _ = mask_targets(box, first, first + 1, disc, torch.ones(1, 40, 40), 28)
    cell = 24 * 21.75 / 28**2
    assert masks.sum().item() * cell == pytest.approx(disc.sum().item(), rel=0.02)
