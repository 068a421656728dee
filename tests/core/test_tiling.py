from dataclasses import dataclass, replace

import dask.array as da
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_touchup.core.tiling import mirrored, plan, read_tile, whole


@dataclass(frozen=True)
class Net:
    """A network of which only the geometry counts."""

    stride: int = 16
    halo: tuple[int, int] = (92, 92)
    margin: int = 0  # lost by the output on each side
    phase: int = 0  # accepted inputs are phase + m * stride
    mirrored: tuple[int, int] | None = None  # None: all of the halo

    @property
    def mirror(self) -> tuple[int, int]:
        return self.halo if self.mirrored is None else self.mirrored

    def input_size(self, n: int) -> int:
        n = max(n, 2 * self.margin + 1)
        return n + (self.phase - n) % self.stride

    def output_size(self, n: int) -> int:
        assert n == self.input_size(n)
        return n - 2 * self.margin


PADDED = Net()
UNEVEN = Net(halo=(92, 107))
VALID = Net(margin=92, phase=12)
POINT = Net(stride=1, halo=(0, 0))
FAR = Net(halo=(150, 140), mirrored=(32, 32))


@st.composite
def nets(draw) -> Net:
    stride = draw(st.integers(1, 9))
    margin = draw(st.integers(0, 7))
    halo = draw(st.tuples(st.integers(margin, 20), st.integers(margin, 20)))
    mirror = draw(st.none() | st.tuples(*(st.integers(margin, edge) for edge in halo)))
    return Net(stride, halo, margin, draw(st.integers(0, stride - 1)), mirror)


sizes = st.tuples(st.integers(1, 60), st.integers(1, 60))


@pytest.mark.parametrize(
    ("net", "shape", "tile", "size", "starts", "keeps"),
    [
        # the paper's tile: 384 of its 388 pixels are kept, from E pixel 96 = output pixel 4
        pytest.param(VALID, 768, 572, 572, [0, 384], [(4, 388), (4, 388)], id="572 of the paper"),
        pytest.param(VALID, 384, 9999, 572, [0], [(4, 388)], id="valid, whole"),
        pytest.param(PADDED, 640, 512, 512, [0, 320], [(96, 416), (96, 416)], id="padded"),
        pytest.param(PADDED, 512, 512, 448, [0, 256], [(96, 352), (96, 352)], id="balanced"),
        pytest.param(
            PADDED, 500, 400, 368, [0, 176, 336], [(96, 272), (96, 272), (112, 260)], id="shifted"
        ),
        pytest.param(PADDED, 512, 9999, 704, [0], [(96, 608)], id="larger than E"),
        pytest.param(PADDED, 1, 512, 208, [0], [(96, 97)], id="one pixel"),
        pytest.param(PADDED, 20, 1, 208, [0, 16], [(96, 112), (96, 100)], id="too small a tile"),
        pytest.param(UNEVEN, 512, 9999, 720, [0], [(96, 608)], id="uneven halo"),
        pytest.param(FAR, 512, 1024, 576, [0], [(32, 544)], id="far halo, one tile"),
        pytest.param(
            FAR, 1000, 720, 688, [0, 384], [(32, 544), (160, 648)], id="far halo, two tiles"
        ),
        pytest.param(POINT, 10, 4, 4, [0, 4, 6], [(0, 4), (0, 4), (2, 4)], id="no halo"),
    ],
)
def test_plan_along_one_axis(net, shape, tile, size, starts, keeps):
    tiles = plan((shape, 1), tile, net)
    assert tiles.size[0] == size
    assert [part.read[0].start for part in tiles.tiles] == starts
    assert [(part.keep[0].start, part.keep[0].stop) for part in tiles.tiles] == keeps


@given(nets(), sizes, st.integers(1, 90))
def test_every_pixel_is_written_exactly_once(net, shape, tile):
    tiles = plan(shape, tile, net)
    written = np.zeros(shape, int)
    for part in tiles.tiles:
        written[part.write] += 1
    assert (written == 1).all()


