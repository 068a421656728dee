from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from napari_touchup.cli import lesson
from napari_touchup.cli.lesson import follow
from napari_touchup.core.scores import Scores
from napari_touchup.engine.lessons import (
    Candidate,
    Checked,
    FineTuneRequest,
    Learned,
    Lesson,
    Placed,
    Told,
)


def request(out: Path) -> FineTuneRequest:
    truth = np.array([[0, 4], [7, 9]])
    annotated = np.array([[True, True], [True, False]])
    taught = Lesson(np.zeros((1, 2, 2)), truth, annotated, np.zeros((1, 2)))
    return FineTuneRequest(Path("a"), Path("a"), out, "a", (taught,))


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> type:
    class Child:
        said: tuple[object, ...] = ()
        closed = 0

        def events(self, task: str, request: FineTuneRequest) -> Iterator[object]:
            assert task == "fine_tune"
            request.out.touch()
            for event in self.said:
                if isinstance(event, BaseException):
                    raise event
                yield event

        def close(self) -> None:
            type(self).closed += 1

    monkeypatch.setattr(lesson, "Child", Child)
    return Child


def test_what_is_told(child: type, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "m.safetensors"
    candidate = Candidate(out, Scores())
    child.said = (
        Placed("on a fake device"),
        Learned(1, 0.1, 0.5, 1.0, 9.0),
        Told("[no replay]"),
        Learned(2, 0.2, 0.3, 20.0, 80.0),
        Learned(4, 0.4, 0.1, 40.0, 60.0),
        Checked(1, 2),
        Checked(2, 2),
        candidate,
    )
    assert follow(request(out)) is candidate
    assert capsys.readouterr().out.splitlines() == [
        "objects that teach: 2; kept for checking: 0",
        "on a fake device",
        "step 1, loss 0.500, 9 s left",
        "[no replay]",
        "step 4, loss 0.300, 60 s left",
    ]
    assert child.closed == 1
    assert out.exists()


@pytest.mark.parametrize("error", [RuntimeError("gone"), KeyboardInterrupt()])
def test_nothing_is_left_of_a_run_that_ended_early(
    child: type, tmp_path: Path, error: BaseException
) -> None:
    child.said = (Learned(1, 0.1, 0.5, 1.0, 9.0), error)
    with pytest.raises(type(error)):
        follow(request(tmp_path / "m.safetensors"))
    assert child.closed == 1
    assert list(tmp_path.glob("*.safetensors*")) == []
