"""Paint, and be killed at any moment: no stroke that was told to be durable is lost."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import cache
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from napari_touchup.core.delta import Delta, Object, ObjectChange, Patch
from napari_touchup.core.entries import Entry
from napari_touchup.io.project import ProjectFile
from napari_touchup.session.ledger import Ledger

KILLS = 50
LATEST_S = 0.06  # a few strokes, or one on a slow disk


@cache
def stroke(number):
    """The same for a number in every process; each ninth is a frame full of masks."""
    rng = np.random.default_rng(number)
    height, width = (400, 500) if number % 9 == 0 else rng.integers(5, 60, 2)
    before = rng.integers(0, 3, (height, width), np.int32)
    after = np.where(rng.random((height, width)) < 0.7, np.int32(number), before)
    patch = Patch((slice(7, 7 + height), slice(9, 9 + width)), before, after)
    seen = Object(f"uid {number}", "corrected", number, "corrected", number % 5 == 0)
    delta = Delta(patch, objects=(ObjectChange(number, None, seen),))
    return Entry("brush", "f", (number % 3,), delta, float(number), number=number)


def is_stroke(entry, number):
    expected = stroke(number)
    found, patch = entry.delta.labels, expected.delta.labels
    return (
        (entry.number, entry.frame, entry.time) == (number, expected.frame, expected.time)
        and entry.delta.objects == expected.delta.objects
        and found.box == patch.box
        and np.array_equal(found.before, patch.before)
        and np.array_equal(found.after, patch.after)
    )


def paint(folder, pipe):
    ledger = Ledger(ProjectFile.open(folder))
    assert not ledger.read_only
    for number in count(len(ledger.outline()) + 1):
        ledger.append([stroke(number)])
        assert ledger.flush()
        os.write(pipe, f"{number}\n".encode())


def painted(folder, seconds, beginning):
    """Number of the last stroke that a process said to be durable before it was killed.

    The kill comes so long after its first stroke, or after its beginning.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            paint(folder, writing)
        finally:
            os._exit(1)
    os.close(writing)
    said = b"" if beginning else os.read(reading, 99)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "it ended by itself"
    with os.fdopen(reading, "rb") as pipe:
        return max(map(int, (said + pipe.read()).split()), default=0)


def survive(folder):
    """Kill painting processes one after the other; how far each came, and what was there."""
    rng = np.random.default_rng(0)
    for number in range(KILLS):
        told = painted(folder, rng.uniform(0, LATEST_S), beginning=number % 5 == 0)
        with ProjectFile.open(folder) as project:
            assert not project.read_only, "the lock of a dead process is not in the way"
            found = list(project.entries())
        whole = all(is_stroke(entry, number) for number, entry in enumerate(found, start=1))
        yield told, len(found), whole


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked to be killed often")
def test_no_stroke_is_lost_by_a_kill(tmp_path):
    folder = tmp_path / "a.touchup"
    ProjectFile.create(folder).close()
    run = subprocess.run(
        [sys.executable, __file__, str(folder)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    rounds = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(rounds) == KILLS
    assert all(whole and told <= found for told, found, whole in rounds), rounds
    assert rounds[-1][1] >= 0.8 * KILLS  # it did paint


if __name__ == "__main__":
    for one in survive(Path(sys.argv[1])):
        sys.stdout.write(json.dumps(one) + "\n")
