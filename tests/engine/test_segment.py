from collections.abc import Callable
from itertools import product

import dask.array as da
import numpy as np
import pytest
import torch
import zarr
from torch import Tensor, nn

from napari_touchup.core.normalize import affine, limits
from napari_touchup.core.tiling import whole
from napari_touchup.engine.segment import (
    Notice,
    Prediction,
    Prepared,
    TileDone,
    make_masks,
    predict_maps,
    segment,
)
from napari_touchup.nn.build import build
from napari_touchup.nn.checkpoint import Model
from napari_touchup.nn.header import Header
from napari_touchup.options import InstanceOptions, ModelSpec, SegmentOptions, paper_spec

FLOAT32 = SegmentOptions(device="cpu", precision="float32")
PADDED = ModelSpec(base=4, depth=3, dropout=0.2)
UNEVEN = ModelSpec(base=4, depth=3, up="3x3", activation="leaky_relu", in_channels=2)
DEEP = ModelSpec(base=2, depth=4)
VALID = paper_spec(base=4).model_copy(update={"depth": 3})
PAPER = paper_spec(base=2)


class Look(nn.Module):
    """Shows what a network is given: p and d are bright pixels, b is nothing. No context."""

    stride, halo, mirror = 4, (0, 0), (0, 0)

    def __init__(self, limit: int | None = None, error: str = "") -> None:
        super().__init__()
        self.limit, self.error = limit, error
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[2:] == (16, 16) and not x.any():  # only the layers' values are counted
            return x.expand(-1, 3, -1, -1)
        if self.limit is not None and x.numel() > self.limit:
            raise torch.OutOfMemoryError if not self.error else RuntimeError(self.error)
        self.seen.append(x.clone())
        bright = 40 * (x - 0.5)
        return torch.cat([bright, torch.full_like(x, -40), bright], dim=1)

    def __deepcopy__(self, _memo: object) -> "Look":
        return self  # so that a test sees what the copy saw

    def input_size(self, n: int) -> int:
        return n

    def output_size(self, n: int) -> int:
        return n


def model_of(module: nn.Module, spec: ModelSpec | None = None, diameter: float = 20) -> Model:
    return Model(module, Header(name="test", spec=spec or ModelSpec(), diameter_px=diameter))


def random_model(spec: ModelSpec) -> Model:
    torch.manual_seed(0)
    net = build(spec)
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for values in (layer.weight, layer.bias, layer.running_mean, layer.running_var):
                nn.init.uniform_(values, 0.5, 1.5)
    return model_of(net.eval(), spec)


def picture(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 60_000, shape).astype(np.uint16)


def run(model: Model, frame: object, options: SegmentOptions = FLOAT32) -> np.ndarray:
    *_, prediction = segment(model, frame, options)
    assert isinstance(prediction, Prediction)
    return prediction.maps


def one_pass(model: Model, frame: np.ndarray) -> np.ndarray:
    """The bare network over the whole mirrored frame; shares no code with the tiles' way."""
    tiles = whole(frame.shape[1:], model.module)
    border = [(0, 0), *zip(tiles.before, tiles.after, strict=True)]
    scale, shift = (v[:, None, None] for v in affine(limits(frame)))
    x = torch.from_numpy(np.pad(frame * scale + shift, border, mode="reflect")).float()
    with torch.no_grad():
        raw = model.module(x[None])[0]
    maps = raw.sigmoid() if model.header.spec.output == "maps" else raw.softmax(0)
    y, x0 = (
        (extended - out) // 2 for extended, out in zip(x.shape[1:], maps.shape[1:], strict=True)
    )
    top, left = tiles.before[0] - y, tiles.before[1] - x0
    return maps[:, top : top + frame.shape[1], left : left + frame.shape[2]].numpy()


