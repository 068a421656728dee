from napari_touchup.core.context import wider
from napari_touchup.core.tiling import plan


class Padded:
    stride, halo, mirror = 8, (16, 24), (16, 24)

    def input_size(self, n: int) -> int:
        return -(-n // 8) * 8

    def output_size(self, n: int) -> int:
        return n


def test_more_context_and_the_same_frame() -> None:
    geometry = wider(Padded(), 100)
    assert (geometry.stride, geometry.halo, geometry.mirror) == (8, (116, 124), (16, 24))
    assert (geometry.input_size(9), geometry.output_size(16)) == (16, 16)
    tiles, plain = plan((50, 900), 400, geometry), plan((50, 900), 400, Padded())
    assert (tiles.before, tiles.after) == (plain.before, plain.after) == ((16, 16), (30, 28))
    inner = tiles.tiles[1]
    assert inner.write[1].start + tiles.before[1] - inner.read[1].start >= 116
