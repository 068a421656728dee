import os
import subprocess
import sys
from dataclasses import replace
from socket import gethostname

import pytest

from napari_touchup.io import project_lock
from napari_touchup.io.project_lock import holder_of, release, take, this_process


def test_a_lock_names_host_process_and_time(tmp_path):
    mine, taken = take(tmp_path)
    assert taken
    assert (mine.host, mine.process) == (gethostname(), os.getpid())
    assert holder_of(tmp_path) == mine
    assert f"on {gethostname()}, process {os.getpid()}, since" in str(mine)


def test_a_second_one_is_told_who_has_it(tmp_path):
    mine, _ = take(tmp_path)
    assert take(tmp_path) == (mine, False)
    release(tmp_path, this_process())  # another's: nothing happens
    assert holder_of(tmp_path) == mine
    release(tmp_path, mine)
    assert holder_of(tmp_path) is None
    assert os.listdir(tmp_path) == []


def test_force(tmp_path):
    first, _ = take(tmp_path)
    second, taken = take(tmp_path, by_force=True)
    assert taken
    assert second != first


def dead():
    """Id of a process that ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize(
    ("changes", "alive"),
    [
        ({}, True),
        ({"process": dead}, False),
        ({"started": 5.0}, False),  # the id was used again
        ({"process": dead, "host": "another computer"}, True),  # nobody can know
    ],
)
def test_whether_the_holder_lives(changes, alive):
    values = {name: value() if callable(value) else value for name, value in changes.items()}
    assert replace(this_process(), **values).alive == alive


@pytest.mark.skipif(os.name != "posix", reason="elsewhere nobody waits for processes")
def test_a_process_that_ended_and_was_not_waited_for():
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
    )
    holder = replace(this_process(), process=process.pid)
    holder = replace(holder, started=project_lock.psutil.Process(process.pid).create_time())
    assert holder.alive
    process.stdin.close()
    while project_lock.psutil.Process(process.pid).status() != "zombie":
        pass
    assert not holder.alive
    process.wait()


@pytest.mark.parametrize("content", ["", "{", "{}", "[]", '{"host": "a"}'])
def test_a_lock_that_was_cut_short_holds_nobody_up(tmp_path, content):
    (tmp_path / "lock").write_text(content)
    assert take(tmp_path)[1]


def test_a_folder_that_cannot_be_written(tmp_path):
    with pytest.raises(OSError, match="cannot be written: No such file"):
        take(tmp_path / "none")
    assert not (tmp_path / "none").exists()
