import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from napari_touchup.core import weights
from napari_touchup.core.weights import class_weights, update, weight_map
from napari_touchup.options import WeightOptions

SIGMAS = st.sampled_from([0.4, 1.0, 2.5, 5.0])
SHAPES = array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=9)


def brute_force(truth, annotated, options, spacing):
    """The formula, word for word, in float64: every pixel against every pixel of every object."""
    steps = np.ones(truth.ndim) if spacing is None else np.array(spacing)
    where = np.argwhere(np.ones_like(truth)) * steps
    distances = [
        np.linalg.norm(where[:, None] - np.argwhere(truth == k) * steps, axis=-1).min(axis=1)
        for k in np.unique(truth[truth != 0])
    ]
    result = np.where(truth != 0, options.foreground, options.background).astype(float)
    if len(distances) >= 2:
        d1, d2 = np.sort(distances, axis=0)[:2].reshape(2, *truth.shape)
        result += options.w0 * np.exp(-((d1 + d2) ** 2) / (2 * options.sigma**2))
    return result if annotated is None else result * annotated


def labels(shape, seed, *, objects=6, empty=0.5):
    rng = np.random.default_rng(seed)
    return rng.integers(1, objects + 1, shape) * (rng.random(shape) > empty)


@st.composite
def scenes(draw):
    shape = draw(SHAPES)
    truth = draw(arrays(np.int32, shape, elements=st.integers(0, 4), fill=st.just(0)))
    annotated = draw(st.none() | arrays(np.bool_, shape))
    step = st.sampled_from([0.3, 1.0, 2.0])
    spacing = draw(st.none() | st.tuples(*[step] * len(shape)))
    return truth, annotated, spacing


@pytest.mark.parametrize(
    ("truth", "spacing", "expected"),
    [
        # 1 + 10 exp(-4^2 / 50): d1 + d2 is 4 in the gap and in both objects
        pytest.param([[1, 0, 0, 0, 2]], None, [[8.261490] * 5], id="gap"),
        # 1 + 10 exp(-1 / 50) on both sides of the border, 1 + 10 exp(-4 / 50) behind it
        pytest.param(
            [[1, 1, 2, 2]], None, [[10.231163, 10.801987, 10.801987, 10.231163]], id="touch"
        ),
        pytest.param([[1, 2]], (1.0, 2.0), [[10.231163, 10.231163]], id="spacing"),
        pytest.param([[0, 1, 1]], None, [[1, 1, 1]], id="one object has no border"),
        pytest.param([[1, 0, 1]], None, [[1, 1, 1]], id="two pieces are one object"),
        pytest.param(
            [[1, 2, 1, 3]], None, [[10.801987] * 4], id="a piece on each side of its neighbour"
        ),
        pytest.param([[0, 0], [0, 0]], None, [[1, 1], [1, 1]], id="empty"),
        pytest.param([[1] + [0] * 26 + [2]], None, [[1] * 28], id="out of reach"),
        pytest.param(np.zeros((0, 3), int), None, np.zeros((0, 3)), id="no pixels"),
    ],
)
def test_weight_map_of(truth: Any, spacing: Any, expected: Any) -> None:
    result = weight_map(np.array(truth), spacing=spacing)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, atol=1e-5)


def test_classes_have_their_weights_and_ignored_pixels_none() -> None:
    truth = np.array([[0, 7, 0, 7]])
    annotated = np.array([[True, True, False, False]])
    options = WeightOptions(background=0.5, foreground=3)
    assert weight_map(truth, annotated, options).tolist() == [[0.5, 3, 0, 0]]


@given(scenes(), SIGMAS, st.sampled_from([0.0, 1.0, 10.0, 200.0]))
@settings(max_examples=150, deadline=None)
def test_equals_brute_force(scene: Any, sigma: float, w0: float) -> None:
    truth, annotated, spacing = scene
    options = WeightOptions(w0=w0, sigma=sigma, background=0, foreground=0)
    error = weight_map(truth, annotated, options, spacing)
    error = error - brute_force(truth, annotated, options, spacing)
    assert np.abs(error).max() <= 1e-6 * w0


