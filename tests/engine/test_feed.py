from typing import Any

import numpy as np
import pytest
import torch

from napari_touchup.engine.distributed import Team
from napari_touchup.engine.feed import Feed, centred, weigh_old
from napari_touchup.engine.samples import Sample, SampleSet
from napari_touchup.nn.build import build
from napari_touchup.nn.loss import Targets
from napari_touchup.options import AugmentOptions, ModelSpec, TrainOptions

SPEC = ModelSpec(base=2, depth=1)
PLAIN = TrainOptions(batch=8, crop=16, augment=AugmentOptions.none())


def flat(label: int, channels: int = 1, **kind: bool) -> SampleSet:
    """One image of a single object, so that a crop tells where it is from."""
    return SampleSet(
        [Sample(np.zeros((channels, 40, 40)), np.full((40, 40), label), chance=1)], **kind
    )


def feed(options: TrainOptions, *replay: SampleSet, spec: ModelSpec = SPEC) -> Feed:
    return Feed(flat(1), replay, options, build(spec), spec)


def old_crops(batches: Feed, step: int) -> int:
    return int(np.count_nonzero(~batches.draw(step, 8).truth.any(axis=(1, 2))))


@pytest.mark.parametrize(("share", "expected"), [(0, 0), (0.25, 2), (0.5, 4), (1, 8)])
def test_the_replay_share_of_every_batch(share: float, expected: int) -> None:
    batches = feed(PLAIN.model_copy(update={"replay": share}), flat(0))
    assert [old_crops(batches, step) for step in range(5)] == [expected] * 5


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (0.5, 0.0, [4, 3, 2, 1, 0]),
        (0.0, 1.0, [0, 2, 4, 6, 8]),
        (0.25, 0.25, [2, 2, 2, 2, 2]),
        (0.25, None, [2, 2, 2, 2, 2]),
    ],
)
def test_the_share_goes_evenly_to_its_end(
    first: float, last: float | None, expected: list[int]
) -> None:
    options = PLAIN.model_copy(update={"replay": first, "replay_end": last})
    batches = feed(options, flat(0))
    found = [batches.draw(n, 8, progress=n / 4).truth.any(axis=(1, 2)) for n in range(5)]
    assert [int(np.count_nonzero(~new)) for new in found] == expected


def test_a_share_between_two_numbers_holds_on_average() -> None:
    batches = feed(PLAIN.model_copy(update={"replay": 0.3}), flat(0), flat(0))
    counts = [old_crops(batches, step) for step in range(200)]
    assert set(counts) == {2, 3}
    assert np.mean(counts) == pytest.approx(2.4, abs=0.1)


def test_a_batch_depends_on_the_seed_and_its_number_alone() -> None:
    options = TrainOptions(batch=2, crop=16)
    one, other = feed(options), feed(options)
    one.draw(0, 2)
    image, targets = one.vary(one.draw(3, 2), 3, 2, torch.device("cpu"))
    again, _ = other.vary(other.draw(3, 2), 3, 2, torch.device("cpu"))
    later, _ = other.vary(other.draw(4, 2), 4, 2, torch.device("cpu"))
    assert torch.equal(image, again)
    assert not torch.equal(image, later)
    assert image.shape == (2, 1, 16, 16)
    assert targets.mask.shape == (2, 16, 16)


class Deaf(Team):
    """A process that hears of no other."""

    def mean(self, numbers: torch.Tensor) -> torch.Tensor:
        return numbers


def test_processes_make_the_parts_of_one_batch() -> None:
    options = TrainOptions(batch=5, crop=16, replay=0.4)
    rng = np.random.default_rng(0)
    noisy = SampleSet([Sample(rng.random((1, 40, 40)), rng.integers(0, 3, (40, 40)))])

    def image(team: Team) -> torch.Tensor:
        batches = Feed(noisy, (flat(0),), options, build(SPEC), SPEC, team)
        return batches.vary(batches.draw(3, 5), 3, 5, torch.device("cpu"))[0]

    parts = [image(Deaf(rank, 2)) for rank in range(2)]
    assert [len(part) for part in parts] == [2, 3]
    torch.testing.assert_close(torch.cat(parts), image(Team()))


def some_targets(*annotated: list[int]) -> Targets:
    """Images of one row."""
    counts = torch.tensor(annotated, dtype=torch.bool)[:, None]
    plane = torch.ones_like(counts, dtype=torch.float32)
    return Targets(plane, plane, plane, plane, counts, counts.int())


@pytest.mark.parametrize(
    ("annotated", "old", "expected"),
    [
        # 2 pixels in a new crop, 4 in an old one: each of those counts half
        (([1, 1, 0, 0], [1, 1, 1, 1]), [0, 1], [[1, 1, 0, 0], [0.5, 0.5, 0.5, 0.5]]),
        # two old crops with 6 pixels, a new one with 1
        (([0, 0, 0, 1], [1, 1, 1, 1], [1, 1, 0, 0]), [0, 1, 1], [[0, 0, 0, 1], [1 / 3] * 4, None]),
        (([1, 1, 1, 1], [1, 1, 1, 1]), [0, 1], [[1, 1, 1, 1], [1, 1, 1, 1]]),
        (([1, 1, 1, 1], [1, 0, 0, 0]), [0, 1], [[1, 1, 1, 1], [1, 0, 0, 0]]),  # never more
        (([1, 1, 0, 0], [1, 0, 0, 0]), [0, 0], [[1, 1, 0, 0], [1, 0, 0, 0]]),
        (([1, 1, 0, 0], [1, 1, 1, 1]), [1, 1], [[1, 1, 0, 0], [1, 1, 1, 1]]),
    ],
)
def test_old_crops_weigh_no_more_than_new_ones(
    annotated: tuple[list[int], ...], old: list[int], expected: list[list[float] | None]
) -> None:
    targets = weigh_old(some_targets(*annotated), torch.tensor(old, dtype=torch.bool))
    for found, wanted in zip(targets.annotated[:, 0], expected, strict=True):
        if wanted is not None:
            torch.testing.assert_close(found, torch.tensor(wanted, dtype=torch.float32))