def two_discs(radius: int = 10) -> np.ndarray:
    """Objects of twice the radius in a frame of (1, 8 radii, 12 radii)."""
    y, x = np.mgrid[: 8 * radius, : 12 * radius] + 0.5
    frame = np.zeros(y.shape, np.uint16)
    for centre in (3 * radius, 8 * radius):
        frame[(y - 4 * radius) ** 2 + (x - centre) ** 2 <= radius**2] = 1000
    return frame[None]


@pytest.mark.parametrize("spec", [PADDED, UNEVEN, DEEP, VALID, PAPER])
@pytest.mark.parametrize("size", [(1, 1), (37, 150), (101, 64)])
@pytest.mark.parametrize("tile", [1, 230])
def test_tiles_equal_one_pass_over_the_whole(spec, size, tile):
    model = random_model(spec)
    frame = picture((spec.in_channels, *size))
    expected = one_pass(model, frame)
    assert expected.shape == (spec.classes, *size)
    if size != (1, 1):
        assert np.ptp(expected[0]) > 0.1  # it is no test of a constant
    options = FLOAT32.model_copy(update={"tile": tile, "batch": 3})
    np.testing.assert_allclose(run(model, frame, options), expected, atol=1e-4)


@pytest.mark.parametrize("spec", [PADDED, VALID])
def test_tiles_equal_one_pass_in_bfloat16(spec):
    model, frame = random_model(spec), picture((1, 70, 150))
    half = SegmentOptions(device="cpu", precision="bfloat16")
    tiled = run(model, frame, half.model_copy(update={"tile": 160}))
    np.testing.assert_allclose(tiled, run(model, frame, half), atol=2e-2)


def test_the_model_is_left_as_it_is():
    model = random_model(PADDED)
    model.module.train()
    before = {name: value.clone() for name, value in model.module.state_dict().items()}
    run(model, picture((1, 30, 30)))
    assert model.module.training
    assert all(
        torch.equal(value, before[name]) for name, value in model.module.state_dict().items()
    )


def test_events_come_in_order():
    frame = picture((1, 40, 40))
    options = FLOAT32.model_copy(update={"tile": 16, "batch": 4})
    events = list(segment(model_of(Look()), frame, options))
    assert isinstance(events[0], Prepared)
    assert events[0].device.startswith("CPU")
    assert (events[0].tile, events[0].batch, events[0].tiles) == (16, 4, 9)
    assert events[1:4] == [TileDone(4, 9), TileDone(8, 9), TileDone(9, 9)]
    assert isinstance(events[4], Prediction)
    assert len(events) == 5
    assert events[4].maps.dtype == np.float32
    assert events[4].masks.shape == (40, 40)
    assert events[4].seconds > 0


def test_closing_stops_within_one_tile():
    look = Look()
    events = segment(model_of(look), picture((1, 40, 40)), FLOAT32.model_copy(update={"tile": 8}))
    assert next(events).tiles == 25
    assert next(events) == TileDone(1, 25)
    events.close()
    assert len(look.seen) == 1
    assert list(events) == []


@pytest.mark.parametrize("shape", [(2, 9, 9), (3, 9, 9), (9, 9), (1, 1, 9, 9)])
def test_a_wrong_number_of_channels_is_refused(shape):
    with pytest.raises(
        ValueError, match=r"expected a frame \(C, Y, X\) with 1 channel.* 'test', got"
    ):
        next(segment(model_of(Look()), np.zeros(shape)))


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (np.zeros((1, 0, 4)), "is not empty"),
        (np.zeros((1, 4, 4), complex), "real numbers .* got complex128"),
    ],
)
def test_what_is_no_frame_is_refused(frame, message):
    with pytest.raises(ValueError, match=message):
        next(segment(model_of(Look()), frame))


RAMP = np.arange(64).reshape(1, 8, 8)


