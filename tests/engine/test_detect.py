"""Detection in tiles, with a network that finds bright rectangles by connected pieces."""

import numpy as np
import pytest
import torch
import zarr
from scipy import ndimage
from torch import Tensor, nn

from napari_touchup.core.detected import Detected
from napari_touchup.core.tiling import Tile, plan
from napari_touchup.engine import segment as module
from napari_touchup.engine.detect import kept
from napari_touchup.engine.runner import prepare
from napari_touchup.engine.segment import (
    Notice,
    Prediction,
    Prepared,
    TileDone,
    make_masks,
    predict_maps,
    segment,
)
from napari_touchup.nn.checkpoint import Model
from napari_touchup.nn.detections import Detections
from napari_touchup.nn.header import Header
from napari_touchup.options import InstanceOptions, ModelSpec, SegmentOptions

FLOAT32 = SegmentOptions(device="cpu", precision="float32")
SPEC = ModelSpec(output="instances")


class Finder(nn.Module):
    """Finds each bright piece; it is as sure of it as it is bright."""

    stride, halo, mirror = 8, (16, 24), (16, 24)

    def __init__(self, limit: int | None = None) -> None:
        super().__init__()
        self.limit, self.part = limit, nn.Identity()
        self.seen: list[tuple[int, ...]] = []

    def forward(self, x: Tensor) -> tuple[Detections, ...]:
        if self.limit is not None and x.numel() > self.limit:
            raise torch.OutOfMemoryError
        self.seen.append(tuple(x.shape))
        return tuple(self._found(image[0].numpy()) for image in x)

    def _found(self, image: np.ndarray) -> Detections:
        pieces, _ = ndimage.label(image > 0.3)
        boxes = [(y.start, x.start, y.stop, x.stop) for y, x in ndimage.find_objects(pieces)]
        scores = np.array([image[y0:y1, x0:x1].max() for y0, x0, y1, x1 in boxes], np.float32)
        order = np.argsort(-scores, kind="stable")
        ordered = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)[torch.from_numpy(order)]
        return Detections(ordered, torch.from_numpy(scores[order]), torch.ones(len(boxes), 28, 28))

    def __deepcopy__(self, _memo: object) -> "Finder":
        return self

    def input_size(self, n: int) -> int:
        return -(-n // 8) * 8

    def output_size(self, n: int) -> int:
        return n


def model_of(module: nn.Module) -> Model:
    return Model(module, Header(name="test", spec=SPEC, diameter_px=20))


def scene(shape: tuple[int, int] = (300, 500), count: int = 80) -> np.ndarray:
    """Rectangles of different brightness that do not touch, some cut by the frame."""
    rng = np.random.default_rng(3)
    frame = np.zeros(shape, np.float32)
    for y, x in rng.integers(-10, shape, (count, 2)):
        height, width = rng.integers(8, 40, 2)
        around = (
            slice(max(y - 2, 0), max(y + height + 2, 0)),
            slice(max(x - 2, 0), max(x + width + 2, 0)),
        )
        if not frame[around].any():
            inside = slice(max(y, 0), max(y + height, 0)), slice(max(x, 0), max(x + width, 0))
            frame[inside] = rng.uniform(0.55, 1)
    return frame[None]


LIMITS = np.array([[0.0, 1.0]])


def run(
    module: nn.Module, frame: np.ndarray, options: SegmentOptions = FLOAT32, **how: object
) -> Prediction:
    *_, last = segment(model_of(module), frame, options, limits=LIMITS, **how)
    assert isinstance(last, Prediction)
    return last


@pytest.mark.parametrize(("tile", "batch"), [(400, 1), (320, 3), (1, 1)])
def test_tiles_find_what_one_pass_finds(tile: int, batch: int) -> None:
    frame, finder = scene(), Finder()
    whole = run(Finder(), frame)
    tiled = run(finder, frame, FLOAT32.model_copy(update={"tile": tile, "batch": batch}))
    assert len(finder.seen) > 1 + (batch == 1)
    assert whole.masks.max() == ndimage.label(frame[0])[1] > 30
    np.testing.assert_array_equal(whole.masks > 0, frame[0] > 0)
    np.testing.assert_array_equal(tiled.masks, whole.masks)
    np.testing.assert_array_equal(tiled.maps, whole.maps)


def test_objects_that_the_border_cuts_are_found_once() -> None:
    frame = np.zeros((1, 60, 90), np.float32)
    frame[0, :7, 20:40] = frame[0, 20:30, 85:] = frame[0, 55:, :5] = 1
    masks = run(Finder(), frame).masks
    assert masks.max() == 3
    np.testing.assert_array_equal(masks > 0, frame[0] > 0)


def test_an_object_on_a_seam_is_kept_by_both_tiles_and_drawn_once() -> None:
    frame = np.zeros((1, 16, 900), np.float32)
    options = FLOAT32.model_copy(update={"tile": 400})
    tiles = plan((16, 900), 400, prepare(model_of(Finder()), options).geometry)
    seam = tiles.tiles[0].write[1].stop
    frame[0, 4:12, seam - 10 : seam + 10] = 1
    found = [
        len(kept(Detected(*arrays), tile, tiles))
        for tile in tiles.tiles
        for arrays in [in_tile(tile, tiles.before, (4, seam - 10, 12, seam + 10))]
    ]
    assert sum(found) == 2
    assert run(Finder(), frame, options).masks.max() == 1


def in_tile(
    tile: Tile, before: tuple[int, int], box: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    y, x = (s.start - b for s, b in zip(tile.read, before, strict=True))
    moved = np.array([box], np.float32) - np.array([y, x, y, x], np.float32)
    return moved, np.ones(1, np.float32), np.ones((1, 28, 28), np.float32)


def test_nothing_found() -> None:
    last = run(Finder(), np.zeros((1, 40, 50), np.float32))
    assert (last.masks.shape, last.masks.dtype, last.masks.max()) == ((40, 50), np.uint16, 0)
    assert last.maps.shape == (3, 40, 50)
    assert not last.maps.any()


def test_events_come_in_order() -> None:
    options = FLOAT32.model_copy(update={"tile": 480, "batch": 2})
    events = list(segment(model_of(Finder()), scene((60, 700)), options))
    assert isinstance(events[0], Prepared)
    assert events[0].tiles == 3
    assert events[1:3] == [TileDone(2, 3), TileDone(3, 3)]
    assert isinstance(events[3], Prediction)
    assert len(events) == 4


def test_out_of_memory_halves_the_batch_then_the_tile_and_begins_anew() -> None:
    frame = scene()
    expected = run(Finder(), frame).masks
    finder = Finder(limit=350 * 400)
    options = FLOAT32.model_copy(update={"tile": 400, "batch": 2})
    events = list(segment(model_of(finder), frame, options, limits=LIMITS))
    sizes = [(e.tile, e.batch) for e in events if isinstance(e, Prepared)]
    assert sizes[0][1] == 2
    assert sizes[-1][0] < 400
    assert sum(isinstance(event, Notice) for event in events) == len(sizes) - 1
    np.testing.assert_array_equal(events[-1].masks, expected)


def test_a_diameter_rescales_what_is_seen_and_not_what_is_drawn() -> None:
    frame, finder = scene((150, 200), 20), Finder()
    large = frame.repeat(2, axis=1).repeat(2, axis=2)
    last = run(finder, large, FLOAT32.model_copy(update={"diameter": 40}))
    assert finder.seen[-1][2] < 300
    assert last.masks.shape == (300, 400)
    assert last.masks.max() == ndimage.label(frame[0])[1]
    assert ((last.masks > 0) != (large[0] > 0)).mean() < 0.02


def test_the_threshold_and_the_smallest_size_are_heeded() -> None:
    frame = np.zeros((1, 40, 60), np.float32)
    frame[0, 5:10, 5:10] = frame[0, 5:25, 20:40] = 1
    assert run(Finder(), frame).masks.max() == 2
    assert run(Finder(), frame, instances=InstanceOptions(min_size=26)).masks.max() == 1


def test_it_is_not_compiled() -> None:
    options = FLOAT32.model_copy(update={"compile": True})
    runner = prepare(model_of(Finder()), options)
    assert runner.forward is runner.network


def test_maps_can_go_into_a_zarr_array() -> None:
    frame = scene((60, 90), 8)
    out = zarr.zeros((3, 60, 90), chunks=(3, 16, 16), dtype=np.float16)
    last = run(Finder(), frame, out=out)
    assert last.maps is out
    np.testing.assert_allclose(out[:], run(Finder(), frame).maps, atol=1e-3)


def test_maps_of_very_large_frames_go_to_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = zarr.zeros((3, 60, 90), dtype=np.float16)
    monkeypatch.setattr(module, "maps_array", lambda shape: disk)
    assert run(Finder(), scene((60, 90), 8)).maps is disk


def test_maps_alone() -> None:
    frame = scene((60, 90), 8)
    events = predict_maps(model_of(Finder()), frame, FLOAT32, limits=LIMITS)
    while True:
        try:
            next(events)
        except StopIteration as end:
            np.testing.assert_array_equal(end.value, run(Finder(), frame).maps)
            break


def test_the_maps_make_the_masks_again() -> None:
    last = run(Finder(), scene())
    again = make_masks(last.maps, "instances")
    assert again.max() == last.masks.max()
    np.testing.assert_array_equal(again > 0, last.masks > 0)
