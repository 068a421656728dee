import doctest
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from napari_touchup.core import metrics
from napari_touchup.core import overlap as overlap_module
from napari_touchup.core.metrics import (
    THRESHOLDS,
    average_precision,
    match,
    pixels,
    score,
    score_table,
    seg,
)
from napari_touchup.core.overlap import overlap, pooled

Array = NDArray[np.int32]
LABELS = arrays(np.int32, (6, 6), elements=st.integers(0, 4))
EMPTY = np.zeros((4, 4), np.int32)

# truth: three objects of 4 pixels; prediction: one perfect, one 3 of 4, none, one elsewhere
TRUTH = np.array(
    [
        [1, 1, 0, 2, 2, 0],
        [1, 1, 0, 2, 2, 0],
        [0, 0, 0, 0, 0, 0],
        [3, 3, 3, 3, 0, 0],
    ]
)
PRED = np.array(
    [
        [7, 7, 0, 9, 9, 0],
        [7, 7, 0, 0, 9, 0],
        [0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 4, 4],
    ]
)


def test_examples_in_the_docstrings() -> None:
    assert doctest.testmod(metrics).failed == 0
    assert doctest.testmod(overlap_module).failed == 0


@pytest.mark.parametrize(
    ("threshold", "tp", "fp", "fn", "ap", "precision", "recall", "f1", "pq"),
    [
        (0.5, 2, 1, 1, 2 / 4, 2 / 3, 2 / 3, 2 / 3, 1.75 / 3),
        (0.75, 2, 1, 1, 2 / 4, 2 / 3, 2 / 3, 2 / 3, 1.75 / 3),  # 3 of 4 is 0.75: counts
        (0.8, 1, 2, 2, 1 / 5, 1 / 3, 1 / 3, 1 / 3, 1 / 3),
    ],
)
def test_matched_objects(
    threshold: float,
    tp: int,
    fp: int,
    fn: int,
    ap: float,
    precision: float,
    recall: float,
    f1: float,
    pq: float,
) -> None:
    m = match(overlap(TRUTH, PRED), threshold)
    assert (m.tp, m.fp, m.fn) == (tp, fp, fn)
    found = (m.average_precision, m.precision, m.recall, m.f1, m.pq)
    assert found == pytest.approx((ap, precision, recall, f1, pq))


def test_average_precision_at_several_thresholds() -> None:
    assert average_precision(TRUTH, PRED, [0.5, 0.8]).tolist() == [0.5, 0.2]
    assert len(average_precision(TRUTH, PRED)) == 10


def test_an_object_is_matched_once_where_two_halves_both_reach_a_half() -> None:
    whole, halves = np.array([[1, 1, 1, 1]]), np.array([[1, 1, 2, 2]])
    m = match(overlap(whole, halves), 0.5)
    assert (m.tp, m.fp, m.fn) == (1, 1, 0)


def test_below_a_half_most_pairs_win_over_the_best_pair() -> None:
    # 1 overlaps 5 (IoU 4/8) and 6 (2/8), 2 overlaps only 5 (2/8): greedy would take 1-5 alone
    truth = np.array([[1, 1, 1, 1, 1, 1, 2, 2, 0, 0, 0, 0]])
    pred = np.array([[5, 5, 5, 5, 6, 6, 5, 5, 6, 6, 0, 0]])
    m = match(overlap(truth, pred), 0.2)
    assert sorted(zip(m.truth.tolist(), m.pred.tolist(), strict=True)) == [(1, 2), (2, 1)]


@settings(deadline=None, max_examples=60)
@given(truth=LABELS, pred=LABELS, threshold=st.sampled_from([0.05, 0.2, 0.35, 0.5, 0.6, 0.9]))
def test_matching_is_optimal(truth: Array, pred: Array, threshold: float) -> None:
    table = overlap(truth, pred)
    iou = np.zeros((5, 5))
    for i in range(1, 5):
        for j in range(1, 5):
            union = ((truth == i) | (pred == j)).sum()
            iou[i, j] = ((truth == i) & (pred == j)).sum() / union if union else 0
    iou[iou < threshold] = 0
    best = max(
        (sum(iou[i, j] > 0 for i, j in enumerate(p, 1)), sum(iou[i, j] for i, j in enumerate(p, 1)))
        for p in permutations(range(1, 5))
    )
    m = match(table, threshold)
    assert m.tp == best[0]
    assert m.iou.sum() == pytest.approx(best[1])


@pytest.mark.parametrize("threshold", [0, -0.1, 1.01])
def test_thresholds_outside_of_0_to_1_are_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="expected 0 < IoU threshold <= 1"):
        match(overlap(TRUTH, PRED), threshold)


@pytest.mark.parametrize(
    ("truth", "pred", "expected"),
    [
        (TRUTH, TRUTH, 1.0),
        (TRUTH, PRED, (1 + 0.75 + 0) / 3),
        (np.array([1, 1, 1, 1]), np.array([1, 1, 2, 2]), 0.0),  # half is not more than half
        (np.array([1, 1, 2, 2]), np.array([1, 1, 1, 1]), 0.5),  # one partner for both
        (EMPTY, EMPTY, 1.0),
        (EMPTY, EMPTY + 1, 0.0),
        (EMPTY + 1, EMPTY, 0.0),
    ],
)
def test_seg(truth: Array, pred: Array, expected: float) -> None:
    assert seg(overlap(truth, pred)) == pytest.approx(expected)


