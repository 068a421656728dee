"""A network that looks at the whole image gives the same maps, whatever the tiles."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from napari_touchup.core.normalize import affine, limits
from napari_touchup.core.tiling import plan, read_tile, whole
from napari_touchup.engine.runner import prepare
from napari_touchup.engine.segment import (
    Notice,
    Prepared,
    TileDone,
    predict_maps,
    segment,
)
from napari_touchup.nn.build import build, spec_of
from napari_touchup.nn.checkpoint import Model
from napari_touchup.nn.grid import OnGrid
from napari_touchup.nn.header import Header
from napari_touchup.options import ModelSpec, SegmentOptions

FLOAT32 = SegmentOptions(device="cpu", precision="float32")
STRIDE = 4


class Pooling(OnGrid):
    """The least of its kind: one feature a block, seen with its neighbours, and their mean."""

    stride, halo, mirror = STRIDE, (4, 4), (4, 4)

    def __init__(self, limit: int | None = None) -> None:
        super().__init__()
        self.spec, self.limit = ModelSpec(), limit
        self.pool = nn.Conv2d(1, 2, 3 * STRIDE, stride=STRIDE, padding=STRIDE)
        self.head = nn.Conv2d(2, 3, 1)
        self.level = nn.Linear(2, 3)
        self.calls: list[str] = []

    def __deepcopy__(self, _memo: object) -> "Pooling":
        return self  # so that a test sees what was called

    def encode(self, x: Tensor) -> tuple[Tensor, ...]:
        self.check(x)
        if self.limit is not None and x.numel() > self.limit:
            raise torch.OutOfMemoryError
        self.calls.append("encode")
        return x, self.pool(x).relu()

    def decode(self, features: tuple[Tensor, ...], mean: Tensor) -> Tensor:
        self.calls.append("decode")
        x, last = features
        near = nn.functional.interpolate(self.head(last), scale_factor=STRIDE)
        return x + near + self.level(mean)[:, :, None, None]

    def forward(self, x: Tensor) -> Tensor:
        self.calls.append("forward")
        features = self.encode(x)
        return self.decode(features, features[-1].mean((2, 3)))


def pooling(limit: int | None = None) -> Model:
    torch.manual_seed(1)
    network = Pooling(limit).eval()
    nn.init.uniform_(network.level.weight, 0.5, 1)
    return Model(network, Header(name="test", spec=ModelSpec(), diameter_px=20))


def slope(shape: tuple[int, int]) -> np.ndarray:
    """Gets brighter from the upper left to the lower right, so that tiles differ in their means."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    noise = np.random.default_rng(0).normal(0, 30, shape)
    return (100 + 500 * (y + x) / sum(shape) + noise).astype(np.float32)[None]


def run(model: Model, frame: np.ndarray, options: SegmentOptions) -> np.ndarray:
    events = predict_maps(model, frame, options)
    while True:
        try:
            next(events)
        except StopIteration as end:
            return end.value


