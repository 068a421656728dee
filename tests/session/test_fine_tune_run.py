import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest

from napari_touchup.core.scores import Scores
from napari_touchup.engine.lessons import (
    Candidate,
    Checked,
    FineTuneRequest,
    Learned,
    Lesson,
    Placed,
    Preview,
    Told,
)
from napari_touchup.nn.header import Header
from napari_touchup.options import ModelSpec, SegmentOptions, TrainOptions
from napari_touchup.session.child import Child
from napari_touchup.session.fine_tune_run import FAILED, STARTING, STOPPED, WARM, FineTuneRun
from napari_touchup.session.job import direct
from napari_touchup.session.status import Status

OUT = Path("never-written.safetensors")
PREVIEW = Preview(1, np.zeros((3, 4, 4), np.float16), np.zeros((4, 4), np.uint16))
CANDIDATE = Candidate(OUT, Scores())


class FakeChild:
    """Says what it was told to say; waits before the last event until the gate is open."""

    def __init__(self, *events: object) -> None:
        self.said = events
        self.running = self.closed = False
        self.stops = 0
        self.gate = Event()
        self.gate.set()

    def events(self, task: str, request: object) -> Generator[Any]:
        assert (task, type(request)) == ("fine_tune", FineTuneRequest)
        for number, event in enumerate(self.said, 1):
            assert number < len(self.said) or self.gate.wait(20)
            if isinstance(event, BaseException):
                raise event
            yield event

    def stop(self) -> None:
        self.stops += 1

    def close(self) -> None:
        self.closed = True


def request(out: Path = OUT) -> FineTuneRequest:
    return FineTuneRequest(Path("a"), Path("a"), out, "mine", ())


def heard(run: FineTuneRun) -> list[tuple[str, Any]]:
    """Names and values of all signals, in order."""
    log: list[tuple[str, Any]] = []
    for name in ("running", "said", "device", "stepped", "previewed", "finished"):
        getattr(run, name).connect(lambda value, name=name: log.append((name, value)))
    return log


def finish(run: FineTuneRun) -> None:
    assert run._job is None or run._job.wait(20)


def texts(log: list[tuple[str, Any]]) -> list[str]:
    return [value.text for name, value in log if name == "said"]


def test_a_run_in_signals_and_words() -> None:
    learned = Learned(40, 0.25, 0.5, 30.0, 90.0)
    child = FakeChild(
        Placed("a CPU"), learned, Told("half a batch"), PREVIEW, Checked(3, 12), CANDIDATE
    )
    run = FineTuneRun(child, direct)
    log = heard(run)
    run.start(request())
    finish(run)
    assert log == [
        ("running", True),
        ("said", Status("busy", STARTING)),
        ("device", "a CPU"),
        ("stepped", learned),
        ("said", Status("busy", "Training: step 40, 90 s left", 250, 1000)),
        ("previewed", PREVIEW),
        ("said", Status("busy", "Scoring what it did not train on: 3 of 12", 3, 12)),
        (
            "said",
            Status(
                "done",
                "Trained. Compare the new masks, then accept or discard them.\nhalf a batch",
            ),
        ),
        ("running", False),
        ("finished", CANDIDATE),
    ]


def test_a_warm_child_is_not_waited_for() -> None:
    child = FakeChild(CANDIDATE)
    child.running = True
    run = FineTuneRun(child, direct)
    log = heard(run)
    run.start(request())
    finish(run)
    assert texts(log)[0] == WARM


def test_a_failure_is_told_and_the_next_run_works() -> None:
    child = FakeChild(RuntimeError("the process died"))
    run = FineTuneRun(child, direct)
    log = heard(run)
    run.start(request())
    finish(run)
    (failure,) = [value for name, value in log if name == "said" and value.kind == "failed"]
    assert failure.text == FAILED
    assert failure.failure.what == "the process died"
    assert log[-1] == ("running", False)
    child.said = (CANDIDATE,)
    run.start(request())
    finish(run)
    assert log[-1] == ("finished", CANDIDATE)


def test_stop(tmp_path: Path) -> None:
    out = tmp_path / "out.safetensors"
    child = FakeChild(Learned(1, 0.1, 0.5, 1.0, 9.0), CANDIDATE)
    child.gate.clear()
    run = FineTuneRun(child, direct)
    log = heard(run)
    run.start(request(out))
    out.write_text("written just before the stop was heard")
    (tmp_path / "out.safetensors.77.part").write_text("killed while it was written")
    run.stop()
    assert child.stops == 1
    child.gate.set()
    finish(run)
    assert texts(log)[-1] == STOPPED
    assert log[-1] == ("running", False)
    assert list(tmp_path.iterdir()) == []


