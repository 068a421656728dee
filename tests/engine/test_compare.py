from typing import Any

import numpy as np
import pytest

from napari_touchup.core.synth import make
from napari_touchup.engine import compare as module
from napari_touchup.engine.compare import Began, Contestant, Judged, compare
from napari_touchup.engine.evaluate import Scored, evaluate, mean_scores
from napari_touchup.engine.events import DivergedError, Step
from napari_touchup.engine.samples import Sample, SampleSet
from napari_touchup.engine.segment import Notice
from napari_touchup.nn.build import spec_of
from napari_touchup.options import SegmentOptions, TrainOptions

EASY = {"density": 0.12, "diameter": 18, "noise": 0.02, "contrast": 8, "blur": 1, "clustering": 0}
NETWORKS = [
    Contestant("unet", spec_of("unet", base=2, depth=1)),
    Contestant("nested", spec_of("unetpp", base=2, depth=2)),
]
QUICK = TrainOptions(steps=2, batch=2, crop=32, device="cpu", precision="float32")


def scenes(count: int, seed: int) -> list[Sample]:
    made = [
        make("nuclei", (64, 64), np.random.default_rng([seed, i]), **EASY) for i in range(count)
    ]
    return [Sample(scene.image[None], scene.truth) for scene in made]


def events(held_out: list[Sample], **more: Any) -> list[Any]:
    return list(compare(NETWORKS, SampleSet(scenes(2, 0)), held_out, QUICK, 18.0, **more))


def test_each_is_trained_then_scored() -> None:
    held_out = scenes(3, 1)
    told = events(held_out, shown=2)
    kinds = [type(event) for event in told if not isinstance(event, Notice)]
    assert kinds == 2 * [Began, Step, Step, Scored, Scored, Scored, Judged]
    judged = [event for event in told if isinstance(event, Judged)]
    assert [one.result.name for one in judged] == ["unet", "nested"]
    for one, contestant in zip(judged, NETWORKS, strict=True):
        result = one.result
        assert (result.steps, result.failure) == (2, "")
        assert one.model.header.spec == contestant.spec
        assert sorted(one.masks) == [0, 2]
        how = SegmentOptions(device="cpu", precision="float32")
        scores = [event.scores for event in evaluate(one.model, held_out, how)]
        assert result.scores == mean_scores(scores)
        assert result.speed > 0
    assert judged[0].result.parameters == 453  # see tests/nn/test_unet.py
    assert judged[0].result.flop < judged[1].result.flop


def test_the_same_seed_gives_the_same_row() -> None:
    held_out = scenes(1, 1)
    first, second = (
        [event.result.scores for event in events(held_out) if isinstance(event, Judged)]
        for _ in range(2)
    )
    assert first == second


def test_one_that_diverges_is_judged_by_its_last_good_weights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = module.fit

    def fit(model: Any, *rest: Any) -> Any:
        if model.header.name != "unet":
            yield from real(model, *rest)
            return
        weights = {n: t.numpy() for n, t in model.module.state_dict().items()}
        raise DivergedError("the loss is not a number after 0 steps", weights)

    monkeypatch.setattr(module, "fit", fit)
    told = events(scenes(1, 1))
    results = [event.result for event in told if isinstance(event, Judged)]
    assert [(r.name, r.steps, bool(r.failure)) for r in results] == [
        ("unet", 0, True),
        ("nested", 2, False),
    ]
    assert Notice("unet: the loss is not a number after 0 steps") in told
