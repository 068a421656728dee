"""A process that runs long work: ``python -m napari_touchup.engine.worker``.

Requests come in by standard input, events leave by standard output (`wire`). It ends with its
parent. What it runs knows nothing of it: the same generators run in a notebook or on a cluster.
"""

import gc
import os
import signal
import sys
import traceback
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field
from importlib import import_module
from queue import Empty, Queue
from threading import Thread
from typing import IO, Any

from napari_touchup.engine.wire import Ended, Failed, Run, Sent, Stop, receive, send

# name: module and generator function
TASKS = {"fine_tune": "napari_touchup.engine.fine_tune:fine_tune"}
IDLE_S = 120.0  # after so many seconds without work the GPU's memory is given back
NICE = 10  # steps down, of 19: the window and everything else go first


@dataclass(frozen=True)
class Post:
    """What came in and is not done yet."""

    runs: Queue[Run] = field(default_factory=Queue)
    stopped: set[int] = field(default_factory=set)  # numbers of runs

    def take(self, message: object) -> None:
        if isinstance(message, Stop):
            self.stopped.add(message.number)
        elif isinstance(message, Run):
            self.runs.put(message)


def main() -> None:
    inward, outward = take_over()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is for the parent
    post = Post()
    # while the main thread computes, somebody has to notice a stop and the end of the parent
    Thread(target=listen, args=(inward, post), daemon=True).start()
    step_back()
    while True:
        carry_out(next_run(post), post, outward)


def take_over() -> tuple[IO[bytes], IO[bytes]]:
    """Give the streams from and to the parent; whoever prints or reads has others from now on."""
    inward, outward = os.dup(0), os.dup(1)
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    return os.fdopen(inward, "rb"), os.fdopen(outward, "wb")


def listen(stream: IO[bytes], post: Post) -> None:
    """Take in messages until the parent is gone, then end this process at once."""
    try:
        while True:
            post.take(receive(stream))
    except EOFError:
        os._exit(0)
    except BaseException:  # noqa: BLE001 without this thread nothing could end the process
        traceback.print_exc()
        os._exit(1)


def step_back() -> None:
    """Leave a core and the first turn to the window."""
    import psutil  # type: ignore[import-untyped]
    import torch

    if sys.platform == "win32":
        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
    else:
        os.nice(NICE)
    torch.set_num_threads(max(1, torch.get_num_threads() - 1))


def next_run(post: Post) -> Run:
    try:
        return post.runs.get(timeout=IDLE_S)
    except Empty:
        free_memory()
        return post.runs.get()


def free_memory() -> None:
    """Give back what is kept for a next run."""
    from napari_touchup.engine.memory import release
    from napari_touchup.nn.device import available

    gc.collect()
    for name in available():
        release(name)


def carry_out(run: Run, post: Post, outward: IO[bytes]) -> None:
    """Run a task to its end and send all that it tells, last how it ended."""
    try:
        with closing(find(run.task)(run.request)) as events:
            for event in events:
                if run.number in post.stopped:
                    break
                send(outward, Sent(run.number, event))
        send(outward, Ended(run.number))
    except Exception as error:  # noqa: BLE001 the boundary of this process, as Job is of a thread
        trace = traceback.format_exc()
        send(outward, Failed(run.number, type(error).__name__, str(error), trace))


def find(task: str) -> Callable[[Any], Generator[Any]]:
    """Look a task up by its name.

    Raises
    ------
    ValueError
        If there is none of this name.
    """
    if task not in TASKS:
        raise ValueError(f"expected a task of {sorted(TASKS)}, got {task!r}")
    module, name = TASKS[task].split(":")
    found: Callable[[Any], Generator[Any]] = getattr(import_module(module), name)
    return found


if __name__ == "__main__":
    main()
