import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from skimage.metrics import variation_of_information

from napari_touchup.core.overlap import overlap
from napari_touchup.core.partition import information, rand

Array = NDArray[np.int32]
FULL = arrays(np.int32, (5, 6), elements=st.integers(1, 4))
LABELS = arrays(np.int32, (5, 6), elements=st.integers(0, 4))


@pytest.mark.parametrize(
    ("truth", "pred", "v_rand", "split", "merge"),
    [
        ([1, 1, 2, 2], [5, 5, 3, 3], 1, 1, 1),
        ([1, 1, 1, 1], [1, 1, 2, 2], 2 * 8 / (16 + 8), 8 / 16, 1),
        ([1, 1, 2, 2], [1, 1, 1, 1], 2 * 8 / (8 + 16), 1, 8 / 16),
        ([1, 1, 1, 1], [1, 1, 0, 0], 2 * 6 / (16 + 6), 6 / 16, 1),  # zeros: singletons
        ([1, 1, 1, 1], [0, 0, 0, 0], 2 * 4 / (16 + 4), 4 / 16, 1),
        ([1, 1, 0, 0], [1, 1, 1, 2], 1, 1, 1),  # background of the truth does not count
        ([0, 0], [0, 0], 1, 1, 1),
        ([0, 0], [0, 3], 0, 0, 0),
    ],
)
def test_rand(truth: list[int], pred: list[int], v_rand: float, split: float, merge: float) -> None:
    found = rand(overlap(np.array(truth), np.array(pred)))
    assert (found.v_rand, found.split, found.merge) == pytest.approx((v_rand, split, merge))


@pytest.mark.parametrize(
    ("truth", "pred", "v_info", "vi_split", "vi_merge"),
    [
        ([1, 1, 2, 2], [5, 5, 3, 3], 1, 0, 0),
        ([1, 1, 1, 1], [1, 1, 2, 2], 0, 1, 0),  # one bit more than the truth holds
        ([1, 1, 2, 2], [1, 1, 1, 1], 0, 0, 1),
        ([1, 1, 2, 2], [1, 1, 2, 3], 2 * 1 / (1 + 1.5), 0.5, 0),
        ([1, 1, 2, 2], [1, 1, 0, 0], 2 * 1 / (1 + 1.5), 0.5, 0),  # zeros: singletons
        ([1, 1, 1, 1], [2, 2, 2, 2], 1, 0, 0),
        ([0, 0], [0, 0], 1, 0, 0),
        ([0, 0], [0, 3], 0, 0, 0),
    ],
)
def test_information(
    truth: list[int], pred: list[int], v_info: float, vi_split: float, vi_merge: float
) -> None:
    found = information(overlap(np.array(truth), np.array(pred)))
    assert (found.v_info, found.vi_split, found.vi_merge) == pytest.approx(
        (v_info, vi_split, vi_merge)
    )
    assert found.vi == pytest.approx(vi_split + vi_merge)


@settings(deadline=None, max_examples=60)
@given(truth=LABELS, pred=LABELS)
def test_zeros_count_as_if_each_had_a_label_of_its_own(truth: Array, pred: Array) -> None:
    named = np.where(pred > 0, pred, 10 + np.arange(30).reshape(5, 6))
    table, expected = overlap(truth, pred), overlap(truth, named)
    if truth.any():
        assert rand(table).v_rand == pytest.approx(rand(expected).v_rand)
        assert information(table).v_info == pytest.approx(information(expected).v_info)
        assert information(table).vi == pytest.approx(information(expected).vi)


@settings(deadline=None, max_examples=60)
@given(truth=FULL, pred=FULL)
def test_without_background_both_are_symmetric(truth: Array, pred: Array) -> None:
    there, back = overlap(truth, pred), overlap(pred, truth)
    assert rand(there).v_rand == pytest.approx(rand(back).v_rand)
    assert rand(there).split == pytest.approx(rand(back).merge)
    assert information(there).v_info == pytest.approx(information(back).v_info)
    assert information(there).vi_split == pytest.approx(information(back).vi_merge)


@settings(deadline=None, max_examples=60)
@given(truth=FULL, pred=FULL)
def test_without_background_equal_to_counting_pairs_and_to_scikit_image(
    truth: Array, pred: Array
) -> None:
    t, p = truth.ravel(), pred.ravel()
    same_t, same_p = t[:, None] == t, p[:, None] == p
    found = rand(overlap(truth, pred))
    assert found.split == pytest.approx((same_t & same_p).sum() / same_t.sum())
    assert found.merge == pytest.approx((same_t & same_p).sum() / same_p.sum())
    bits = information(overlap(truth, pred))
    split, merge = variation_of_information(truth, pred)
    assert (bits.vi_split, bits.vi_merge) == pytest.approx((split, merge), abs=1e-9)
