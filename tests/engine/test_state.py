from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from napari_touchup.engine.state import (
    State,
    advance,
    load_state,
    make_optimizer,
    save_state,
    start,
    weights_of,
    with_weights,
)
from napari_touchup.nn.build import build
from napari_touchup.nn.checkpoint import Model
from napari_touchup.nn.header import Header
from napari_touchup.options import ModelSpec, TrainOptions


def network(width: int = 3) -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, width, 3), nn.BatchNorm2d(width))


def state(width: int = 3, **options: object) -> State:
    return start(network(width), TrainOptions(**options), "cpu")


def with_gradients(one: State, value: float = 1.0) -> State:
    for p in one.module.parameters():
        p.grad = torch.full_like(p, value)
    return one


def test_weight_decay_spares_norms_and_biases() -> None:
    groups = make_optimizer(network(), TrainOptions(weight_decay=0.5)).param_groups
    assert [(len(g["params"]), g["weight_decay"]) for g in groups] == [(1, 0.5), (3, 0.0)]


def test_the_papers_optimizer() -> None:
    optimizer = make_optimizer(network(), TrainOptions(optimizer="sgd"))
    assert isinstance(optimizer, torch.optim.SGD)
    assert optimizer.defaults["momentum"] == 0.99


def test_the_average_by_hand() -> None:
    one = state(optimizer="sgd", momentum=0, weight_decay=0)
    first = one.module[1].bias.detach().clone()  # type: ignore[index]
    advance(with_gradients(one), rate=0.1, decay=0.5)  # step 1: decay 1 / 11
    advance(with_gradients(one), rate=0.2, decay=0.1)  # step 2: decay 0.1, below 2 / 12
    average = first - 0.1 * 10 / 11
    average = 0.1 * average + 0.9 * (first - 0.3)
    torch.testing.assert_close(one.average[1].bias, average)  # type: ignore[index]
    assert one.step == 2


def test_without_averaging_the_last_weights_are_the_result() -> None:
    one = with_gradients(state())
    advance(one, rate=0.1, decay=0.0)
    assert np.array_equal(weights_of(one)["0.weight"], one.module[0].weight.detach())  # type: ignore[index]


def test_a_file_brings_everything_back(tmp_path: Path) -> None:
    one = state()
    advance(with_gradients(one), rate=0.1, decay=0.9)
    one.seconds, one.batch = 12.5, 4
    save_state(tmp_path / "run", one)
    other = state()
    load_state(tmp_path / "run", other)
    assert (other.step, other.seconds, other.batch) == (1, 12.5, 4)
    for both in (one, other):
        advance(with_gradients(both, 0.3), rate=0.1, decay=0.9)
    assert all(np.array_equal(weights_of(one)[n], w) for n, w in weights_of(other).items())
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def truncated(path: Path) -> None:
    save_state(path, state())
    path.write_bytes(path.read_bytes()[:-100])


def foreign(path: Path) -> None:
    save_file({"a": torch.zeros(2)}, path)


def other_network(path: Path) -> None:
    save_state(path, state(width=5))


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (truncated, "expected a saved training run, got"),
        (foreign, "expected a saved training run \\(touchup-training-1\\), got"),
        (other_network, "got another's"),
        (lambda path: path.write_bytes(b"\x80\x04pickle"), "expected a saved training run, got"),
    ],
)
def test_files_that_are_none_of_ours(tmp_path: Path, write: object, message: str) -> None:
    path = tmp_path / "run"
    write(path)  # type: ignore[operator]
    with pytest.raises(ValueError, match=message):
        load_state(path, state())


def test_a_model_with_other_weights() -> None:
    spec = ModelSpec(base=2, depth=1)
    old = Model(build(spec), Header(name="old", spec=spec, diameter_px=9))
    trained = with_gradients(start(old.module, TrainOptions(), "cpu"))
    advance(trained, rate=0.1, decay=0.0)
    new = with_weights(old, weights_of(trained))
    x = torch.ones(1, 1, 16, 16)
    torch.testing.assert_close(new.module(x), trained.average(x))
    assert not torch.equal(new.module(x), old.module.eval()(x))
    assert not new.module.training