@given(nets(), sizes, st.integers(1, 90))
def test_the_contract_of_every_tile(net, shape, tile):
    tiles = plan(shape, tile, net)
    smallest = plan((1, 1), 1, replace(net, mirrored=None)).size[0]
    for part in tiles.tiles:
        for axis in (0, 1):
            read, keep, write = part.read[axis], part.keep[axis], part.write[axis]
            size = tiles.size[axis]
            extended = tiles.before[axis] + shape[axis] + tiles.after[axis]
            first = write.start + tiles.before[axis]  # in E
            assert read.stop - read.start == size == net.input_size(size) <= max(tile, smallest)
            assert read.start % net.stride == 0
            assert 0 <= read.start < read.stop <= extended == net.input_size(extended)
            assert write.stop - write.start == keep.stop - keep.start > 0
            assert 0 <= keep.start < keep.stop <= net.output_size(size)
            assert keep.start == first - read.start - net.margin
            blocks = first // net.stride, -(-(write.stop + tiles.before[axis]) // net.stride)
            seen = blocks[0] * net.stride - net.halo[0], blocks[1] * net.stride + net.halo[1]
            assert read.start == 0 or read.start <= seen[0]
            assert read.stop == extended or read.stop >= seen[1]


@given(nets(), sizes)
def test_whole_is_one_tile_of_all_that_is_extended(net, shape):
    tiles = whole(shape, net)
    assert len(tiles.tiles) == 1
    for axis in (0, 1):
        assert tiles.size[axis] == tiles.before[axis] + shape[axis] + tiles.after[axis]
        assert tiles.before[axis] >= net.mirror[0]
        assert tiles.after[axis] >= net.mirror[1]


@given(nets(), sizes, st.integers(1, 90))
def test_read_tile_is_a_window_of_the_mirrored_frame(net, shape, tile):
    tiles = plan(shape, tile, net)
    frame = np.arange(2 * shape[0] * shape[1]).reshape(2, *shape)
    border = [(0, 0), *zip(tiles.before, tiles.after, strict=True)]
    extended = np.pad(frame, border, mode="reflect")
    for part in tiles.tiles:
        np.testing.assert_array_equal(
            read_tile(frame, tiles, part), extended[(slice(None), *part.read)]
        )


def test_read_tile_reads_only_what_it_shows():
    asked = []

    class Frame:
        def __getitem__(self, key):
            asked.append([(part.start, part.stop) for part in key[1:]])
            return np.zeros((1, *(part.stop - part.start for part in key[1:])))

    tiles = plan((640, 640), 512, PADDED)
    for part in tiles.tiles:
        assert read_tile(Frame(), tiles, part).shape == (1, 512, 512)
    assert asked == [
        [(0, 416), (0, 416)], [(0, 416), (224, 640)],
        [(224, 640), (0, 416)], [(224, 640), (224, 640)],
    ]  # fmt: skip


def test_read_tile_of_dask():
    frame = da.arange(12, chunks=5).reshape(1, 3, 4)
    tiles = plan((3, 4), 1, Net(stride=2, halo=(1, 1)))
    first = read_tile(frame, tiles, tiles.tiles[0])
    assert isinstance(first, np.ndarray)
    np.testing.assert_array_equal(first[0, 2:4, 2:4], [[0, 1], [4, 5]])


def test_an_empty_frame_is_refused():
    with pytest.raises(ValueError, match=r"expected a frame of at least 1 x 1 pixel, got \(0, 5\)"):
        plan((0, 5), 64, PADDED)


@pytest.mark.parametrize(
    ("start", "count", "size", "expected"),
    [
        (0, 3, 5, [0, 1, 2]),
        (-2, 4, 5, [2, 1, 0, 1]),
        (3, 4, 5, [3, 4, 3, 2]),
        (-3, 7, 2, [1, 0, 1, 0, 1, 0, 1]),
        (-1, 3, 1, [0, 0, 0]),
    ],
)
def test_mirrored_literals(start: int, count: int, size: int, expected: list[int]) -> None:
    assert mirrored(start, count, size).tolist() == expected
