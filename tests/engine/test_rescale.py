import numpy as np
import pytest

from napari_touchup.engine.rescale import normalized, resize, scaled_shape


@pytest.mark.parametrize(
    ("shape", "trained", "diameter", "expected"),
    [
        ((100, 60), 20, None, (100, 60)),
        ((100, 60), 20, 20, (100, 60)),
        ((100, 60), 20, 10, (200, 120)),
        ((100, 60), 20, 40, (50, 30)),
        ((100, 61), 20, 30, (67, 41)),
        ((1, 1), 20, 500, (1, 1)),
    ],
)
def test_scaled_shape(shape, trained, diameter, expected):
    assert scaled_shape(shape, trained, diameter) == expected


def test_normalized_is_exact_where_float32_is_not():
    frame = np.array([[[2**32 - 3, 2**32 - 2]], [[0, 1]]], np.uint32)
    scale, shift = np.array([1.0, 2.0]), np.array([3.0 - 2**32, 5.0])
    result = normalized(frame, scale, shift)
    assert result.dtype == np.float32
    assert result.tolist() == [[[0, 1]], [[5, 7]]]


def test_normalized_has_no_nan_or_inf():
    frame = np.array([[[np.nan, np.inf, -np.inf, 1e300, 2.0]]])
    assert normalized(frame, np.array([1e10]), np.zeros(1)).tolist() == [[[0, 0, 0, 0, 2e10]]]


def test_resize_smooths_before_it_shrinks():
    stripes = np.zeros((1, 64, 64), np.float32)
    stripes[:, :, ::2] = 1
    np.testing.assert_allclose(resize(stripes, (8, 8))[0, 2:6, 2:6], 0.5, atol=0.02)


@pytest.mark.parametrize("factor", [0.5, 1.7, 3])
def test_resize_keeps_things_in_place(factor):
    ramp = np.indices((40, 60)).astype(np.float32) + 0.5  # pixel centres
    shape = round(40 * factor), round(60 * factor)
    back = resize(resize(ramp, shape), (40, 60))
    inner = slice(6, -6)
    np.testing.assert_allclose(back[:, inner, inner], ramp[:, inner, inner], atol=0.05)
