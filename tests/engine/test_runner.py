import gc
import weakref

import numpy as np
import pytest
import torch
from torch import nn

from napari_touchup.engine import runner
from napari_touchup.engine.runner import prepare
from napari_touchup.nn.build import build
from napari_touchup.nn.checkpoint import Model
from napari_touchup.nn.header import Header
from napari_touchup.options import ModelSpec, SegmentOptions

FLOAT32 = SegmentOptions(device="cpu", precision="float32")
SPEC = ModelSpec(
    base=4, depth=2, up="3x3"
)  # halo (22, 26), stride 4: 24 + 28 pixels of a tile are lost


def model_of(spec: ModelSpec = SPEC) -> Model:
    torch.manual_seed(0)
    net = build(spec)
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for values in (layer.weight, layer.bias, layer.running_mean, layer.running_var):
                nn.init.uniform_(values, 0.5, 1.5)
    return Model(net.eval(), Header(name="test", spec=spec, diameter_px=20))


def test_the_same_weights_are_prepared_once():
    model = model_of()
    first = prepare(model, FLOAT32)
    assert prepare(model, FLOAT32) is first
    assert prepare(model, FLOAT32.model_copy(update={"tile": 99})) is first
    assert prepare(model, FLOAT32.model_copy(update={"precision": "bfloat16"})) is not first


def test_new_weights_are_prepared_anew():
    model = model_of()
    first = prepare(model, FLOAT32)
    optimizer = torch.optim.AdamW(model.module.parameters())
    model.module(torch.rand(1, 1, 16, 16)).sum().backward()
    optimizer.step()
    second = prepare(model, FLOAT32)
    assert second is not first
    model.module.load_state_dict(model_of().module.state_dict())
    assert prepare(model, FLOAT32) is not second


def test_nothing_is_kept_of_a_model_that_is_gone():
    model = model_of()
    network = weakref.ref(prepare(model, FLOAT32).network)
    del model
    gc.collect()
    assert network() is None


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_what_is_launched_lands_as_float32_on_the_host(precision):
    ready = prepare(model_of(), FLOAT32.model_copy(update={"precision": precision}))
    tiles = [np.zeros((1, 64, 52), np.uint16)] * 2
    maps = ready.launch(tiles, np.ones(1), np.zeros(1)).wait()
    assert maps.shape == (2, 3, 64, 52)
    assert maps.dtype == np.float32


@pytest.mark.parametrize(
    ("free", "shape", "expected"),
    [
        (10**12, (512, 512), (564, 1)),  # whole
        (10**12, (2000, 600), (1052, 1)),  # two tiles, shorter than 1216
        (32_000_000, (2000, 2000), (720, 1)),  # 10^6 pixels of 4 values of 4 bytes: 3 x 3 tiles
        (0, (50, 50), (56, 1)),  # the smallest
    ],
)
def test_tiles_fit_into_free_memory(monkeypatch, free, shape, expected):
    monkeypatch.setattr(runner, "values_per_pixel", lambda *_: 8)
    monkeypatch.setattr(runner, "free_memory", lambda _device: free)
    assert prepare(model_of(), FLOAT32).sizes(shape, FLOAT32) == expected


@pytest.mark.parametrize(
    ("cap", "expected"),
    [(0.016, (720, 1)), (1000, (1216, 1)), (1e-9, (56, 1))],  # GB
)
def test_tiles_stay_below_a_cap(monkeypatch, cap, expected):
    monkeypatch.setattr(runner, "values_per_pixel", lambda *_: 8)
    monkeypatch.setattr(runner, "free_memory", lambda _device: 10**12)
    options = FLOAT32.model_copy(update={"memory": cap})
    tile, batch = prepare(model_of(), FLOAT32).sizes((2000, 2000), options)
    assert (tile, batch) <= expected
    assert tile > expected[0] - 200


def test_sizes_that_were_asked_for():
    options = FLOAT32.model_copy(update={"tile": 200, "batch": 5})
    assert prepare(model_of(), FLOAT32).sizes((592, 600), options) == (200, 5)
    assert prepare(model_of(), FLOAT32).sizes((100, 200), options) == (152, 2)
