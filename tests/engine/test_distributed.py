import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from napari_touchup.engine.distributed import ALONE, Team, team
from napari_touchup.nn.loss import Targets, loss_for

# one of the processes; alone, it trains with the whole batch
TRAIN = """
import sys
import numpy as np, torch
from napari_touchup.engine.distributed import team
from napari_touchup.engine.samples import Sample, SampleSet
from napari_touchup.engine.events import Fitted, Saved, Step
from napari_touchup.engine.train import fit
from napari_touchup.nn.build import build
from napari_touchup.nn.checkpoint import Model
from napari_touchup.nn.header import Header
from napari_touchup.options import ModelSpec, TrainOptions
from pathlib import Path

truth = np.zeros((64, 64), np.int32)
truth[4:20, 4:12], truth[4:20, 12:30], truth[40:60, 30:50] = 1, 2, 3
marks = np.arange(64)[:, None] * np.ones(64) > 10  # so that the crops weigh unequally
image = (truth > 0)[None] + np.random.default_rng(0).normal(0, 0.1, (1, 64, 64))
spec = ModelSpec(base=4, depth=2)
torch.manual_seed(0)
model = Model(build(spec), Header(name="test", spec=spec, diameter_px=8))
options = TrainOptions(
    steps=4, batch=3, crop=32, optimizer="sgd", rate=0.1, momentum=0.9, ema=0.5, freeze_norm=True,
    warmup=0, precision="float32", device="cpu", save_every=2,
)
samples = SampleSet([Sample(image, truth, marks)])
out = Path(sys.argv[1])
with team() as us:
    name = f"{us.rank}_of_{us.size}"
    events = list(fit(model, samples, options, validation=samples, save=out / name, team=us))
losses = [event.loss for event in events if isinstance(event, Step)]
np.savez(out / f"{name}.npz", losses=losses, **events[-1].weights)
"""


def train(folder: Path, size: int) -> list[dict[str, Any]]:
    """Weights and losses of each process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(size)}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", TRAIN, str(folder)],
            env=os.environ
            | place
            | {"RANK": str(rank), "LOCAL_RANK": str(rank), "OMP_NUM_THREADS": "1"},
        )
        for rank in range(size)
    ]
    assert [process.wait(250) for process in running] == [0] * size
    return [dict(np.load(folder / f"{rank}_of_{size}.npz")) for rank in range(size)]


def test_two_processes_take_the_steps_of_one(tmp_path: Path) -> None:
    first, second = train(tmp_path, 2)
    (alone,) = train(tmp_path, 1)
    for name, expected in alone.items():
        np.testing.assert_array_equal(first[name], second[name], name)
        np.testing.assert_allclose(first[name], expected, atol=2e-6, err_msg=name)
    assert alone["losses"][-1] < alone["losses"][0]  # they went somewhere
    assert (tmp_path / "0_of_2").exists()
    assert not (tmp_path / "1_of_2").exists()  # only the first one writes


@pytest.mark.parametrize(
    ("size", "count", "expected"),
    [(1, 3, [(0, 3)]), (2, 3, [(0, 1), (1, 3)]), (3, 8, [(0, 2), (2, 5), (5, 8)])],
)
def test_parts_of_a_batch(size: int, count: int, expected: list[tuple[int, int]]) -> None:
    parts = [Team(rank, size).part(count) for rank in range(size)]
    assert [(part.start, part.stop) for part in parts] == expected


def test_one_process_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with team() as us:
        assert us == ALONE
    module, numbers = torch.nn.Identity(), torch.ones(2)
    assert us.leads
    assert us.wrap(module) is module
    assert us.mean(numbers) is numbers
    assert us.agree(1.5, 0) == [1.5, 0]


def test_the_loss_of_one_process_is_the_plain_one() -> None:
    raw, plane = torch.randn((1, 3, 4, 4)), torch.ones((1, 4, 4))
    targets = Targets(plane, plane, plane, plane, plane > 0, plane.int())
    assert ALONE.loss("maps")(raw, targets) == loss_for("maps")(raw, targets)
