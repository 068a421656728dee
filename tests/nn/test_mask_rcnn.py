from collections.abc import Callable
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from napari_touchup.core.synth import make
from napari_touchup.engine.folding import fold
from napari_touchup.nn.boxes import overlap
from napari_touchup.nn.build import build, spec_of
from napari_touchup.nn.checkpoint import load, save
from napari_touchup.nn.cost import flop_per_pixel, parameters
from napari_touchup.nn.detection_targets import truth_of
from napari_touchup.nn.detections import Detections
from napari_touchup.nn.header import Header
from napari_touchup.nn.mask_rcnn import MaskRCNN
from napari_touchup.options import ModelSpec

STEPS, RATE = 80, 4e-3  # 7 s
PARTS = ["objectness", "proposal", "class", "box", "mask"]


def spec(base: int = 2, encoder: str = "resnet18", **given: Any) -> ModelSpec:
    return spec_of("mask-rcnn", base=base, encoder=encoder, **given)


def network_of(wanted: ModelSpec) -> MaskRCNN:
    torch.manual_seed(0)
    network = build(wanted).eval()
    assert isinstance(network, MaskRCNN)
    return network


def nuclei(edge: int = 128) -> tuple[Tensor, Tensor]:
    """Image (1, 1, Y, X), about 0 to 1, and labels (1, Y, X)."""
    knobs = {"diameter": 18.0, "noise": 0.02, "clustering": 0.2, "density": 0.35}
    made = make("nuclei", (edge, edge), np.random.default_rng(3), **knobs)  # 30 objects
    image = torch.from_numpy(made.image.astype(np.float32))[None, None]
    low, high = image.quantile(0.01), image.quantile(0.998)
    return (image - low) / (high - low), torch.from_numpy(made.truth)[None]


class Anchors(nn.Module):
    """What a network says of anchors, at each pixel: so its halo can be found as a U-Net's."""

    def __init__(self, network: MaskRCNN) -> None:
        super().__init__()
        self.network = network
        self.stride, self.halo, self.input_size = network.stride, network.halo, network.input_size

    def forward(self, x: Tensor) -> Tensor:
        shape = x.shape[2:]
        features, _ = self.network.everywhere(x)
        heads = [self.network.rpn.conv(level) for level in features]
        return torch.cat([nn.functional.interpolate(h, shape) for h in heads], 1)


@pytest.fixture(scope="module")
def taught() -> MaskRCNN:
    """A network that has learned one image."""
    network = network_of(spec(base=16)).train()
    image, objects = nuclei()
    everywhere = torch.ones_like(objects, dtype=torch.bool)
    optimizer = torch.optim.AdamW(network.parameters(), RATE)
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = RATE * min(1, 3 * (1 - step / STEPS))
        losses = network(image, objects, everywhere)
        assert isinstance(losses, dict)
        optimizer.zero_grad()
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
    return network.eval()


def found(network: nn.Module, image: Tensor) -> Detections:
    with torch.inference_mode():
        detections = network(image)
    assert len(detections) == 1
    assert isinstance(detections[0], Detections)
    return detections[0]


def sure(detections: Detections, least: float = 0.5) -> Tensor:
    return detections.boxes[detections.scores >= least]


@pytest.mark.parametrize(
    ("wanted", "millions"),
    # resnet18 of 1 channel without its classifier; pyramid; RPN; box head; mask head
    [(spec(base=64), 11.17 + 2.61 + 0.594 + 13.90 + 2.63)],
)
def test_number_of_parameters(wanted: ModelSpec, millions: float) -> None:
    assert parameters(network_of(wanted)) / 1e6 == pytest.approx(millions, abs=0.02)


# by hand: indices 0 ... 31 need at stride 4 0 ... 7, at 32 0 ... 0. The RPN and the pyramid add a
# cell each side, at every stride, and coarser cells that lie under the finer: -2 ... 9, -2 ... 5,
# -2 ... 3, -2 ... 2; the encoder adds 217 before and 186 after (resnet18)
@pytest.mark.parametrize(
    ("wanted", "halo"),
    [(spec(base=1), (281, 250)), (spec(base=1, encoder="resnet50"), (277, 246))],
)
def test_halo_holds_for_a_nan_at_every_phase_and_is_tight(
    wanted: ModelSpec, halo: tuple[int, int], halo_of: Callable[[Any], tuple[int, int]]
) -> None:
    network = network_of(wanted)
    assert halo_of(Anchors(network)) == halo == network.halo
    assert network.mirror == (96, 96)
    assert network.stride == 32


