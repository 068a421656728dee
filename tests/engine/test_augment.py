import numpy as np
import pytest
import torch
from torch import Tensor

from napari_touchup.core.weights import weight_map
from napari_touchup.engine import augment as module
from napari_touchup.engine.augment import Draws, Layers, augment, blurred, border, window
from napari_touchup.engine.samples import Sample, SampleSet
from napari_touchup.options import AugmentOptions, WeightOptions

NONE = AugmentOptions.none()


def only(**changes: object) -> AugmentOptions:
    return AugmentOptions(**(NONE.model_dump() | changes))


def draws(seed: int = 0) -> Draws:
    return Draws(torch.Generator().manual_seed(seed))


def scene(size: int = 64, count: int = 1) -> Layers:
    """Two touching squares off the centre; the image is bright where there is an object."""
    truth = torch.zeros((count, size, size), dtype=torch.int32)
    truth[:, 16:32, 16:32], truth[:, 16:32, 32:48] = 1, 2
    image = (truth > 0).float()[:, None]
    annotated = torch.ones_like(truth, dtype=torch.bool)
    return Layers(image, truth, annotated, 1 + truth.float(), image[:, 0] / 2)


@pytest.mark.parametrize(
    ("truth", "expected"),
    [
        ([[1, 1], [1, 1]], [[0, 0], [0, 0]]),
        ([[1, 1], [1, 2]], [[1, 1], [1, 1]]),
        ([[1, 0, 0]], [[0, 0, 0]]),
        ([[1, 0, 2]], [[0, 1, 0]]),  # background between two objects
        ([[1, 1, 2, 2, 2]], [[0, 1, 1, 0, 0]]),
        ([[1, 0, 0, 2]], [[0, 0, 0, 0]]),
    ],
)
def test_border_literals(truth: list[list[int]], expected: list[list[int]]) -> None:
    assert border(torch.tensor([truth])).int().tolist() == [expected]


def test_no_options_change_nothing() -> None:
    layers = scene()
    image, targets = augment(layers, 64, NONE, draws())
    assert torch.equal(image, layers.image)
    assert torch.equal(targets.mask, layers.image[:, 0])
    assert torch.equal(targets.weights, layers.weights)
    assert torch.equal(targets.distance, layers.distance)


def test_without_augmentation_the_weight_is_what_core_gives() -> None:
    truth = np.zeros((48, 48), int)
    truth[8:20, 8:20], truth[8:20, 22:34] = 1, 2
    marks = np.ones((48, 48), bool)
    marks[30:] = False
    options = WeightOptions(foreground=2.5, background=0.5)
    samples = SampleSet([Sample(truth[None], truth, marks)], options, balance=False)
    crops = samples.crop(0, 0, 0, 48)
    layers = Layers(*(torch.from_numpy(a) for a in vars(crops).values()))
    _, targets = augment(layers, 48, NONE, draws())
    assert np.array_equal(targets.weights[0].numpy(), weight_map(truth, marks, options))