def one_pass(model: Model, frame: np.ndarray) -> np.ndarray:
    """One pass over the mirrored frame, averaged over the blocks that cover the frame."""
    network, (y, x) = model.module, frame.shape[1:]
    tiles = whole((y, x), network)
    (top, left), (below, right) = tiles.before, tiles.after
    scale, shift = (v[:, None, None] for v in affine(limits(frame)))
    padded = np.pad(frame * scale + shift, [(0, 0), (top, below), (left, right)], mode="reflect")
    s = network.stride
    with torch.no_grad():
        features = network.encode(torch.from_numpy(padded)[None].float())
        rows = slice(top // s, top // s + -(-y // s))
        columns = slice(left // s, left // s + -(-x // s))
        mean = features[-1][:, :, rows, columns].mean((2, 3))
        maps = network.decode(features, mean)[0].sigmoid()
    return maps[:, top : top + y, left : left + x].numpy()


@pytest.mark.parametrize("shape", [(40, 60), (37, 61), (3, 50), (1, 1)])
@pytest.mark.parametrize(("tile", "batch"), [(1, 1), (20, 3), (20, 100), (None, None)])
def test_tiles_equal_one_pass_over_the_whole(shape, tile, batch):
    model, frame = pooling(), slope(shape)
    options = FLOAT32.model_copy(update={"tile": tile, "batch": batch})
    expected = one_pass(model, frame)
    np.testing.assert_allclose(run(model, frame, options), expected, atol=1e-5)


def test_with_a_mean_of_each_tile_they_would_differ():
    model, frame = pooling(), slope((37, 61))
    expected = one_pass(model, frame)
    own = run(model, frame[:, :20, :20], FLOAT32)  # what a tile alone would say of its pixels
    assert np.abs(own[:, :16, :16] - expected[:, :16, :16]).max() > 0.05


@pytest.mark.parametrize(
    ("batch", "calls", "done"),
    [
        (1, ["encode", "encode", "encode", "decode", "encode", "decode"], [1, 2, 3, 4]),
        (2, ["encode", "decode"], [2, 4]),
    ],
)
def test_many_tiles_are_encoded_twice_and_few_once(batch, calls, done):
    model = pooling()
    options = FLOAT32.model_copy(update={"tile": 20, "batch": batch})
    events = predict_maps(model, slope((12, 24)), options)
    assert next(events).tiles == 2
    model.module.calls.clear()
    assert list(events) == [TileDone(n, 4) for n in done]
    assert model.module.calls == calls


def test_closing_stops_within_one_tile():
    model = pooling()
    events = segment(model, slope((40, 40)), FLOAT32.model_copy(update={"tile": 12}))
    assert next(events).tiles == 100
    model.module.calls.clear()
    assert next(events) == TileDone(1, 200)
    events.close()
    assert model.module.calls == ["encode"]


def test_out_of_memory_starts_again_with_both_passes():
    model, frame = pooling(limit=300), slope((32, 32))
    expected = one_pass(pooling(), frame)
    options = FLOAT32.model_copy(update={"tile": 24, "batch": 2})
    events = list(segment(model, frame, options))
    assert [event.text for event in events if isinstance(event, Notice)] == [
        "Out of memory: going on with 1 tile(s) of 24 pixels at once",
        "Out of memory: going on with 1 tile(s) of 12 pixels at once",
    ]
    assert [(e.tile, e.batch, e.tiles) for e in events if isinstance(e, Prepared)] == [
        (24, 2, 4), (24, 1, 4), (12, 1, 64),
    ]  # fmt: skip
    np.testing.assert_allclose(events[-1].maps, expected, atol=1e-5)


def test_a_single_crop_is_averaged_over_itself():
    model = pooling()
    crops = [slope((16, 16))[:, ::step] / 600 for step in (1, -1)]
    maps = prepare(model, FLOAT32).launch(crops, np.ones(1), np.zeros(1)).wait()
    with torch.no_grad():
        expected = [model.module(torch.from_numpy(crop.copy())[None])[0] for crop in crops]
    np.testing.assert_allclose(maps, torch.stack(expected).sigmoid(), atol=1e-6)


def test_bfloat16_is_close():
    model, frame = pooling(), slope((37, 61))
    expected = one_pass(pooling(), frame)
    half = SegmentOptions(device="cpu", precision="bfloat16", tile=20, batch=3)
    np.testing.assert_allclose(run(model, frame, half), expected, atol=2e-2)


def test_a_network_of_one_part_has_no_halves():
    network = nn.Conv2d(1, 3, 1)
    network.stride, network.halo, network.mirror = 1, (0, 0), (0, 0)
    network.input_size = network.output_size = lambda n: n
    model = Model(network, Header(name="test", spec=ModelSpec(), diameter_px=20))
    with pytest.raises(RuntimeError, match="expected a network of two parts"):
        prepare(model, FLOAT32).encode([slope((8, 8))], np.ones(1), np.zeros(1))


def trained(encoder: str, base: int) -> Model:
    """A narrow DeepLab whose norms know what they are given, so that it tells pixels apart."""
    torch.manual_seed(0)
    spec = spec_of("deeplabv3plus", base=base, encoder=encoder)
    network = build(spec).train()
    frame = torch.from_numpy(slope((256, 256)) / 600)[None]
    with torch.no_grad():
        for _ in range(20):
            network(frame)
    return Model(network.eval(), Header(name="test", spec=spec, diameter_px=20))


@pytest.fixture(scope="module")
def deeplab() -> Model:
    return trained("resnet18", base=4)


# 528 + 506 pixels of a tile are context
@pytest.mark.parametrize(
    ("shape", "tiles"),
    [((37, 1500), 2), ((1830, 66), 3), ((1210, 1233), 4), ((90, 110), 1)],
)
def test_deeplab_in_tiles_equals_one_pass_over_the_whole(deeplab, shape, tiles):
    frame = slope(shape)
    options = FLOAT32.model_copy(update={"tile": 1400, "batch": 1})
    assert next(predict_maps(deeplab, frame, options)).tiles == tiles
    expected = one_pass(deeplab, frame)
    assert np.ptp(expected[0]) > 0.1  # it is no test of a constant
    np.testing.assert_allclose(run(deeplab, frame, options), expected, atol=1e-4)


def test_deeplab_with_a_mean_of_each_tile_would_differ(deeplab):
    frame = slope((37, 1500))
    expected, runner = one_pass(deeplab, frame), prepare(deeplab, FLOAT32)
    tiles = plan((37, 1500), 1400, runner.geometry)
    worst = 0.0
    for tile in tiles.tiles:
        raw = read_tile(frame, tiles, tile)
        (maps,) = runner.launch([raw], *affine(limits(frame))).wait()
        difference = maps[(slice(None), *tile.keep)] - expected[(slice(None), *tile.write)]
        worst = max(worst, np.abs(difference).max())
    assert worst > 1e-2


def test_deeplab_with_the_xception_in_tiles_equals_one_tile():
    # not compared with the bare network: through more than a hundred layers with weights that no
    # one trained float32 itself, folded or not, is 1e-3 off float64
    model, frame = trained("xception", base=2), slope((37, 2710))
    options = FLOAT32.model_copy(update={"tile": 2700, "batch": 1})
    assert next(predict_maps(model, frame, options)).tiles == 3
    whole_options = FLOAT32.model_copy(update={"tile": 10_000})
    assert next(predict_maps(model, frame, whole_options)).tiles == 1
    expected = run(model, frame, whole_options)
    assert np.ptp(expected[0]) > 0.1
    np.testing.assert_allclose(run(model, frame, options), expected, atol=1e-4)


def test_deeplab_in_tiles_equals_the_whole_in_bfloat16(deeplab):
    frame = slope((37, 1500))
    half = SegmentOptions(device="cpu", precision="bfloat16")
    tiled = half.model_copy(update={"tile": 1400, "batch": 1})
    np.testing.assert_allclose(run(deeplab, frame, tiled), run(deeplab, frame, half), atol=2e-2)