@pytest.mark.parametrize("encoder", ["resnet18", "resnet50", "xception"])
def test_every_parameter_learns_from_a_single_image(encoder: str) -> None:
    network = network_of(spec(base=4, encoder=encoder)).train()
    image, objects = nuclei(64)
    losses = network(image, objects, torch.ones_like(objects))
    assert isinstance(losses, dict)
    assert list(losses) == PARTS
    assert all(loss.shape == () and loss > 0 for loss in losses.values())
    torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
    idle = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == []


@pytest.mark.parametrize("annotated", [0.0, 1.0])
def test_an_image_without_objects_or_annotation_can_be_learned(annotated: float) -> None:
    network = network_of(spec()).train()
    losses = network(
        torch.rand(1, 1, 64, 64), torch.zeros(1, 64, 64).int(), torch.full((1, 64, 64), annotated)
    )
    assert isinstance(losses, dict)
    assert [losses[name].item() > 0 for name in PARTS] == [bool(annotated), False] * 2 + [False]
    torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]


def test_what_is_not_annotated_changes_no_loss() -> None:
    image, objects = nuclei(64)
    annotated = torch.ones_like(objects)
    annotated[:, 32:] = 0
    inside = torch.isin(objects, objects[:, 32:].unique())
    others = objects.where(~inside | (objects == 0), 0)  # without those that lie below
    given = []
    for truth in (others, others.where(annotated > 0, others + 90)):
        network = network_of(spec()).train()
        torch.manual_seed(0)
        losses = network(image, truth, annotated)
        assert isinstance(losses, dict)
        given.append(torch.stack(list(losses.values())))
    torch.testing.assert_close(given[0][:2], given[1][:2])


def test_losses_that_are_no_numbers_are_returned() -> None:
    network = network_of(spec()).train()
    image, objects = nuclei(64)
    losses = network(image * nan, objects, torch.ones_like(objects))
    assert isinstance(losses, dict)
    assert losses["class"].isnan()


def test_while_it_learns_it_wants_truth() -> None:
    with pytest.raises(ValueError, match=r"^expected objects and annotated while .* learns"):
        network_of(spec()).train()(torch.zeros(1, 1, 64, 64))


def test_size_off_the_grid_is_named_with_its_neighbours() -> None:
    with pytest.raises(ValueError, match="got 48; nearest: 32, 64"):
        network_of(spec())(torch.zeros(1, 1, 48, 64))


def test_one_image_is_learned(taught: MaskRCNN) -> None:
    image, objects = nuclei()
    truth = truth_of(objects[0], torch.ones_like(objects[0]))
    given = found(taught, image)
    assert given.scores.diff().le(0).all()
    assert given.scores[-1] >= 0.05
    boxes = sure(given)
    overlaps = overlap(truth.boxes[:, None], boxes[None])  # (G, N)
    hits = (overlaps.amax(1) > 0.5).sum().item()
    # AP50 as the plugin counts it: right over right, missed and wrong
    assert hits / (len(boxes) + len(truth.boxes) - hits) > 0.7


def test_masks_are_those_of_the_objects(taught: MaskRCNN) -> None:
    image, objects = nuclei()
    given = found(taught, image)
    ious = []
    for box, mask in zip(sure(given).round().int().tolist(), given.masks, strict=False):
        y0, x0, y1, x1 = box
        whole = nn.functional.interpolate(mask[None, None], (y1 - y0, x1 - x0), mode="bilinear")
        inside = objects[0, y0:y1, x0:x1]
        values, counts = inside[inside > 0].unique(return_counts=True)
        own = objects[0] == values[counts.argmax()]
        drawn = torch.zeros_like(own)
        drawn[y0:y1, x0:x1] = whole[0, 0] >= 0.5
        ious.append(((own & drawn).sum() / (own | drawn).sum()).item())
    assert np.median(ious) > 0.7