def test_pixel_measures() -> None:
    # 12 and 9 foreground pixels, 7 of them shared, 24 in all
    scores = pixels(overlap(TRUTH, PRED))
    assert scores.iou == 7 / 14
    assert scores.dice == 14 / 21
    assert scores.error == 7 / 24


BETTER_HIGH = ["ap50", "ap75", "mean_ap", "precision", "recall", "f1", "pq", "seg", "iou", "dice"]
BETTER_HIGH += ["v_rand", "v_info"]
BETTER_LOW = ["pixel_error", "are", "vi", "warping_error"]


def test_score_names_every_measure() -> None:
    assert set(score(TRUTH, PRED)) == {*BETTER_HIGH, *BETTER_LOW} - {"warping_error"}
    assert set(score(TRUTH, PRED, warping=True)) == {*BETTER_HIGH, *BETTER_LOW}
    assert all(type(v) is float for v in score(TRUTH, PRED, warping=True).values())


@pytest.mark.parametrize("image", [EMPTY, TRUTH, EMPTY[:0]])
def test_equal_images_score_1_also_where_both_are_empty(image: Array) -> None:
    found = score(image, image.copy(), warping=True)
    assert {found[name] for name in BETTER_HIGH} == {1.0}
    assert {found[name] for name in BETTER_LOW} == {0.0}


@pytest.mark.parametrize(("truth", "pred"), [(TRUTH, TRUTH * 0), (TRUTH * 0, TRUTH)])
def test_all_missed_and_all_invented_score_0(truth: Array, pred: Array) -> None:
    found = score(truth, pred)
    zero = set(BETTER_HIGH) - {"v_rand", "v_info"}
    assert {found[name] for name in zero} == {0.0}
    assert found["pixel_error"] == 0.5


def test_mean_ap_is_the_mean_over_ten_thresholds() -> None:
    # IoU 1, 0.75 (six of the ten), 0
    assert score(TRUTH, PRED)["mean_ap"] == pytest.approx((6 * 0.5 + 4 * 0.2) / 10)
    assert THRESHOLDS == (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


@settings(deadline=None, max_examples=60)
@given(truth=LABELS, pred=LABELS)
def test_bounds_and_symmetries(truth: Array, pred: Array) -> None:
    there, back = score(truth, pred), score(pred, truth)
    for name in {*BETTER_HIGH, "pixel_error", "are"}:
        assert 0 <= there[name] <= 1
    for name in ("ap50", "ap75", "mean_ap", "f1", "pq", "iou", "dice", "pixel_error"):
        assert there[name] == pytest.approx(back[name])
    assert there["precision"] == back["recall"]


@settings(deadline=None, max_examples=40)
@given(
    truth=LABELS,
    pred=LABELS,
    new=st.lists(st.integers(1, 5_000_000), min_size=4, max_size=4, unique=True),
)
def test_names_of_labels_do_not_matter(truth: Array, pred: Array, new: list[int]) -> None:
    names = np.array([0, *new])
    expected = score(truth, pred)
    assert score(names[truth], pred) == pytest.approx(expected)
    assert score(truth, names[pred]) == pytest.approx(expected)


def test_a_huge_label_costs_no_memory() -> None:
    truth = np.zeros((20, 20), np.uint32)
    truth[3:9, 3:9], truth[12:15, 2:8] = 4_000_000, 2**32 - 1
    table = overlap(truth, truth)
    assert table.truth_ids.tolist() == [0, 4_000_000, 2**32 - 1]
    assert table.pixels.tolist() == [346, 36, 18]
    assert score(truth, truth, warping=True)["mean_ap"] == 1


def test_more_objects_than_a_dense_table_could_hold() -> None:
    names = np.arange(1, 40_001).reshape(200, 200)  # dense: 1.6e9 entries
    assert score(names, names[::-1])["ap50"] == 1


def test_bool_masks_and_volumes_are_label_images_too() -> None:
    assert score(TRUTH > 0, PRED > 0)["iou"] == 0.5
    assert score(np.stack([TRUTH, TRUTH]), np.stack([TRUTH, PRED]))["recall"] == 1


@pytest.mark.parametrize(
    ("truth", "pred", "message"),
    [
        (EMPTY, EMPTY[:2], r"expected equal shapes, got truth \(4, 4\) and \(2, 4\)"),
        (EMPTY, EMPTY.astype(float), "expected integer labels, got float64"),
        (EMPTY, EMPTY - 1, "expected labels >= 0, got -1"),
    ],
)
def test_what_is_no_pair_of_label_images_is_refused(
    truth: Array, pred: Array, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        score(truth, pred)


def test_frames_together_are_their_objects_side_by_side():
    rng = np.random.default_rng(5)
    truth, pred = rng.integers(0, 9, (2, 3, 12, 12))
    pred[2] = 0
    tables = [overlap(a, b) for a, b in zip(truth, pred, strict=True)]
    apart = np.arange(0, 300, 100)[:, None, None]  # no label is in two frames
    whole = overlap(np.where(truth, truth + apart, 0), np.where(pred, pred + apart, 0))
    assert score_table(pooled(tables)) == pytest.approx(score_table(whole), rel=1e-12)
    assert pooled(tables).truth_count == whole.truth_count