def test_all_zero_resampling_is_the_identity_too(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = scene()
    monkeypatch.setattr(module, "_moves", lambda options: True)
    image, targets = augment(layers, 64, NONE, draws())
    torch.testing.assert_close(image, layers.image, atol=1e-4, rtol=0)
    torch.testing.assert_close(targets.weights, layers.weights, atol=1e-4, rtol=0)
    assert torch.equal(targets.mask, layers.image[:, 0])


@pytest.mark.parametrize(
    ("options", "ratio"),
    [
        (only(zoom=(2, 2)), 4.0),
        (only(zoom=(0.5, 0.5)), 0.25),
        (only(rotate=180), 1.0),
        (only(flip=True), 1.0),
    ],
)
def test_area_follows_the_zoom_alone(options: AugmentOptions, ratio: float) -> None:
    edge = window(64, options)
    layers = scene(size=edge)
    centred = torch.zeros_like(layers.truth)
    middle = slice(edge // 2 - 8, edge // 2 + 8)
    centred[:, middle, middle] = 3
    layers = Layers(layers.image, centred, layers.annotated, layers.weights, layers.distance)
    _, targets = augment(layers, 64, options, draws())
    assert targets.mask.sum().item() == pytest.approx(256 * ratio, rel=0.05)


@pytest.mark.parametrize(
    "options", [AugmentOptions(), only(rotate=90), only(elastic=10), only(zoom=(0.6, 1.6))]
)
def test_image_truth_and_maps_move_together(options: AugmentOptions) -> None:
    geometry = AugmentOptions(**(NONE.model_dump() | options.model_dump(
        include={"rotate", "flip", "zoom", "elastic"}
    )))  # fmt: skip
    image, targets = augment(scene(128, 4), 96, geometry, draws(3))
    assert image.shape == (4, 1, 96, 96)
    assert targets.mask.shape == targets.weights.shape == (4, 96, 96)
    disagree = ((image[:, 0] > 0.5) != (targets.mask > 0)).float().mean()
    assert disagree < 0.002  # ties at rims
    inner = targets.distance > 0.499
    assert torch.all(targets.mask[inner] == 1)
    assert not torch.equal(targets.mask[0], targets.mask[1])


def test_what_is_not_annotated_has_no_weight_wherever_it_moves() -> None:
    layers = scene(128, 4)
    layers.annotated[:, :, :50] = False
    layers.weights[:, :, :50] = 0
    _, targets = augment(layers, 64, AugmentOptions(), draws())
    assert torch.all(targets.weights[~targets.annotated] == 0)
    assert 0 < targets.annotated.float().mean() < 1


def test_displacements_have_the_papers_size() -> None:
    options = only(elastic=10)
    grid = module.sampling_grid(torch.Size((200, 1, 65, 65)), 65, options, draws())
    still = module.sampling_grid(torch.Size((200, 1, 65, 65)), 65, NONE, draws())
    moved = (grid - still) * 32  # pixels
    corners = moved[:, ::32, ::32]  # where the coarse displacements lie
    assert corners.std().item() == pytest.approx(10, rel=0.05)
    assert moved.diff(dim=1).abs().max() < 4  # smooth


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (only(invert=1), 0.75),
        (only(gamma=1e-9), 0.25),
        (only(contrast=1e-9), 0.25),
        (only(brightness=1e-9), 0.25),
        (only(blur=1.5), 0.25),  # a flat image stays flat
    ],
)
def test_intensities_of_a_flat_image(options: AugmentOptions, expected: float) -> None:
    image = module.vary_intensity(torch.full((2, 2, 16, 16), 0.25), options, draws())
    torch.testing.assert_close(image, torch.full_like(image, expected))


def test_noise_has_at_most_its_sigma_and_spares_half() -> None:
    image = module.vary_intensity(torch.zeros((400, 1, 16, 16)), only(noise=0.1), draws())
    spread = image.std(dim=(1, 2, 3))
    assert 0.35 < (spread == 0).float().mean() < 0.65
    assert 0.08 < spread.max() < 0.12


def test_blur_of_a_point_by_hand() -> None:
    image = torch.zeros((2, 1, 9, 9))
    image[:, 0, 4, 4] = 1
    result = blurred(image, torch.tensor([0.0, 1.0]), 3)
    assert torch.equal(result[0], image[0])
    assert result[1].sum().item() == pytest.approx(1)
    neighbour: Tensor = result[1, 0, 4, 5] / result[1, 0, 4, 4]
    assert neighbour.item() == pytest.approx(np.exp(-0.5))


def test_a_share_of_the_draws_is_that_of_the_whole_batch() -> None:
    whole = draws()
    share = Draws(torch.Generator().manual_seed(0), whole=5, first=2)
    assert torch.equal(share.normal(2, 3), whole.normal(5, 3)[2:4])
    assert torch.equal(share.uniform(6, 2), whole.uniform(6, 5)[:, 2:4])


def test_the_same_seed_gives_the_same() -> None:
    first, again, other = (
        augment(scene(128), 64, AugmentOptions(), draws(seed))[0] for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (NONE, 100),
        (only(flip=True), 100),
        (only(rotate=90), 142),
        (only(zoom=(0.5, 2)), 200),
        (only(rotate=180, zoom=(0.5, 2)), 200),  # mirrored beyond it
        (only(elastic=10), 120),
    ],
)
def test_window_literals(options: AugmentOptions, expected: int) -> None:
    assert window(100, options) == expected