def test_detections_of_a_batch_are_those_of_its_images(taught: MaskRCNN) -> None:
    image, _ = nuclei()
    other = image.flip(3)
    with torch.inference_mode():
        both = taught(torch.cat([image, other]))
    for own, x in zip(both, (image, other), strict=True):
        assert isinstance(own, Detections)
        alone = found(taught, x)
        torch.testing.assert_close(own.boxes, alone.boxes, atol=1e-3, rtol=1e-3)
        torch.testing.assert_close(own.masks, alone.masks, atol=1e-3, rtol=1e-3)


def test_a_place_is_detected_by_its_surroundings(taught: MaskRCNN) -> None:
    """What a window that has the halo and more shows is what the whole image shows there."""
    torch.manual_seed(0)
    image = nuclei(96)[0].repeat(1, 1, 1, 12) * (1 + 0.2 * torch.rand(1, 1, 96, 1152))
    before, after = 320, 352  # the halo, and half of an object
    whole = found(taught, image)
    start, stop = 384, 384 + 96
    part = found(taught, image[..., start - before : stop + after])

    def there(given: Detections, shift: float) -> Tensor:
        boxes = given.boxes + torch.tensor([0, shift, 0, shift])
        centre = (boxes[:, 1] + boxes[:, 3]) / 2
        kept = (centre >= start) & (centre < stop)
        return torch.cat([boxes[kept], given.scores[kept, None], given.masks[kept].flatten(1)], 1)

    expected, own = there(whole, 0), there(part, start - before)
    assert len(expected) > 5
    torch.testing.assert_close(own, expected, atol=2e-3, rtol=1e-3)


def test_batch_norms_fold(taught: MaskRCNN) -> None:
    folded = fold(taught)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in folded.modules())
    image, _ = nuclei()
    given, expected = found(folded, image), found(taught, image)
    torch.testing.assert_close(sure(given), sure(expected), atol=1e-2, rtol=1e-3)


def test_channels_last_changes_nothing(taught: MaskRCNN) -> None:
    image, _ = nuclei()
    expected = found(taught, image)
    last = fold(taught).to(memory_format=torch.channels_last)
    given = found(last, image.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(sure(given), sure(expected), atol=1e-2, rtol=1e-3)


def test_half_precision_detects_the_same(taught: MaskRCNN) -> None:
    image, _ = nuclei()
    given = found(fold(taught).bfloat16(), image.bfloat16())
    assert given.boxes.dtype == given.scores.dtype == given.masks.dtype == torch.float32
    overlaps = overlap(sure(found(taught, image))[:, None], sure(given)[None])
    assert (overlaps.amax(1) > 0.7).float().mean() > 0.9


def test_it_learns_under_autocast() -> None:
    network = network_of(spec()).train()
    image, objects = nuclei(64)
    with torch.autocast("cpu", torch.bfloat16):
        losses = network(image, objects, torch.ones_like(objects))
    assert isinstance(losses, dict)
    assert all(loss.dtype == torch.float32 and loss.isfinite() for loss in losses.values())
    torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]


def test_checkpoint_comes_back_exactly(tmp_path: Path, taught: MaskRCNN) -> None:
    path = tmp_path / "model.safetensors"
    header = Header(name="detector", spec=taught.spec, diameter_px=20)
    save(path, taught, header)
    model = load(path)
    assert model.header == header
    image, _ = nuclei()
    torch.testing.assert_close(found(model.module, image).boxes, found(taught, image).boxes)


def test_nothing_is_found_in_an_empty_image(taught: MaskRCNN) -> None:
    given = found(network_of(spec()), torch.zeros(1, 1, 64, 64))
    assert (given.boxes.shape, given.scores.shape) == ((0, 4), (0,))
    assert given.masks.shape == (0, 28, 28)


def test_operations_are_those_that_are_done_everywhere() -> None:
    # resnet18, whose first convolution sees one channel, and pyramid and RPN
    assert flop_per_pixel(spec(base=64)) / 1e6 == pytest.approx(0.28, abs=0.03)
