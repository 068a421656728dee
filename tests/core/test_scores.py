import numpy as np
import pytest

from napari_touchup.core.scores import Counts, Pair, Scores, again, best_iou


@pytest.mark.parametrize(
    ("mask", "masks", "expected"),
    [
        ("1111", "2222", 1.0),
        ("1111", "    ", 0.0),
        ("1111", "22  ", 0.5),
        ("1111", "2233", 0.5),
        ("1111", "2333", 0.75),
        ("11    ", "222222", 1 / 3),
        ("11  ", "2233", 1.0),  # a neighbour does not matter
        ("11  ", "  33", 0.0),
    ],
)
def test_best_iou(mask: str, masks: str, expected: float) -> None:
    there, found = (np.array([[c if c != " " else "0" for c in t]], int) for t in (mask, masks))
    assert best_iou(there > 0, found) == pytest.approx(expected)


def test_deleted_objects_that_come_again() -> None:
    deleted = (Pair(1, 0.5), Pair(0.5, 0.49), Pair(0.2, 0))
    assert again(deleted) == Counts(before=2, after=1)


def test_plain_numbers_for_a_header() -> None:
    scores = Scores(
        corrected=(Pair(0.5, 1), Pair(0.7, 0.8)),
        deleted=(Pair(1, 0),),
        old_skill=Pair(0.81236, 0.79),
    )
    assert scores.as_json() == {
        "corrected": 2,
        "corrected_iou_before": 0.6,
        "corrected_iou_after": 0.9,
        "deleted": 1,
        "deleted_again": 0,
        "old_skill_before": 0.8124,
        "old_skill_after": 0.79,
    }
    assert Scores().as_json() == {}
