import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from napari_touchup.engine.replay import REPLAY, fits, load_replay
from napari_touchup.options import ModelSpec, paper_spec

SCRIPT = Path(__file__).parents[2] / "docs" / "default_model" / "make_replay.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = spec_from_file_location("make_replay", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["make_replay"] = module  # where its dataclasses look for themselves
    spec.loader.exec_module(module)
    return module


def test_the_bank_is_many_small_crops_in_a_small_file() -> None:
    bank = load_replay()
    assert (len(bank.replayed), len(bank.old_skill)) == (320, 80)
    for sample in (*bank.replayed, *bank.old_skill):
        assert (sample.image.dtype, sample.image.shape) == (np.uint8, (1, 160, 160))
        assert (sample.truth.dtype, sample.truth.shape) == (np.uint16, (160, 160))
    assert REPLAY.stat().st_size < 15e6


def test_every_fifth_is_never_replayed(tmp_path: Path) -> None:
    numbers = np.arange(11, dtype=np.uint8)[:, None, None]
    np.savez(tmp_path / "bank.npz", image=numbers, truth=numbers)
    bank = load_replay(tmp_path / "bank.npz")
    assert [int(s.image.item()) for s in bank.old_skill] == [4, 9]
    assert [int(s.truth.item()) for s in bank.replayed] == [0, 1, 2, 3, 5, 6, 7, 8, 10]


def test_no_crop_is_there_twice() -> None:
    bank = load_replay()
    seen = {sample.image.tobytes() for sample in (*bank.replayed, *bank.old_skill)}
    assert len(seen) == 400


def test_a_fifth_of_every_look_is_never_replayed(script: ModuleType) -> None:
    with np.load(REPLAY, allow_pickle=False) as bank:
        looks = bank["look"]
    for look in script.LOOKS:
        assert np.count_nonzero(looks == look.name) == look.count
        assert 5 * np.count_nonzero(looks[4::5] == look.name) == look.count
    assert 2 * np.count_nonzero(looks == "nuclei") == len(looks)


@pytest.mark.parametrize("place", [0, 204, 251, 311, 346, 376, 399])
def test_the_script_makes_it_again(script: ModuleType, place: int) -> None:
    with np.load(REPLAY, allow_pickle=False) as bank:
        name, index = bank["look"][place], int(bank["index"][place])
        image, truth = bank["image"][place], bank["truth"][place]
    (look,) = (each for each in script.LOOKS if each.name == name)
    again = script.crop(look, index, seed=0)
    # another processor may round a pixel otherwise
    assert np.mean(np.abs(again.image.astype(int) - image)) < 0.1
    assert np.mean(again.truth != truth) < 0.001
    assert look.empty == (truth.max() == 0)


def test_varied_rows_are_chosen_whatever_their_scale(script: ModuleType) -> None:
    values = np.array([[0.0], [1.0], [2.0], [3.0], [100.0]])
    assert script.most_varied(values, 3) == [2, 0, 4]
    assert script.most_varied(np.repeat(values, 2, axis=1) * [1, 1e6], 3) == [2, 0, 4]


def test_a_file_that_could_run_code_is_refused(tmp_path: Path) -> None:
    objects = np.array([[[{}]]], object)
    np.savez(tmp_path / "bank.npz", image=objects, truth=objects)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        load_replay(tmp_path / "bank.npz")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (ModelSpec(), True),
        (ModelSpec(base=4, padding="valid"), True),
        (ModelSpec(in_channels=3), False),
        (paper_spec(), False),
    ],
)
def test_what_can_learn_from_it(spec: ModelSpec, expected: bool) -> None:
    assert fits(spec) is expected
