import io
from collections.abc import Generator
from typing import Any

import pytest

from napari_touchup.engine import worker
from napari_touchup.engine.wire import Ended, Failed, Run, Sent, Stop, receive
from napari_touchup.engine.worker import Post, carry_out, find, next_run

closed: list[str] = []


def count(request: int) -> Generator[int]:
    try:
        yield from range(request)
    finally:
        closed.append("count")


def fail(request: str) -> Generator[int]:
    yield 1
    raise RuntimeError(request)


@pytest.fixture(autouse=True)
def tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    closed.clear()
    found = {"count": count, "fail": fail}
    monkeypatch.setattr(worker, "find", lambda name: found[name])


def said(run: Run, post: Post | None = None) -> list[Any]:
    stream = io.BytesIO()
    carry_out(run, post or Post(), stream)
    stream.seek(0)
    messages = []
    while stream.tell() < len(stream.getvalue()):
        messages.append(receive(stream))
    return messages


def test_events_then_ended() -> None:
    assert said(Run(4, "count", 2)) == [Sent(4, 0), Sent(4, 1), Ended(4)]


def test_a_stopped_run_is_closed() -> None:
    post = Post()
    post.take(Stop(4))
    assert said(Run(4, "count", 9), post) == [Ended(4)]
    assert closed == ["count"]
    assert said(Run(5, "count", 1), post) == [Sent(5, 0), Ended(5)]


def test_whatever_is_raised_is_told() -> None:
    first, last = said(Run(1, "fail", "out of luck"))
    assert first == Sent(1, 1)
    assert isinstance(last, Failed)
    assert (last.kind, last.text) == ("RuntimeError", "out of luck")
    assert "raise RuntimeError(request)" in last.trace


def test_memory_is_given_back_when_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    post, freed = Post(), []
    monkeypatch.setattr(worker, "IDLE_S", 0.01)

    def free() -> None:
        freed.append(True)
        post.take(Run(1, "count", 0))

    monkeypatch.setattr(worker, "free_memory", free)
    assert next_run(post).number == 1
    assert freed == [True]


def test_memory_is_given_back() -> None:
    worker.free_memory()


@pytest.mark.parametrize("task", worker.TASKS)
def test_tasks_are_there(task: str) -> None:
    assert callable(find(task))


def test_an_unknown_task() -> None:
    with pytest.raises(ValueError, match=r"expected a task of .*, got 'fly'"):
        find("fly")