@pytest.mark.parametrize(
    ("shape", "spacing", "empty"),
    [
        ((60, 47), None, 0.97),  # pieces far apart, each wider than the reach from the next
        ((41, 64), (0.5, 2.0), 0.9),
        ((9, 14, 23), (3.0, 1.0, 1.0), 0.95),
    ],
)
def test_tiles_leave_no_seam(monkeypatch, shape: Any, spacing: Any, empty: float) -> None:
    monkeypatch.setattr(weights, "TILE", {2: 16, 3: 7})
    truth = labels(shape, seed=3, objects=20, empty=empty)
    options = WeightOptions(sigma=2)
    error = weight_map(truth, None, options, spacing) - brute_force(truth, None, options, spacing)
    assert np.abs(error).max() <= 1e-6 * options.w0


def test_depends_on_neither_numbers_nor_direction() -> None:
    truth = labels((40, 50), seed=1, objects=12, empty=0.8)
    renamed = np.append(0, 13 - np.arange(1, 13))[truth]
    expected = weight_map(truth)
    np.testing.assert_array_equal(weight_map(renamed), expected)
    np.testing.assert_array_equal(weight_map(truth[::-1, ::-1])[::-1, ::-1], expected)
    np.testing.assert_array_equal(weight_map(truth.T).T, expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int64, np.uint64, ">i4"])
def test_takes_every_integer_type_and_writes_to_none(dtype: Any) -> None:
    truth = np.array([[1, 0, 0, 0, np.iinfo(dtype).max]], dtype)
    truth.flags.writeable = False
    np.testing.assert_allclose(weight_map(truth), [[8.261490] * 5], atol=1e-5)


def test_large_numbers_need_no_large_tables() -> None:
    truth = np.full((20, 20), 4_000_000)
    truth[:, 10:] = 3_999_999
    tracemalloc.start()
    weight_map(truth)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200_000  # bytes


@pytest.mark.parametrize(
    ("truth", "annotated", "expected"),
    [
        ([[0, 0, 0, 5]], None, (4 / 6, 2.0)),
        ([[0, 0, 0, 5]], [[True, False, False, True]], (1.0, 1.0)),
        ([[0, 0, 3, 5]], [[True, True, False, False]], (0.5, 1.0)),  # no foreground
        ([[2, 5]], None, (1.0, 0.5)),  # no background
        ([[0, 5]], [[False, False]], (1.0, 1.0)),  # nothing at all
    ],
)
def test_class_weights(truth: Any, annotated: Any, expected: tuple[float, float]) -> None:
    mask = None if annotated is None else np.array(annotated)
    assert class_weights(np.array(truth), mask) == pytest.approx(expected)


def test_class_weights_are_pooled_over_frames() -> None:
    frames = [np.array([[0, 0, 1]]), np.array([[0], [0], [0], [9], [9]])]
    assert class_weights(frames) == pytest.approx((8 / 10, 8 / 6))
    masks = [np.array([[True, True, False]]), np.array([[False]] * 3 + [[True]] * 2)]
    assert class_weights(frames, masks) == (1.0, 1.0)


@st.composite
def edits(draw):
    """A scene, a box (also one that sticks out), and what changes inside of it."""
    ndim = draw(st.sampled_from([2, 2, 3]))
    shape = {2: (45, 60), 3: (9, 20, 25)}[ndim]
    starts = [draw(st.integers(0, n - 1)) for n in shape]
    box = tuple(slice(i, i + draw(st.integers(0, 12))) for i in starts)
    spacing = draw(st.sampled_from([None, (1.5, 0.5, 1.0)[:ndim]]))
    paint = draw(st.sampled_from(["one object", "erase", "noise", "review"]))
    return shape, draw(st.integers(0, 99)), box, spacing, paint


@given(edits(), SIGMAS)
@settings(max_examples=60, deadline=None)
def test_update_equals_a_full_recompute(edit: Any, sigma: float) -> None:
    shape, seed, box, spacing, paint = edit
    truth = labels(shape, seed, objects=25, empty=0.9)
    annotated = np.random.default_rng(seed).random(shape) > 0.3
    options = WeightOptions(sigma=sigma, background=0.7, foreground=1.9)
    result = weight_map(truth, annotated, options, spacing)
    before = result.copy()
    if paint == "review":
        annotated[box] ^= True
    else:
        new = {"one object": 26, "erase": 0, "noise": labels(shape, seed + 1)[box]}
        truth[box] = new[paint]
    rewritten = update(result, truth, annotated, options, box, spacing)
    expected = weight_map(truth, annotated, options, spacing)
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-6 * options.w0)
    result[rewritten] = before[rewritten] = 0
    np.testing.assert_array_equal(result, before)


