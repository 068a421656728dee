from collections.abc import Sequence
from math import log

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from napari_touchup.nn.loss import (
    Losses,
    Targets,
    loss_for,
    maps_loss,
    mean_loss,
    normalisers,
    shown,
    softmax_loss,
)

LN3 = log(3)  # logit of 3 / 4
HALF, QUARTER = 0.693147, 0.287682  # -log(1 / 2), -log(3 / 4)
ONE = [[1.0, 0.0], [0.0, 0.0]]
ALL = [[True, True], [True, True]]


def targets(
    mask: Sequence[Sequence[float]] = ONE,
    border: Sequence[Sequence[float]] = ONE,
    weights: Sequence[Sequence[float]] = ((1, 1), (1, 1)),
    annotated: Sequence[Sequence[bool]] = ALL,
) -> Targets:
    planes = (torch.tensor([plane]) for plane in (mask, border, mask, weights, annotated))
    mask_, border_, distance, weights_, annotated_ = planes
    return Targets(mask_, border_, distance, weights_.float(), annotated_, mask_.int())


def numbers(losses: Losses) -> dict[str, float]:
    return {"total": losses.total.item(), **{n: part.item() for n, part in losses.parts.items()}}


def logits(*planes: Sequence[Sequence[float]]) -> Tensor:
    return torch.tensor([planes]).float().requires_grad_()


def random_targets(count: int, seed: int = 0, share: float = 0.5) -> tuple[Tensor, Targets]:
    rng = torch.Generator().manual_seed(seed)
    plane = (count, 12, 16)
    annotated = torch.rand((count, 3, 4), generator=rng).lt(share)
    annotated = annotated.repeat_interleave(4, 1).repeat_interleave(4, 2)
    raw = torch.randn((count, 3, 12, 16), generator=rng, requires_grad=True)
    mask, border = (torch.rand(plane, generator=rng).gt(0.5).float() for _ in range(2))
    distance, weights = (torch.rand(plane, generator=rng) for _ in range(2))
    weights = (1 + weights) * annotated
    return raw, Targets(mask, border, distance * mask, weights, annotated, mask.int())


@pytest.mark.parametrize(
    ("raw", "wanted", "expected"),
    [
        pytest.param(
            logits([[LN3, 0], [0, 0]], [[0, 0], [0, 0]], [[0, 0], [0, 0]]),
            targets(weights=[[2, 1], [1, 0]], annotated=[[True, True], [True, False]]),
            {
                "mask": (2 * QUARTER + 1 * HALF + 1 * HALF) / 4,
                "dice": 1 - (2 * 0.75 + 1) / (0.75 + 0.5 + 0.5 + 1 + 1),
                "border": 0,  # all is within 2 px of the pixel that is not annotated
                "distance": (3 * 0.5 + 0.5 + 0.5) / 5,
            },
            id="partly annotated",
        ),
        pytest.param(
            logits([[0, 0], [0, 0]], [[LN3, 0], [0, 0]], [[LN3, 0], [0, LN3]]),
            targets(),
            {
                "mask": HALF,
                "dice": 1 - (2 * 0.5 + 1) / (4 * 0.5 + 1 + 1),
                "border": (10 * QUARTER + 3 * HALF) / 13,
                "distance": (3 * 0.25 + 0.5 + 0.5 + 0.75) / 6,
            },
            id="all annotated",
        ),
        pytest.param(
            logits([[0, 0], [0, 0]], [[0, 0], [0, 0]], [[0, 0], [0, 0]]),
            targets(mask=[[0, 0], [0, 0.0]], border=[[0, 0], [0, 0.0]]),
            {"mask": HALF, "dice": 1 - 1 / (4 * 0.5 + 1), "border": HALF, "distance": 0.5},
            id="no object",
        ),
        pytest.param(
            logits([[30, -30], [-30, -30]], [[30, -30], [-30, -30]], [[30, -30], [-30, -30]]),
            targets(),
            {"mask": 0, "dice": 0, "border": 0, "distance": 0},
            id="perfect",
        ),
        pytest.param(
            logits([[9, 9], [9, 9]], [[9, 9], [9, 9]], [[9, 9], [9, 9]]),
            targets(weights=[[0, 0], [0, 0]], annotated=[[False, False], [False, False]]),
            {"mask": 0, "dice": 0, "border": 0, "distance": 0},
            id="nothing annotated",
        ),
    ],
)
def test_two_by_two_by_hand(raw: Tensor, wanted: Targets, expected: dict[str, float]) -> None:
    mask, dice, border, distance = expected.values()
    total = mask + 0.5 * dice + border + distance
    parts = numbers(maps_loss(raw, wanted))
    assert parts == pytest.approx({"total": total, **expected}, abs=1e-5)


