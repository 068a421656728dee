"""The worker process as its parent sees it: a generator of events, to be drained by a `Job`.

Like `Job` and the ledger's writer this is a place that may start something beside the session's
thread: it starts the process, and the one timer that ends a process which does not listen.
"""

import os
import signal
import sys
from collections.abc import Generator, Sequence
from contextlib import suppress
from subprocess import PIPE, Popen
from tempfile import TemporaryFile
from threading import Lock, Timer
from typing import Any

from napari_touchup.engine.wire import Ended, Failed, Run, Sent, Stop, receive, send

# -P: a file torch.py in the current folder must not be taken for the library
COMMAND = (sys.executable, "-P", "-m", "napari_touchup.engine.worker")
PATIENCE_S = 15.0  # a step of a large network on a slow CPU takes some seconds
LAST_WORDS = 4000  # bytes of what it printed that a report shows
NO_WINDOW = 0x08000000 if sys.platform == "win32" else 0  # CREATE_NO_WINDOW
# exceptions whose texts are written for people
TOLD = ("ValueError", "RuntimeError", "MemoryError", "DivergedError", "ModelFileError")


class ChildError(RuntimeError):
    """A run failed in the worker process, or the process died; only that run is lost."""


class Child:
    """A worker process: started when first needed, kept for the next run, ended by `close`.

    It ends by itself when this process does, however that ends. `events` serves one run at a
    time; `stop` and `close` may be called from another thread meanwhile.

    Parameters
    ----------
    command : what is started
    patience_s : seconds that a stopped run may take to its end; then the process is killed
    """

    def __init__(self, command: Sequence[str] = COMMAND, patience_s: float = PATIENCE_S) -> None:
        self._command = command
        self._patience_s = patience_s
        self._life: _Life | None = None
        self._number = 0
        self._busy = False
        self._stopping = False

    @property
    def running(self) -> bool:
        """There is a process; a run need not wait for its start."""
        return self._life is not None and self._life.alive

    def start(self) -> None:
        """Start the process now, so that the first run need not wait for it."""
        if self.running:
            return
        if self._life is not None:
            self._life.bury()
        self._life = _Life(self._command)

    def events(self, task: str, request: object) -> Generator[Any]:
        """Run a task there.

        Yields
        ------
        Its events. Closing the generator stops the run, within one event, and waits for that; a
        process that does not stop in time is ended.

        Raises
        ------
        ChildError
            If the task failed or the process died. The next run starts a new process.
        RuntimeError
            If another run is still going on.
        """
        if self._busy:
            raise RuntimeError("expected the end of the run before, got another one")
        self._busy, self._stopping = True, False
        self._number += 1
        try:
            self.start()
            yield from self._converse(Run(self._number, task, request))
        finally:
            self._busy = False

    def stop(self) -> None:
        """Let the run end after its next event."""
        self._stopping = True
        if self._busy and self._life is not None:
            self._life.send_soon(Stop(self._number))

    def close(self) -> None:
        """End the process; a run that goes on ends with a `ChildError`."""
        if self._life is None:
            return
        self._life.kill()
        if not self._busy:  # else the run's own thread still reads from it
            self._life.bury()

    def _converse(self, run: Run) -> Generator[Any]:
        life = self._life
        if life is None:
            raise RuntimeError("expected a call of start()")
        try:
            life.send(run)
            if self._stopping:  # it came while the request was being written
                life.send(Stop(run.number))
            while isinstance(answer := life.receive(), Sent):
                yield answer.event
        except (EOFError, OSError) as error:
            raise _died(life.bury(), life.last_words) from error
        except GeneratorExit:
            self._leave(life, run.number)
            raise
        if isinstance(answer, Failed):
            raise _failed(answer)

    def _leave(self, life: "_Life", number: int) -> None:
        """Wait until a run is over."""
        timer = Timer(self._patience_s, life.kill)
        timer.daemon = True
        timer.start()
        try:
            life.send(Stop(number))
            while not isinstance(life.receive(), Ended | Failed):
                pass
        except (EOFError, OSError):
            life.bury()
        finally:
            timer.cancel()


class _Life:
    """One process, from its start to its end."""

    def __init__(self, command: Sequence[str]) -> None:
        self.last_words = ""
        self._printed = TemporaryFile()  # noqa: SIM115 open as long as the process lives
        self._process = Popen(
            command, stdin=PIPE, stdout=PIPE, stderr=self._printed, creationflags=NO_WINDOW
        )
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("expected pipes to the process, got none")
        self._to, self._from = stdin, stdout
        self._writing = Lock()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def send(self, message: object) -> None:
        with self._writing:
            send(self._to, message)

    def send_soon(self, message: object) -> None:
        """Send now, or never where something large is just being sent; errors show elsewhere."""
        if self._writing.acquire(blocking=False):
            try:
                with suppress(OSError, ValueError):  # dead, or buried
                    send(self._to, message)
            finally:
                self._writing.release()

    def receive(self) -> Any:
        return receive(self._from)

    def kill(self) -> None:
        self._process.kill()

    def bury(self) -> int:
        """End it if need be, free what it held, and give its exit code."""
        self._process.kill()
        code = self._process.wait()
        for stream in (self._to, self._from):
            with suppress(OSError):  # what was not written yet cannot be
                stream.close()
        if not self._printed.closed:
            self._printed.seek(0, os.SEEK_END)
            self._printed.seek(max(0, self._printed.tell() - LAST_WORDS))
            self.last_words = self._printed.read().decode(errors="replace")
            self._printed.close()
        return code


def _died(code: int, last_words: str) -> ChildError:
    how = f"exit code {code}"
    with suppress(ValueError):
        how = signal.Signals(-code).name
    error = ChildError(
        f"The training process ended without a word ({how}), most often because the computer had "
        "no memory left. Only this run is lost: close other programs, and start it again."
    )
    if last_words:
        error.add_note(f"The process had printed:\n{last_words}")
    return error


def _failed(failed: Failed) -> ChildError:
    text = failed.text or failed.kind
    if failed.kind not in TOLD and "out of memory" not in text.lower():
        text = f"Something unexpected happened ({failed.kind}: {failed.text})"
    error = ChildError(text)
    error.add_note(f"In the training process:\n{failed.trace}")
    return error
