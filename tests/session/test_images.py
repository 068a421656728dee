import dask.array as da
import numpy as np
import pytest

from napari_touchup.session.images import Image, combine, fit_channels

TWO = Image("two", np.arange(2 * 3 * 4).reshape(2, 3, 4), "CYX")
PLANE = Image("plane", np.full((3, 4), 7), "YX")
RGB = Image("rgb", np.stack([np.full((3, 4), v, np.uint8) for v in (0, 30, 90)], -1), "YXC", True)


@pytest.mark.parametrize(
    ("image", "labels"),
    [
        (PLANE, ["1"]),
        (TWO, ["1", "2"]),
        (RGB, ["gray", "R", "G", "B"]),
        (Image("rgba", np.zeros((3, 4, 4)), "YXC", True), ["gray", "R", "G", "B"]),
    ],
)
def test_channels(image, labels):
    assert [channel.label for channel in image.channels] == labels


@pytest.mark.parametrize(
    ("image", "wanted", "chosen"),
    [
        (PLANE, 1, ["1"]),
        (TWO, 1, ["1"]),
        (RGB, 1, ["gray"]),
        (RGB, 3, ["R", "G", "B"]),
        (TWO, 2, ["1", "2"]),
        (TWO, 3, [None, None, None]),  # too few: to be asked for
        (RGB, 2, [None, None]),  # too many: to be asked for, never cut
        (None, 2, [None, None]),
    ],
)
def test_fit_channels(image, wanted, chosen):
    found = fit_channels(image, wanted, (None,))
    assert [channel and channel.label for channel in found] == chosen


def test_a_choice_stays_while_the_image_stays():
    second = TWO.channels[1:]
    assert fit_channels(TWO, 1, second) == second
    assert fit_channels(PLANE, 1, second) == PLANE.channels


def test_combine_of_one_image_reads_the_array_itself():
    stack = combine(TWO.channels[::-1])
    assert stack.data is TWO.data
    assert stack.read(())[:, 0, 0].tolist() == [12, 0]


def test_combine_of_gray():
    assert combine(RGB.channels[:1]).read(())[:, 0, 0].tolist() == [40.0]


def test_combine_of_several_images():
    stack = combine([PLANE.channels[0], TWO.channels[1]])
    assert stack.read(())[:, 0, 0].tolist() == [7, 12]


def test_combine_of_different_shapes():
    with pytest.raises(ValueError, match=r"expected channels of one shape, got 1 \(3, 4\), R"):
        combine([PLANE.channels[0], Image("r", np.zeros((5, 5, 3)), "YXC", True).channels[1]])


def test_dask_is_read_frame_by_frame():
    read = []

    def frame(block_info):
        read.append(block_info[None]["chunk-location"][0])
        return np.ones((1, 3, 4))

    data = da.map_blocks(frame, chunks=((1,) * 5, (3,), (4,)), dtype=float, meta=np.ones((0, 0, 0)))
    movie = Image("movie", data, "TYX")
    stack = combine([movie.channels[0], movie.channels[0]])
    assert stack.read((3,)).shape == (2, 3, 4)
    assert set(read) == {3}
