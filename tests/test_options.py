import pytest
from pydantic import ValidationError

from napari_touchup.options import TrainOptions


def test_fine_tuning_is_what_the_few_shot_study_chose() -> None:
    usual = TrainOptions().model_dump()
    chosen = TrainOptions.fine_tuning().model_dump()
    assert {name: value for name, value in chosen.items() if value != usual[name]} == {
        "steps": 150,
        "crop": 128,
        "rate": 1e-3,
        "ema": 0.98,
        "freeze_norm": True,
        "replay": 0.25,
        "replay_end": 0.0,
    }


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_shares_are_between_0_and_1(share: float) -> None:
    for name in ("replay", "replay_end"):
        with pytest.raises(ValidationError, match=name):
            TrainOptions(**{name: share})
