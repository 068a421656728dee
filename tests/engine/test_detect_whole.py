"""Tiles detect what one pass over the whole frame detects, with a real network."""

from math import log

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from napari_touchup.core.detected import Detected
from napari_touchup.core.normalize import affine, limits
from napari_touchup.engine.detect import detect
from napari_touchup.engine.passes import Prepared, Source
from napari_touchup.engine.runner import prepare
from napari_touchup.engine.segment import segment
from napari_touchup.nn.build import build
from napari_touchup.nn.checkpoint import Model
from napari_touchup.nn.header import Header
from napari_touchup.nn.mask_rcnn import MaskRCNN
from napari_touchup.nn.rpn import LEAST_OBJECTNESS, propose
from napari_touchup.options import ModelSpec, SegmentOptions

FLOAT32 = SegmentOptions(device="cpu", precision="float32")


def picture(shape: tuple[int, int], seed: int) -> np.ndarray:
    """Noise of two grains, everywhere alike."""
    rng = np.random.default_rng(seed)
    coarse = rng.random((shape[0] // 8 + 1, shape[1] // 8 + 1)).repeat(8, 0).repeat(8, 1)
    fine = rng.random(shape)
    return (coarse[: shape[0], : shape[1]] + 0.3 * fine).astype(np.float32)[None]


def settle(layer: nn.Conv2d | nn.Linear, logits: Tensor, share: float, least: float) -> None:
    """Let a last layer give logits of deviation 2, of which this share is above `least`."""
    scale = 2 / logits.std()
    top = (logits - layer.bias.mean()).quantile(1 - share)
    with torch.no_grad():
        layer.weight.mul_(scale)
        layer.bias.fill_(least - scale * top)


def learn_statistics(net: MaskRCNN, x: Tensor) -> None:
    """Let all batch norms know what they see of an image; without it the border outshines it."""
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0
    net.train()
    features, levels = net.everywhere(x)
    regions = propose(levels, (256, 512), training=True)
    net._classify(features, regions)
    net._masks(features, regions)
    net.eval()


@pytest.fixture(scope="module")
def model(detecting: ModelSpec) -> Model:
    """Fixed random weights that find a few hundred objects, though not those that are there."""
    torch.manual_seed(0)
    spec = detecting.model_copy(update={"base": 8})
    net = build(spec)
    assert isinstance(net, MaskRCNN)
    nn.init.normal_(net.rpn.conv.weight, std=0.05)
    nn.init.normal_(net.box.codes.weight, std=0.02)
    image = picture((256, 512), 0)
    scale, shift = (v[:, None, None] for v in affine(limits(image)))
    x = torch.from_numpy(image * scale + shift).float()[None]
    with torch.no_grad():
        learn_statistics(net, x)
        logits = torch.cat([level.logits.flatten() for level in net.everywhere(x)[1]])
        settle(net.rpn.objectness, logits, 0.03, log(LEAST_OBJECTNESS))
        features, levels = net.everywhere(x)
        scores, _ = net._classify(features, propose(levels, (256, 512), training=False))
        settle(net.box.score, scores.logit(eps=1e-30), 0.5, 0)
        last = net.mask[-1]
        assert isinstance(last, nn.Conv2d)
        settle(last, net(x)[0].masks.logit(eps=1e-30), 0.8, 0)
    return Model(net, Header(name="random", spec=spec, diameter_px=20))


def found(model: Model, frame: np.ndarray, tile: int) -> tuple[Detected, int]:
    """Objects, and the number of tiles."""
    runner, source = prepare(model, FLOAT32), Source(frame, *affine(limits(frame)))
    events, tiles = detect(runner, source, FLOAT32.model_copy(update={"tile": tile})), 0
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            return end.value, tiles
        tiles = event.tiles if isinstance(event, Prepared) else tiles


@pytest.mark.parametrize(("tile", "tiles"), [(1000, 5), (900, 10)])
def test_boxes_scores_and_masks_are_the_same(model: Model, tile: int, tiles: int) -> None:
    frame = picture((64, 1500), 1)
    whole, one = found(model, frame, 10_000)
    parts, several = found(model, frame, tile)
    assert (one, several) == (1, tiles)
    assert len(whole) > 100
    apart = np.abs(whole.boxes[:, None] - parts.boxes[None]).max(2)
    nearest = apart.argmin(1)
    assert apart.min(1).max() < 0.01  # pixels
    assert apart.min(0).max() < 0.01  # those that two tiles give are the same, too
    np.testing.assert_allclose(parts.scores[nearest], whole.scores, atol=1e-4)
    np.testing.assert_allclose(parts.masks[nearest], whole.masks, atol=1e-3)


def test_so_are_masks_and_maps(model: Model) -> None:
    frame = picture((100, 1300), 2)
    *_, whole = segment(model, frame, FLOAT32.model_copy(update={"tile": 10_000}))
    *_, tiled = segment(model, frame, FLOAT32.model_copy(update={"tile": 1000}))
    assert whole.masks.max() > 20
    assert (tiled.masks != whole.masks).mean() < 1e-3  # a pixel within rounding of the threshold
    assert (np.abs(tiled.maps - whole.maps) > 1e-3).mean() < 1e-3


def test_a_dark_frame_without_proposals(model: Model, detecting: ModelSpec) -> None:
    torch.manual_seed(0)
    untaught = Model(build(detecting).eval(), Header(name="new", spec=detecting, diameter_px=20))
    *_, last = segment(untaught, np.zeros((1, 50, 70)), FLOAT32)
    assert last.masks.shape == (50, 70)
    assert not last.masks.any()