@pytest.mark.parametrize(
    "convert",
    [
        *(lambda x, t=t: x.astype(t) for t in ("u1", "i1", "u2", ">u2", "i2", "f2", "f4", ">f4")),
        *(lambda x, t=t: x.astype(t) for t in ("i4", "u4", "i8", "u8", "f8", "longdouble")),
        lambda x: (x + 2**32 - 200).astype(np.uint32),  # float32 would round to multiples of 256
        lambda x: x + 1e12,
        lambda x: x * 1e300,
        lambda x: -1e-30 * x[:, ::-1, ::-1],
        lambda x: da.from_array(x, chunks=3),
    ],
)
def test_the_network_sees_the_same_whatever_the_dtype(convert):
    look = Look()
    run(model_of(look), convert(RAMP))
    low, high = 0.63, 62.874  # percentiles 1 and 99.8 of 0 ... 63
    expected = (RAMP - low) / (high - low)
    np.testing.assert_allclose(look.seen[0][0], expected, atol=2e-5)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_pixels_that_are_no_numbers_become_0(dtype):
    look, frame = Look(), RAMP.astype(dtype)
    frame[0, 7, 5:] = np.nan, np.inf, -np.inf
    run(model_of(look), frame)
    assert look.seen[0][0, 0, 7, 5:].tolist() == [0, 0, 0]
    assert look.seen[0].isfinite().all()


@pytest.mark.parametrize("frame", [np.full((1, 5, 5), 7), np.ones((1, 5, 5), bool)])
def test_a_constant_frame_becomes_0(frame):
    look = Look()
    run(model_of(look), frame)
    assert not look.seen[0].any()


@pytest.mark.parametrize("error", ["", "[enforce fail] DefaultCPUAllocator: not enough memory"])
def test_out_of_memory_halves_the_batch_then_the_tile(error):
    frame = two_discs(4)  # 32 x 48
    expected = run(model_of(Look()), frame)
    options = FLOAT32.model_copy(update={"tile": 16, "batch": 4})
    events = list(segment(model_of(Look(limit=100, error=error)), frame, options))
    assert [event.text for event in events if isinstance(event, Notice)] == [
        "Out of memory: going on with 2 tile(s) of 16 pixels at once",
        "Out of memory: going on with 1 tile(s) of 16 pixels at once",
        "Out of memory: going on with 1 tile(s) of 8 pixels at once",
    ]
    assert [(e.tile, e.batch, e.tiles) for e in events if isinstance(e, Prepared)] == [
        (16, 4, 6), (16, 2, 6), (16, 1, 6), (8, 1, 24),
    ]  # fmt: skip
    np.testing.assert_allclose(events[-1].maps, expected, atol=1e-6)


def test_no_memory_for_the_smallest_tile():
    with pytest.raises(MemoryError, match="not enough memory on cpu for one tile of 4 pixels"):
        list(segment(model_of(Look(limit=1)), two_discs(4), FLOAT32))


def test_other_errors_are_not_taken_for_a_lack_of_memory():
    with pytest.raises(RuntimeError, match="something else"):
        list(segment(model_of(Look(limit=1, error="something else")), two_discs(4), FLOAT32))


@pytest.mark.parametrize("diameter", [10, 40, 33.3])
def test_diameter_rescales_the_frame_and_brings_the_maps_back(diameter):
    look, radius = Look(), round(diameter / 2)
    frame = two_discs(radius)
    options = FLOAT32.model_copy(update={"diameter": 2 * radius})
    *_, prediction = segment(model_of(look, diameter=20), frame, options)
    assert look.seen[0].shape[2:] == (80, 120)  # there objects are 20 pixels wide
    assert prediction.maps.shape == (3, *frame.shape[1:])
    assert prediction.masks.max() == 2
    found = prediction.masks > 0
    assert (found != (frame[0] > 0)).sum() < 0.06 * (frame > 0).sum()


def test_the_model_s_own_diameter_changes_nothing():
    frame, options = picture((1, 30, 30)), FLOAT32.model_copy(update={"diameter": 20})
    np.testing.assert_array_equal(
        run(model_of(Look()), frame, options), run(model_of(Look()), frame)
    )


