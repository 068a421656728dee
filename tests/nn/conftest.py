"""What every architecture must do, as functions that its tests call.

The engine is imported where it is used: most tests here are of networks alone.
"""

from collections.abc import Callable
from math import nan
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from napari_touchup.core.normalize import affine, limits
from napari_touchup.core.synth import make
from napari_touchup.core.tiling import whole
from napari_touchup.nn.build import build
from napari_touchup.nn.checkpoint import Model
from napari_touchup.nn.header import Header
from napari_touchup.options import AugmentOptions, ModelSpec, SegmentOptions, TrainOptions


def model_of(module: nn.Module, spec: ModelSpec) -> Model:
    return Model(module, Header(name="test", spec=spec, diameter_px=20))


def maps_of(model: Model, frame: NDArray[Any], tile: int | None = None) -> NDArray[np.float32]:
    """Maps (K, Y, X) of a frame (C, Y, X), after the activation."""
    from napari_touchup.engine.segment import predict_maps

    options = SegmentOptions(device="cpu", precision="float32", tile=tile, batch=2)
    run = predict_maps(model, frame, options)
    while True:
        try:
            next(run)
        except StopIteration as end:
            return np.asarray(end.value)


@pytest.fixture
def random_network() -> Callable[[ModelSpec], Any]:
    """Makes a network in eval mode, whose batch norms are not those that change nothing."""

    def make_network(spec: ModelSpec) -> nn.Module:
        torch.manual_seed(0)
        network = build(spec).eval()
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d):
                for values in (layer.weight, layer.bias, layer.running_mean, layer.running_var):
                    nn.init.uniform_(values, 0.5, 1.5)
        return network

    return make_network


@pytest.fixture
def halo_of() -> Callable[[Any], tuple[int, int]]:
    """Finds the halo of a padded network by a NaN at every phase; one column of it at a time."""

    def find(network: Any) -> tuple[int, int]:
        stride = network.stride
        edge = network.input_size(2 * max(network.halo) + 4 * stride)
        planted = torch.arange(edge // 2, edge // 2 + stride)  # (S,) rows
        frames = torch.zeros(stride, 1, edge, network.input_size(1))  # (S, 1, Y, X)
        frames[torch.arange(stride), 0, planted, 0] = nan
        with torch.inference_mode():
            hit = network(frames).isnan().any(dim=3).any(dim=1)  # (S, Y)
        phase, row = hit.nonzero(as_tuple=True)
        block = row // stride * stride  # first row of the S-aligned block
        before = (block - planted[phase]).max().item()
        after = (planted[phase] - (block + stride - 1)).max().item()
        return int(before), int(after)

    return find


@pytest.fixture
def tiled_and_whole() -> Callable[..., tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Runs a network over a frame in tiles, and bare over all of the mirrored frame."""

    def run(
        network: Any, spec: ModelSpec, shape: tuple[int, int], tile: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        rng = np.random.default_rng(0)
        frame = rng.integers(0, 60_000, (spec.in_channels, *shape)).astype(np.uint16)
        plan = whole(shape, network)
        border = [(0, 0), *zip(plan.before, plan.after, strict=True)]
        scale, shift = (v[:, None, None] for v in affine(limits(frame)))
        x = torch.from_numpy(np.pad(frame * scale + shift, border, mode="reflect")).float()
        with torch.no_grad():
            maps = network(x[None])[0].sigmoid().numpy()
        (top, left), (y, x0) = plan.before, shape
        expected = maps[:, top : top + y, left : left + x0]
        return maps_of(model_of(network, spec), frame, tile), expected

    return run


@pytest.fixture
def overfit() -> Callable[..., float]:
    """Teaches a network one synthetic image of nuclei, and gives the IoU of their masks."""
    from napari_touchup.engine.events import Fitted
    from napari_touchup.engine.samples import Sample, SampleSet
    from napari_touchup.engine.train import fit

    def learn(spec: ModelSpec, steps: int, edge: int = 64, rate: float = 2e-2) -> float:
        made = make("nuclei", (edge, edge), np.random.default_rng(3), diameter=16.0)
        image, truth = made.image[None], made.truth
        torch.manual_seed(0)
        model = model_of(build(spec), spec)
        options = TrainOptions(
            steps=steps, batch=2, crop=edge, rate=rate, ema=0, precision="float32", device="cpu",
            augment=AugmentOptions.none(),
        )  # fmt: skip
        *_, last = fit(model, SampleSet([Sample(image, truth)]), options)
        assert isinstance(last, Fitted)
        weights = {name: torch.from_numpy(values) for name, values in last.weights.items()}
        model.module.load_state_dict(weights)
        scale, shift = (v[:, None, None] for v in affine(limits(image)))
        x = torch.from_numpy(image * scale + shift).float()[None]  # not mirrored: as it was learned
        with torch.no_grad():
            found, there = model.module.eval()(x)[0, 0].numpy() > 0, truth > 0
        return float((found & there).sum() / (found | there).sum())

    return learn
