import dask.array as da
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_touchup.core.normalize import SAMPLE_PX, affine, limits
from napari_touchup.options import NormalizeOptions

RAMP = np.arange(101).reshape(1, 1, 101)
ALL = NormalizeOptions(low=0, high=100)


class Recorder:
    """An array that remembers how much of it was read."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.shape, self.dtype, self.read = shape, np.dtype(np.uint16), 0

    def __getitem__(self, key: tuple[slice, ...]) -> np.ndarray:
        shape = [len(range(*part.indices(n))) for part, n in zip(key, self.shape, strict=True)]
        self.read += int(np.prod(shape))
        return np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        pytest.param(RAMP.astype(np.uint8), [1, 99.8], id="uint8"),
        pytest.param(RAMP.astype(np.float16), [1, 99.8], id="float16"),
        pytest.param(RAMP.astype(">u2"), [1, 99.8], id="big-endian"),
        pytest.param(RAMP - 200, [-199, -100.2], id="negative ints"),
        pytest.param(RAMP + 2**32 - 200, [2**32 - 199, 2**32 - 100.2], id="beyond 32 bits"),
        pytest.param(RAMP * 1j, None, id="complex"),
    ],
)
def test_limits_are_the_two_percentiles(frame, expected):
    if expected is None:
        with pytest.raises(ValueError, match=r"expected real numbers .* got complex128"):
            limits(frame)
    else:
        np.testing.assert_allclose(limits(frame), [expected], rtol=1e-12)


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        ([7, 7, 7], [7, 7]),
        ([np.nan, np.inf, -np.inf], [0, 0]),
        ([np.nan, 1, 3, np.inf], [1, 3]),
        ([False, True], [0, 1]),
        ([True, True], [1, 1]),
        (np.array([-128, 127], np.int8), [-128, 127]),
        (np.array([0, 2**32 - 1], np.uint32), [0, 2**32 - 1]),
        (np.array([0, 2**16 - 1], np.uint16), [0, 2**16 - 1]),
        ([-1.5e308, 1.5e308], [-1.5e308, 1.5e308]),
        ([5], [5, 5]),
    ],
)
def test_extremes_of_each_type(pixels, expected):
    frame = np.asarray(pixels).reshape(1, 1, -1)
    np.testing.assert_array_equal(limits(frame, ALL), [expected])


def test_a_few_bright_pixels_on_black_are_not_lost():
    frame = np.zeros((1, 100, 100), np.uint16)
    frame[0, 50, 50:53] = 900
    np.testing.assert_array_equal(limits(frame), [[0, 900]])


def test_channels_have_limits_of_their_own():
    frame = np.concatenate([RAMP, 10 * RAMP])
    np.testing.assert_allclose(
        limits(frame, NormalizeOptions(low=10, high=90)), [[10, 90], [100, 900]]
    )


@pytest.mark.parametrize("shape", [(0, 4, 4), (1, 0, 4), (4, 4), (1, 1, 4, 4), ()])
def test_what_is_not_a_frame_is_refused(shape):
    with pytest.raises(ValueError, match=r"expected a frame \(C, Y, X\) that is not empty, got \("):
        limits(np.zeros(shape))


@pytest.mark.parametrize("dtype", ["S3", object, "M8[s]"])
def test_what_is_not_a_number_is_refused(dtype):
    with pytest.raises(ValueError, match="expected real numbers"):
        limits(np.zeros((1, 2, 2), dtype))


@pytest.mark.parametrize(
    "shape", [(2, 2000, 2000), (1, 2001, 2000), (2, 20_000, 30_000), (1, 1, 10**8), (1, 10**8, 3)]
)
def test_large_frames_are_sampled(shape):
    frame = Recorder(shape)
    limits(frame)
    assert SAMPLE_PX / 5 < frame.read / shape[0] <= SAMPLE_PX


def test_a_dask_frame_larger_than_memory():
    row = da.linspace(0, 1000, 40_000, chunks=4000)
    frame = da.broadcast_to(row, (1, 4_000, 40_000), chunks=(1, 1000, 4000))
    np.testing.assert_allclose(limits(frame), [[10, 998]], atol=0.2)


@given(
    hnp.arrays(
        st.sampled_from(["u1", "i2", "u2", "u4", "i8", "f2", "f4", "f8", "?"]),
        hnp.array_shapes(min_dims=3, max_dims=3, max_side=5),
    )
)
def test_the_affine_is_finite_and_maps_the_limits_to_0_and_1(frame):
    bounds = limits(frame)
    scale, shift = affine(bounds)
    assert np.isfinite(bounds).all()
    assert np.isfinite(scale).all()
    assert np.isfinite(shift).all()
    varied = scale > 0
    ends = (bounds * scale[:, None] + shift[:, None])[varied]
    magnitude = (np.abs(bounds).max(axis=1) * scale)[varied, None]
    assert (np.abs(ends - [0, 1]) <= 1e-12 * (1 + magnitude)).all()


@pytest.mark.parametrize(
    ("bounds", "scale", "shift"),
    [
        ([2, 6], 0.25, -0.5),
        ([7, 7], 0, 0),
        ([-1.5e308, 1.5e308], 0, 0),  # the range overflows
        ([0, 5e-324], 0, 0),  # the scale overflows
    ],
)
def test_affine(bounds, scale, shift):
    assert [float(part[0]) for part in affine([bounds])] == [scale, shift]
