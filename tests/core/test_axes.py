import dask.array as da
import numpy as np
import pytest
import zarr

from napari_touchup.core.axes import Stack, check_axes, describe, resolve_axes


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((512, 512), "YX"),
        ((1, 1), "YX"),
        ((60, 512, 512), "TYX"),
        ((5, 512, 512), "TYX"),
        ((4, 512, 512), "CYX"),
        ((1, 512, 512), "CYX"),
        ((3, 4, 4), "TYX"),
        ((512, 512, 3), "YXC"),
        ((60, 2, 512, 512), "TCYX"),
        ((2, 60, 512, 512), "CTYX"),
        ((2, 3, 512, 512), "TCYX"),
        ((60, 20, 512, 512), "TZYX"),
        ((60, 512, 512, 2), "TYXC"),
        ((60, 20, 2, 512, 512), "TZCYX"),
        ((60, 2, 20, 512, 512), "TCZYX"),
        ((60, 20, 8, 512, 512), "TZCYX"),
    ],
)
def test_the_rule_of_thumb(shape, axes):
    assert resolve_axes(shape) == axes


@pytest.mark.parametrize(
    ("shape", "labels", "axes"),
    [
        ((512, 640, 3), None, "YXC"),
        ((512, 640, 4), ("-2", "-1"), "YXC"),
        ((512, 640, 3), ("y", "x", "rgb"), "YXC"),
        ((60, 512, 640, 3), None, "TYXC"),
        ((3, 512, 640, 3), ("z", "y", "x"), "ZYXC"),
        ((9, 8, 512, 640, 3), None, "TZYXC"),
    ],
)
def test_colour_layers_have_their_channels_last(shape, labels, axes):
    assert resolve_axes(shape, rgb=True, labels=labels) == axes


@pytest.mark.parametrize(
    ("shape", "labels", "axes"),
    [
        ((40, 512, 512), ("z", "y", "x"), "ZYX"),
        ((3, 512, 512), ("Time", "Y", "X"), "TYX"),
        ((6, 512, 512), ("c", "-2", "-1"), "CYX"),
        ((3, 512, 512), ("-3", "-2", "-1"), "CYX"),
        ((3, 30, 512, 512), ("t", "?", "y", "x"), "TZYX"),
        ((30, 3, 512, 512), ("z", "", "", ""), "ZCYX"),
        ((512, 30, 512), ("y", "z", "x"), "YZX"),
        ((30, 512, 512), ("y", "y", "y"), "TYX"),
    ],
)
def test_labels_that_mean_something_are_believed(shape, labels, axes):
    assert resolve_axes(shape, labels=labels) == axes


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((10,), {}),
        ((10, 10), {"rgb": True}),
        ((9,) * 6, {}),
        ((9, 9, 9, 9), {"rgb": True, "labels": ("t", "-3", "-2", "-1", "c")}),
        ((9, 9, 9), {"labels": ("y", "x")}),
        ((9, 9), {"labels": ("y", "z")}),
    ],
)
def test_what_cannot_be_axes_is_refused(shape, options):
    with pytest.raises(ValueError, match="expected"):
        resolve_axes(shape, **options)


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ("QYX", "from T, Z, C, Y and X, each once, got 'QYX'"),
        ("YYX", "each once, got 'YYX'"),
        ("TZC", "expected a Y and an X among the axes, got 'TZC'"),
        ("YX", r"expected 3 axes for shape \(9, 9, 9\), got 'YX'"),
        ("", "expected a Y and an X"),
    ],
)
def test_an_override_is_checked(axes, message):
    with pytest.raises(ValueError, match=message):
        check_axes(axes, (9, 9, 9))


def test_an_override_may_be_lower_case():
    assert check_axes("tyx", (9, 9, 9)) == "TYX"


def test_describe():
    assert describe("TCYX", (60, 2, 512, 640)) == "T 60, C 2, Y 512, X 640"


# value of a pixel = its index, written as decimal digits in the order of the axes
DIGITS = np.fromfunction(
    lambda t, z, c, y, x: t * 10000 + z * 1000 + c * 100 + y * 10 + x, (2,) * 5
)


@pytest.mark.parametrize(
    ("data", "axes", "channels", "index", "first"),
    [
        (DIGITS[0, 0, 0], "YX", None, (), [0]),
        (DIGITS[0, 0], "CYX", None, (), [0, 100]),
        (DIGITS[0, 0], "CYX", (1,), (), [100]),
        (DIGITS[0, 0], "CYX", (1, 0), (), [100, 0]),
        (DIGITS[:, 0, 0], "TYX", None, (1,), [10000]),
        (DIGITS, "TZCYX", None, (1, 0), [10000, 10100]),
        (DIGITS, "TZCYX", (1,), (1, 1), [11100]),
        (DIGITS[0, 0].transpose(1, 2, 0), "YXC", None, (), [0, 100]),
    ],
)
@pytest.mark.parametrize("kind", [np.asarray, da.from_array, zarr.array])
def test_read_one_frame(kind, data, axes, channels, index, first):
    frame = Stack(kind(data.astype(np.uint16)), axes, channels).read(index)
    expected = np.array(first)[:, None, None] + [[0, 1], [10, 11]]
    assert frame.dtype == np.uint16
    np.testing.assert_array_equal(frame, expected)


def test_axes_in_any_order():
    frame = Stack(DIGITS[0].transpose(3, 0, 2, 1), "xzyc").read((1,))
    np.testing.assert_array_equal(frame, DIGITS[0, 1])


def test_dask_computes_the_asked_frame_only():
    asked = []

    def block(block_info):
        location = block_info[None]["array-location"]
        asked.append((location[0][0], location[1][0]))
        return np.zeros(block_info[None]["chunk-shape"])

    chunks = ((1,) * 5, (1,) * 3, (8,), (8,))
    data = da.map_blocks(block, chunks=chunks, dtype=float, meta=np.zeros((0,) * 4))
    Stack(data, "TCYX", (1,)).read((3,))
    assert asked == [(3, 1)]


def test_frames_are_counted_in_the_order_of_the_array():
    stack = Stack(np.zeros((2, 3, 4, 5, 6)), "TZCYX", (0, 2))
    assert (stack.n_channels, stack.frame_shape, stack.frame_axes) == (2, (5, 6), "TZ")
    assert stack.frame_count == 6
    assert list(stack.frames()) == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]


def test_a_plane_is_one_frame():
    stack = Stack(np.zeros((5, 6)), "YX")
    assert (stack.n_channels, stack.frame_count, list(stack.frames())) == (1, 1, [()])


@pytest.mark.parametrize("channels", [(2,), (-1,), ()])
def test_channels_that_are_not_there(channels):
    with pytest.raises(ValueError, match="expected channels from 0 to 1, got"):
        Stack(np.zeros((2, 5, 6)), "CYX", channels)


@pytest.mark.parametrize("index", [(), (4,), (-1,), (0, 0)])
def test_frames_that_are_not_there(index):
    with pytest.raises(ValueError, match=r"expected a frame inside T \(4,\), got"):
        Stack(np.zeros((4, 5, 6)), "TYX").read(index)