def test_a_nan_does_not_spread_when_the_frame_is_rescaled():
    frame = two_discs().astype(np.float32)
    frame[0, 0, 0] = np.nan
    look = Look()
    run(model_of(look), frame, FLOAT32.model_copy(update={"diameter": 7}))
    assert look.seen[0].isfinite().all()


@pytest.mark.parametrize("diameter", [None, 10])
def test_maps_can_go_into_a_zarr_array(diameter):
    frame = two_discs(4)
    out = zarr.zeros((3, 32, 48), chunks=(3, 16, 16), dtype=np.float16)
    options = FLOAT32.model_copy(update={"tile": 16, "diameter": diameter})
    *_, prediction = segment(model_of(Look()), frame, options, InstanceOptions(), out)
    assert prediction.maps is out
    np.testing.assert_allclose(out[:], run(model_of(Look()), frame, options), atol=1e-3)
    assert prediction.masks.max() == 2


def test_an_output_array_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"expected an output array \(3, 5, 5\), got \(1, 5, 5\)"):
        next(predict_maps(model_of(Look()), np.zeros((1, 5, 5)), out=np.zeros((1, 5, 5))))


@pytest.mark.parametrize("diameter", [None, 10.0])
def test_with_the_limits_of_the_whole_a_part_is_seen_as_within_it(diameter):
    frame = two_discs(20)
    frame[..., 80:] *= 3  # the part's own limits would make its disc as bright as the other
    part, options = frame[..., :80], FLOAT32.model_copy(update={"diameter": diameter})
    seen = {}
    for name, given in (("own", None), ("whole", limits(frame))):
        *_, prediction = segment(model_of(Look()), part, options, limits=given)
        seen[name] = prediction.maps[0]
    whole = run(model_of(Look()), frame, options)[0]
    np.testing.assert_allclose(seen["whole"][:, :70], whole[:, :70], atol=1e-5)
    assert np.abs(seen["own"] - seen["whole"]).max() > 0.9


@pytest.mark.parametrize("shape", [(2, 2), (1, 3), (2,)])
def test_limits_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"expected limits \(1, 2\), got"):
        next(segment(model_of(Look()), np.zeros((1, 5, 5)), limits=np.zeros(shape)))


def test_softmax_networks_give_probabilities_and_masks():
    *_, prediction = segment(random_model(VALID), picture((1, 40, 50)), FLOAT32)
    assert prediction.maps.shape == (2, 40, 50)
    np.testing.assert_allclose(prediction.maps.sum(0), 1, atol=1e-6)
    assert prediction.masks.shape == (40, 50)


@pytest.mark.parametrize("output", ["maps", "softmax"])
def test_masks_of_maps_of_each_output(output):
    inside = np.zeros((20, 40), np.float32)
    inside[5:15, 3:13] = inside[5:15, 20:30] = 1
    maps: Callable[[], np.ndarray] = {
        "maps": lambda: np.stack([inside, np.zeros_like(inside), inside]),
        "softmax": lambda: np.stack([1 - inside, 0.7 * inside, 0.3 * inside]),
    }[output]
    masks = make_masks(maps(), output)
    assert masks.dtype == np.uint16
    assert masks.max() == 2
    np.testing.assert_array_equal(masks > 0, inside > 0)


def test_an_output_that_is_not_known_is_refused():
    expected = r"expected an output of \['instances', 'maps', 'softmax'\], got 'boxes'"
    with pytest.raises(ValueError, match=expected):
        make_masks(np.zeros((1, 5, 5)), "boxes")


def test_batches_that_do_not_divide_the_tiles_lose_none():
    frame = picture((1, 20, 28))
    expected = run(model_of(Look()), frame)
    for tile, batch in product((4, 8, 12), (1, 3, 50)):
        options = FLOAT32.model_copy(update={"tile": tile, "batch": batch})
        np.testing.assert_allclose(run(model_of(Look()), frame, options), expected, atol=1e-6)
