import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread

import psutil
import pytest

from napari_touchup.session.child import Child, ChildError

TASKS = Path(__file__).with_name("worker_tasks.py")
COMMAND = (sys.executable, "-P", str(TASKS))


@pytest.fixture
def child() -> Iterator[Child]:
    found = Child(COMMAND)
    yield found
    found.close()


def wait_for(path: Path) -> str:
    """Wait until a file has content."""
    for _ in range(400):
        if path.exists() and path.read_text():
            return path.read_text()
        time.sleep(0.025)
    raise AssertionError(f"{path} did not come")


def is_over(pid: int) -> bool:
    try:  # an orphan that nobody collects stays as a zombie
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_events_of_one_run_after_the_other(child: Child) -> None:
    assert not child.running
    assert list(child.events("count", 3)) == [0, 1, 2]
    assert child.running
    assert list(child.events("count", 2)) == [0, 1]


def test_prints_do_no_harm(child: Child) -> None:
    assert list(child.events("chat", 3)) == [0, 1, 2]


def test_there_is_nothing_to_read_for_libraries(child: Child) -> None:
    assert list(child.events("read", "x")) == ["", "x"]


def test_a_large_request(child: Child) -> None:
    assert list(child.events("size", bytes(50_000_000))) == [50_000_000]


def test_closing_stops_it_and_keeps_it_warm(child: Child, tmp_path: Path) -> None:
    with closing(child.events("tick", tmp_path / "one")) as events:
        assert [next(events), next(events)] == [0, 1]
    assert int((tmp_path / "one").read_text()) < 40  # when closing is over the run is over
    assert child.running
    assert list(child.events("count", 1)) == [0]


def test_stop_from_another_thread(child: Child, tmp_path: Path) -> None:
    seen = []
    for number in child.events("tick", tmp_path / "one"):
        seen.append(number)
        if number == 3:
            Thread(target=child.stop).start()
    assert seen[:4] == [0, 1, 2, 3]
    assert len(seen) < 40
    assert list(child.events("count", 1)) == [0]


def test_one_run_at_a_time(child: Child, tmp_path: Path) -> None:
    with closing(child.events("tick", tmp_path / "one")) as events:
        next(events)
        with pytest.raises(RuntimeError, match="expected the end of the run before"):
            next(child.events("count", 1))
        next(events)


def test_what_does_not_listen_is_ended(tmp_path: Path) -> None:
    child = Child(COMMAND, patience_s=0.2)
    with closing(child.events("hang", 60)) as events:
        next(events)
    assert not child.running
    assert list(child.events("count", 1)) == [0]
    child.close()


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        ("value", "a cell"),
        ("key", "Something unexpected happened (KeyError: 'a cell')"),
    ],
)
def test_a_failure_is_told(child: Child, request_: str, text: str) -> None:
    with pytest.raises(ChildError) as caught:
        list(child.events("fail", request_))
    assert str(caught.value) == text
    assert "in fail" in caught.value.__notes__[0]  # the traceback of the child
    assert list(child.events("count", 1)) == [0]


def test_an_unknown_task(child: Child) -> None:
    with pytest.raises(ChildError, match="expected a task of"):
        list(child.events("fly", 0))


def test_a_child_that_dies_costs_only_its_run(child: Child) -> None:
    with pytest.raises(ChildError, match=r"exit code 3.*Only this run is lost") as caught:
        list(child.events("fail", "die"))
    assert "some last words" in caught.value.__notes__[0]
    assert not child.running
    assert list(child.events("count", 1)) == [0]


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_kill_9_in_the_middle(child: Child) -> None:
    events = child.events("hang", 60)
    os.kill(next(events), signal.SIGKILL)
    with pytest.raises(ChildError, match=r"SIGKILL.*no memory left"):
        next(events)
    assert list(child.events("count", 2)) == [0, 1]


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_kill_9_while_idle(child: Child) -> None:
    first = next(iter(list(child.events("count", 1))))
    process = child._life._process  # type: ignore[union-attr]
    process.kill()
    process.wait()
    assert first == 0
    assert list(child.events("count", 2)) == [0, 1]


def test_close_in_the_middle(child: Child) -> None:
    events = child.events("hang", 60)
    pid = next(events)
    child.close()
    with pytest.raises(ChildError):
        next(events)
    assert not psutil.pid_exists(pid)


def test_close_twice_and_before_any_run() -> None:
    child = Child(COMMAND)
    child.close()
    child.start()
    child.close()
    child.close()
    assert not child.running


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from napari_touchup.session.child import Child
for pid in Child({COMMAND!r}).events("hang", 60):
    Path({str(tmp_path / "pid")!r}).write_text(str(pid))
"""
    parent = subprocess.Popen([sys.executable, "-c", code])
    pid = int(wait_for(tmp_path / "pid"))
    assert psutil.pid_exists(pid)
    parent.kill()
    parent.wait()
    for _ in range(400):
        if is_over(pid):
            return
        time.sleep(0.025)
    raise AssertionError("the child lives on")
