"""Run as the worker process of tests/session/test_child.py: tasks that need no network."""

import os
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

from napari_touchup.engine import worker


def count(request: int) -> Generator[int]:
    yield from range(request)


def chat(request: int) -> Generator[int]:
    for number in range(request):
        print("a library prints " * 1000)  # noqa: T201
        os.write(1, b"and so does C")
        subprocess.run([sys.executable, "-c", "print('and a process')"], check=True)
        yield number


def read(request: str) -> Generator[str]:
    yield sys.stdin.read()
    yield request


def tick(request: Path) -> Generator[int]:
    """Count for ever, one every 50 ms; the file tells that the generator was closed."""
    number = 0
    try:
        while True:
            yield number
            number += 1
            time.sleep(0.05)
    finally:
        request.write_text(str(number))


def hang(request: float) -> Generator[int]:
    yield os.getpid()
    time.sleep(request)
    yield 1


def fail(request: str) -> Generator[int]:
    yield 1
    if request == "die":
        print("some last words", file=sys.stderr, flush=True)  # noqa: T201
        os._exit(3)
    raise {"value": ValueError, "key": KeyError}[request]("a cell")


def size(request: bytes) -> Generator[int]:
    yield len(request)


if __name__ == "__main__":
    worker.TASKS.update({name: f"__main__:{name}" for name in dir() if not name.startswith("_")})
    worker.step_back = lambda: None  # loads torch, which takes seconds
    worker.main()