def test_several_outputs_have_the_mean_of_their_losses() -> None:
    wanted = targets()
    right = logits([[30, -30], [-30, -30]], [[30, -30], [-30, -30]], [[30, -30], [-30, -30]])
    unsure = torch.zeros_like(right)
    one = mean_loss(maps_loss, unsure, wanted)
    assert one == maps_loss(unsure, wanted)
    both = mean_loss(maps_loss, (unsure, right), wanted)
    assert both.parts["mask"].item() == pytest.approx(one.parts["mask"].item() / 2)
    assert both.total.item() == pytest.approx(one.total.item() / 2, abs=1e-5)


def test_an_image_can_count_half() -> None:
    zeros = torch.zeros(2, 2, 2)
    counts = torch.tensor([1.0, 0.5])[:, None, None].expand(2, 2, 2)
    raw = torch.zeros(2, 3, 2, 2)
    raw[1, 0] = -LN3
    wanted = Targets(zeros, zeros, zeros, zeros + 1, counts, zeros.int())
    parts = numbers(maps_loss(raw, wanted))
    assert parts["mask"] == pytest.approx((4 * HALF + 2 * QUARTER) / 6, abs=1e-5)
    assert parts["dice"] == pytest.approx((2 / 3 + 1 / 2) / 2)  # that of each image is its own
    assert parts["border"] == pytest.approx(HALF, abs=1e-5)
    assert parts["distance"] == pytest.approx(0.5)


def test_weight_of_the_mask_term_is_the_weight_map() -> None:
    weights = [[7.0, 0.5], [11.0, 1.5]]
    raw = logits([[0, 0], [0, 0]], [[0, 0], [0, 0]], [[0, 0], [0, 0]])
    maps_loss(raw, targets(weights=weights)).parts["mask"].backward()
    assert raw.grad is not None
    # d BCE / d logit at 0 is -1/2 or +1/2
    torch.testing.assert_close(raw.grad[0, 0].abs() * 2 * 20, torch.tensor(weights))


@pytest.mark.parametrize("output", ["maps", "softmax"])
@pytest.mark.parametrize("seed", range(3))
def test_pixels_that_are_not_annotated_have_exactly_no_gradient(output: str, seed: int) -> None:
    raw, wanted = random_targets(2, seed)
    loss_for(output)(raw, wanted).total.backward()
    assert raw.grad is not None
    known = wanted.annotated[:, None].expand_as(raw)
    assert known.any()
    assert raw.grad[~known].eq(0).all()
    assert raw.grad[:, 0][wanted.annotated].ne(0).all()


def test_what_is_not_annotated_may_be_anything() -> None:
    raw, wanted = random_targets(2)
    unknown = ~wanted.annotated
    other = Targets(
        torch.where(unknown, 1 - wanted.mask, wanted.mask),
        torch.where(unknown, 1 - wanted.border, wanted.border),
        torch.where(unknown, 0.7, wanted.distance),
        torch.where(unknown, 5.0, wanted.weights),
        wanted.annotated,
        wanted.objects,
    )
    elsewhere = torch.where(unknown[:, None], -raw, raw)
    assert numbers(maps_loss(raw, wanted)) == numbers(maps_loss(elsewhere, other))


def test_border_counts_from_three_pixels_off_what_is_not_annotated() -> None:
    raw, wanted = random_targets(1, share=1.0)
    wanted.annotated[0, 5, 6] = False
    maps_loss(raw, wanted).parts["border"].backward()
    assert raw.grad is not None
    ignored = raw.grad[0, 1].eq(0).nonzero()
    assert len(ignored) == 25
    assert ignored.amin(0).tolist() == [3, 4]
    assert ignored.amax(0).tolist() == [7, 8]