@pytest.mark.parametrize(
    ("box", "spacing", "rewritten"),
    [  # sigma 5 reaches 26.98
        (np.s_[100:110, 50:60], None, np.s_[74:136, 24:86]),
        (np.s_[100:110, 50:60], (1.0, 2.0), np.s_[74:136, 37:73]),
        (np.s_[0:5, 190:300], None, np.s_[0:31, 164:200]),
        (np.s_[:, 0:1], None, np.s_[0:200, 0:27]),
        (np.s_[7:7, 0:9], None, np.s_[7:7, 0:9]),  # nothing changed
    ],
)
def test_update_rewrites_only_what_the_box_can_reach(
    box: Any, spacing: Any, rewritten: Any
) -> None:
    truth = np.zeros((200, 200), np.int32)
    result = np.full(truth.shape, -1, np.float32)
    assert update(result, truth, None, WeightOptions(), box, spacing) == rewritten
    assert (result[rewritten] == 1).all()
    assert (result == 1).sum() == result[rewritten].size


IMAGE = np.zeros((4, 5), int)
MAP = np.zeros((4, 5), np.float32)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"truth": IMAGE * 1.0}, "expected labels of an integer type, got float64"),
        ({"truth": IMAGE > 0}, "expected labels of an integer type, got bool"),
        ({"truth": IMAGE[0]}, r"expected labels \(Y, X\) or \(Z, Y, X\), got shape \(5,\)"),
        ({"truth": IMAGE[None, None]}, r"got shape \(1, 1, 4, 5\)"),
        ({"truth": IMAGE - 3}, "expected labels >= 0, got -3"),
        (
            {"annotated": IMAGE},
            r"expected a bool `annotated` of shape \(4, 5\), got int64 of shape",
        ),
        ({"annotated": IMAGE.T > 0}, r"of shape \(4, 5\), got bool of shape \(5, 4\)"),
        ({"spacing": (1, 1, 1)}, "expected 2 positive pixel sizes, got"),
        ({"spacing": (1, 0)}, "expected 2 positive pixel sizes, got"),
        ({"spacing": (1, float("nan"))}, "expected 2 positive pixel sizes, got"),
        ({"weights": MAP.T}, r"expected float32 weights of shape \(4, 5\), got float32 of shape"),
        ({"weights": MAP.astype(float)}, "expected float32 weights .*, got float64"),
        ({"box": np.s_[0:2]}, "expected 2 slices of step 1, got"),
        ({"box": np.s_[0:2, 0:5:2]}, "expected 2 slices of step 1, got"),
    ],
)
def test_what_does_not_fit_is_named(arguments: dict[str, Any], message: str) -> None:
    rest = {"truth": IMAGE, "annotated": None, "options": WeightOptions(), "spacing": None}
    box = arguments.get("box", np.s_[0:2, 0:2])
    box = (box,) if isinstance(box, slice) else box
    with pytest.raises(ValueError, match=message):
        update(**{"weights": MAP, **rest, **arguments, "box": box})
    if not {"weights", "box"} & arguments.keys():
        with pytest.raises(ValueError, match=message):
            weight_map(**{**rest, **arguments})


@pytest.mark.parametrize(
    ("truth", "annotated", "message"),
    [
        (IMAGE * 1.0, None, "expected labels of an integer type, got float64"),
        (IMAGE - 1, None, "expected labels >= 0, got -1"),
        (IMAGE, IMAGE.T > 0, r"of shape \(4, 5\), got bool of shape \(5, 4\)"),
        ([IMAGE, IMAGE], [IMAGE > 0], "expected 2 annotated masks, got 1"),
    ],
)
def test_class_weights_name_what_does_not_fit(truth: Any, annotated: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        class_weights(truth, annotated)
