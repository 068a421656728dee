import dask.array as da
import numpy as np
import pytest

from napari_touchup.options import NormalizeOptions
from napari_touchup.session.images import Feed, Image

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


def test_names_of_channels():
    image = Image("two", TWO.data, "CYX", names=("", "GFP"))
    assert [(c.label, c.name) for c in image.channels] == [("1", ""), ("2: GFP", "GFP")]
    assert [channel.name for channel in RGB.channels] == ["", "red", "green", "blue"]
    assert Image("plane", PLANE.data, "YX", names=("DAPI",)).channels[0].name == "DAPI"
    assert Feed(image.channels).names == ()  # not all are named
    assert Feed(RGB.channels[1:]).names == ("red", "green", "blue")


def test_a_layer_that_is_renamed_names_its_channel():
    image = Image("a", PLANE.data, "YX", names=("a",))
    (channel,) = image.channels
    image.rename("GFP", ("GFP",))
    assert (image.name, channel.name, image.channels) == ("GFP", "GFP", (channel,))


def test_channels_by_their_numbers():
    assert [channel.label for channel in TWO.numbered((1, 0, 5))] == ["2", "1"]


class Array:
    """Counts how often it is read."""

    def __init__(self, data):
        self.data, self.shape, self.dtype, self.reads = data, data.shape, data.dtype, 0

    def __getitem__(self, key):
        self.reads += 1
        return self.data[key]


def test_channels_of_one_array_are_read_at_once():
    array = Array(TWO.data)
    feed = Feed(Image("two", array, "CYX").channels[::-1])
    assert feed.read()[:, 0, 0].tolist() == [12, 0]
    assert array.reads == 1


def test_grey_is_the_luminance_of_red_green_and_blue():
    grey = Feed(RGB.channels[:1]).read()
    assert grey.dtype == np.float32
    assert grey.shape == (1, 3, 4)
    assert grey[0, 0, 0] == pytest.approx(0.587 * 30 + 0.114 * 90)


def test_grey_beside_another_image():
    feed = Feed((PLANE.channels[0], RGB.channels[0], RGB.channels[3]))
    assert feed.read()[:, 0, 0].tolist() == pytest.approx([7, 27.87, 90])


def test_channels_of_several_images():
    feed = Feed((PLANE.channels[0], TWO.channels[1]))
    assert feed.read()[:, 0, 0].tolist() == [7, 12]


def test_a_window():
    window = slice(1, 3), slice(2, 3)
    assert Feed(TWO.channels).read((), window).tolist() == [[[6], [10]], [[18], [22]]]
    assert Feed(RGB.channels[:1]).read((), window).shape == (1, 2, 1)


def test_channels_of_different_shapes():
    with pytest.raises(ValueError, match=r"expected channels of one shape, got 1 \(3, 4\), R"):
        Feed((PLANE.channels[0], Image("r", np.zeros((5, 5, 3)), "YXC", True).channels[1]))


def test_limits_are_those_of_the_whole_frame_and_are_kept():
    array = Array(np.stack([np.full((4, 4), n) for n in range(3)]))
    array.data[1, 0, 0] = 50
    (channel,) = Image("movie", array, "TYX").channels
    feed = Feed((channel, channel))
    whole = NormalizeOptions(low=0, high=100)
    assert feed.limits((1,), whole).tolist() == [[1, 50], [1, 50]]
    reads = array.reads
    assert Feed((channel,)).limits((1,), whole).tolist() == [[1, 50]]
    assert array.reads == reads
    assert Feed((channel,)).limits((2,), whole).tolist() == [[2, 2]]


def test_dask_is_read_frame_by_frame():
    read = []

    def frame(block_info):
        read.append(block_info[None]["chunk-location"][0])
        return np.ones((1, 3, 4))

    data = da.map_blocks(frame, chunks=((1,) * 5, (3,), (4,)), dtype=float, meta=np.ones((0, 0, 0)))
    movie = Image("movie", data, "TYX")
    feed = Feed((movie.channels[0], movie.channels[0]))
    assert feed.read((3,)).shape == (2, 3, 4)
    assert set(read) == {3}