@pytest.mark.parametrize("output", ["maps", "softmax"])
def test_nothing_annotated_is_no_loss_and_no_nan(output: str) -> None:
    raw, wanted = random_targets(2, share=0.0)
    losses = loss_for(output)(raw, wanted)
    losses.total.backward()
    assert set(numbers(losses).values()) == {0}
    assert raw.grad is not None
    assert raw.grad.eq(0).all()


@pytest.mark.parametrize("output", ["maps", "softmax"])
def test_processes_together_take_the_step_of_one(output: str) -> None:
    raw, wanted = random_targets(4, seed=3)
    whole = loss_for(output)(raw, wanted)
    whole.total.backward()
    assert raw.grad is not None
    expected, raw.grad = raw.grad, None

    shares = [Targets(*(plane[part] for plane in vars(wanted).values())) for part in
              (slice(0, 1), slice(1, 4))]  # fmt: skip
    mean = torch.stack([normalisers(share) for share in shares]).mean(0)
    loss = loss_for(output, mean)
    total = (loss(raw[:1], shares[0]).total + loss(raw[1:], shares[1]).total) / 2
    total.backward()
    torch.testing.assert_close(total, whole.total)
    torch.testing.assert_close(raw.grad, expected)


def test_large_logits_stay_finite() -> None:
    raw, wanted = random_targets(1)
    raw = (raw.detach() * 1e4).requires_grad_()
    losses = maps_loss(raw, wanted)
    losses.total.backward()
    assert losses.total.isfinite()
    assert raw.grad is not None
    assert raw.grad.isfinite().all()


def test_energy_by_hand() -> None:
    raw = torch.tensor([0.0, LN3])[None, :, None, None].expand(1, 2, 2, 2)  # p of class 1: 3 / 4
    labels = torch.tensor([[[1, 0], [1, 255]]])  # 255 is no class, but its weight is 0
    weights = torch.tensor([[[2.0, 1.0], [0.0, 0.0]]])
    energy = softmax_loss(raw, labels, weights)
    assert energy.item() == pytest.approx((2 * QUARTER + 1 * 1.386294) / 3, abs=1e-5)


def test_energy_of_equal_weights_is_cross_entropy() -> None:
    rng = torch.Generator().manual_seed(0)
    raw = torch.randn((2, 5, 6, 7), generator=rng)
    labels = torch.randint(0, 5, (2, 6, 7), generator=rng)
    energy = softmax_loss(raw, labels, torch.full((2, 6, 7), 3.0))
    torch.testing.assert_close(energy, F.cross_entropy(raw, labels))


def test_softmax_takes_class_indices_from_the_mask() -> None:
    raw, wanted = random_targets(2)
    losses = loss_for("softmax")(raw, wanted)
    expected = softmax_loss(raw, wanted.mask.long(), wanted.weights).item()
    assert numbers(losses) == {"total": expected, "mask": expected}


def test_a_network_that_detects_objects_brings_its_losses() -> None:
    own = {"class": torch.tensor(0.5), "box": torch.tensor(0.25)}
    losses = mean_loss(loss_for("instances", normalisers(targets())), own, targets())
    assert numbers(losses) == {"total": 0.75, "class": 0.5, "box": 0.25}


@pytest.mark.parametrize("output", ["maps", "softmax"])
def test_maps_are_learned_from_the_image_alone(output: str) -> None:
    assert shown(output, targets()) == ()


def test_networks_that_find_objects_are_shown_them_each_in_one_piece() -> None:
    plane = torch.tensor([[[4, 4, 0, 4, 9]], [[4, 9, 9, 0, 0]]], dtype=torch.int32)
    wanted = Targets(plane, plane, plane, plane, plane > 3, plane)
    objects, annotated = shown("instances", wanted)
    assert objects.tolist() == [[[1, 1, 0, 2, 3]], [[1, 2, 2, 0, 0]]]
    assert objects.dtype == torch.int32
    assert annotated is wanted.annotated


def test_output_without_a_loss_is_named() -> None:
    with pytest.raises(ValueError, match=r"\['instances', 'maps', 'softmax'\], got 'boxes'"):
        loss_for("boxes")