def test_every_process_needs_a_crop() -> None:
    with pytest.raises(ValueError, match="a crop for each of 9 processes, got a batch of 8"):
        Feed(flat(1), (), PLAIN, build(SPEC), SPEC, Team(0, 9))


def test_a_batch_says_which_crops_are_old_and_weighs_them() -> None:
    marks = np.zeros((40, 40), bool)
    marks[:20] = True
    half = SampleSet([Sample(np.zeros((1, 40, 40)), np.ones((40, 40), int), marks)])
    options = TrainOptions(batch=4, crop=40, replay=0.5, augment=AugmentOptions.none())
    batches = Feed(half, (flat(2),), options, build(SPEC), SPEC)
    crops = batches.draw(0, 4)
    assert crops.old.tolist() == [False, False, True, True]
    _, targets = batches.vary(crops, 0, 4, torch.device("cpu"))
    assert targets.annotated.sum((1, 2)).tolist() == [800, 800, 800, 800]


def test_valid_networks_get_the_targets_of_their_output() -> None:
    spec = ModelSpec(base=2, depth=1, padding="valid", norm="none")
    module = build(spec)
    batches = Feed(flat(1), (), PLAIN, module, spec)
    image, targets = batches.vary(batches.draw(0, 2), 0, 2, torch.device("cpu"))
    assert module(image).shape[2:] == targets.mask.shape[1:] == targets.annotated.shape[1:]
    assert (targets.mask.shape[-1], image.shape[-1]) == (PLAIN.crop, 32)


def test_centred_literals() -> None:
    plane = torch.arange(16).reshape(1, 4, 4)
    targets = centred(Targets(plane, plane, plane, plane, plane, plane), 2)
    assert targets.weights.tolist() == [[[5, 6], [9, 10]]]


def test_classes_stay_classes() -> None:
    spec = ModelSpec(base=2, depth=1, output="softmax", classes=4)
    batches = Feed(flat(3, semantic=True), (), PLAIN, build(spec), spec)
    _, targets = batches.vary(batches.draw(0, 2), 0, 2, torch.device("cpu"))
    assert targets.mask.unique().tolist() == [3]


def test_instances_of_a_softmax_network_are_one_class() -> None:
    spec = ModelSpec(base=2, depth=1, output="softmax", classes=2)
    batches = Feed(flat(3), (), PLAIN, build(spec), spec)
    _, targets = batches.vary(batches.draw(0, 2), 0, 2, torch.device("cpu"))
    assert targets.mask.unique().tolist() == [1]


@pytest.mark.parametrize(
    ("output", "middle"), [({"output": "softmax", "classes": 2}, [0, 0]), ({}, [1, 1])]
)
def test_touching_instances_are_parted_for_a_network_without_borders(
    output: dict[str, Any], middle: list[int]
) -> None:
    spec = ModelSpec(base=2, depth=1, **output)
    truth = np.ones((16, 16), np.uint16)
    truth[:, 8:] = 2
    batches = Feed(SampleSet([Sample(truth[None] / 2, truth)]), (), PLAIN, build(spec), spec)
    _, targets = batches.vary(batches.draw(0, 1), 0, 1, torch.device("cpu"))
    assert targets.border[0, 0].nonzero().flatten().tolist() == [7, 8]
    assert targets.mask[0, 0].tolist() == [1] * 7 + middle + [1] * 7


SOFTMAX = ModelSpec(output="softmax", classes=3)


@pytest.mark.parametrize(
    ("samples", "replay", "share", "spec", "message"),
    [
        (flat(1, channels=2), (), 0, SPEC, r"images with 1 channel\(s\).*got 2"),
        (flat(1), (flat(1, channels=3),), 0.5, SPEC, r"images with 1 channel\(s\).*got 3"),
        (flat(1), (), 0.5, SPEC, r"expected replay sets for a share of 0.5, got none"),
        (flat(1, semantic=True), (), 0, SPEC, "expected a softmax network for classes"),
        (flat(3, semantic=True), (), 0, SOFTMAX, r"expected classes 0 \.\.\. 2, got 3"),
        (flat(1, semantic=True), (flat(1),), 0.5, SOFTMAX, "either classes or instances"),
    ],
)
def test_what_does_not_fit_is_refused(
    samples: SampleSet, replay: tuple[SampleSet, ...], share: float, spec: ModelSpec, message: str
) -> None:
    options = PLAIN.model_copy(update={"replay": share})
    with pytest.raises(ValueError, match=message):
        Feed(samples, replay, options, build(SPEC), spec)


def test_a_share_that_rises_needs_replay_sets() -> None:
    options = PLAIN.model_copy(update={"replay_end": 0.5})
    with pytest.raises(ValueError, match=r"expected replay sets for a share of 0.5, got none"):
        feed(options)