def test_a_file_stays_where_the_candidate_was_heard(tmp_path: Path) -> None:
    out = tmp_path / "out.safetensors"
    out.write_text("a model")
    run = FineTuneRun(FakeChild(CANDIDATE), direct)
    run.start(request(out))
    finish(run)
    assert out.exists()


def test_one_run_at_a_time() -> None:
    child = FakeChild(CANDIDATE)
    child.gate.clear()
    run = FineTuneRun(child, direct)
    run.start(request())
    with pytest.raises(RuntimeError, match="expected the end of the run before"):
        run.start(request())
    child.gate.set()
    finish(run)


def test_nothing_is_heard_after_close() -> None:
    child = FakeChild(CANDIDATE)
    child.gate.clear()
    run = FineTuneRun(child, direct)
    run.start(request())
    log = heard(run)
    run.close()
    child.gate.set()
    finish(run)
    assert child.closed
    assert log == []


def test_all_signals_go_through_dispatch() -> None:
    queue: list[Any] = []
    run = FineTuneRun(FakeChild(Placed("a CPU"), CANDIDATE), queue.append)
    run.start(request())
    log = heard(run)
    finish(run)
    assert log == []
    for call in queue:
        call()
    assert log[0] == ("device", "a CPU")
    assert log[-1] == ("finished", CANDIDATE)


@pytest.fixture
def child() -> Iterator[Child]:
    found = Child()
    yield found
    found.close()


def real_request(folder: Path, steps: int) -> FineTuneRequest:
    """A tiny network and one square cell."""
    import torch

    from napari_touchup.nn.build import build
    from napari_touchup.nn.checkpoint import save

    torch.manual_seed(0)
    spec, path = ModelSpec(base=2, depth=2), folder / "base.safetensors"
    save(path, build(spec), Header(name="base", spec=spec, diameter_px=20))
    truth = np.zeros((40, 40), np.int32)
    truth[10:30, 10:30] = 1
    image = (truth * 100).astype(np.uint8)[np.newaxis]
    lesson = Lesson(image, truth, np.ones((40, 40), bool), np.array([[0.0, 100.0]]))
    options = TrainOptions(steps=steps, batch=2, crop=32, device="cpu", precision="float32")
    how = SegmentOptions(device="cpu", precision="float32")
    out = folder / "out.safetensors"
    return FineTuneRequest(
        path, path, out, "mine", (lesson,), options=options, segment=how, skill_crops=0
    )


def test_a_real_child_trains(child: Child, tmp_path: Path) -> None:
    run = FineTuneRun(child, direct)
    log = heard(run)
    run.start(real_request(tmp_path, 3))
    finish(run)
    assert [value.step for name, value in log if name == "stepped"] == [1, 2, 3]
    assert log[-1][0] == "finished"
    assert log[-1][1].path.exists()


def test_a_real_child_stops_within_a_step(child: Child, tmp_path: Path) -> None:
    run = FineTuneRun(child, direct)
    log = heard(run)
    steps: list[int] = []

    def on_step(step: Learned) -> None:
        steps.append(step.step)
        if step.step == 2:
            run.stop()

    run.stepped.connect(on_step)
    run.start(real_request(tmp_path, 100_000))
    finish(run)
    assert texts(log)[-1] == STOPPED
    assert steps == [1, 2]
    assert child.running
    assert [path.name for path in tmp_path.iterdir()] == ["base.safetensors"]


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_killed_child_costs_only_its_run(child: Child, tmp_path: Path) -> None:
    run = FineTuneRun(child, direct)
    log = heard(run)

    def on_step(step: Learned) -> None:
        if step.step == 2:
            os.kill(child._life._process.pid, signal.SIGKILL)  # type: ignore[union-attr]

    run.stepped.connect(on_step)
    run.start(real_request(tmp_path, 100_000))
    finish(run)
    said = [value for name, value in log if name == "said"][-1]
    assert "SIGKILL" in said.failure.what
    run.stepped.disconnect(on_step)
    run.start(real_request(tmp_path, 2))
    finish(run)
    assert log[-1][0] == "finished"
