"""A thread that drains a generator; the only place where an exception is caught whole."""

from collections.abc import Callable, Generator
from contextlib import closing
from functools import partial
from threading import Event, Thread
from typing import Any

from psygnal import Signal

Dispatch = Callable[[Callable[[], None]], None]


def direct(call: Callable[[], None]) -> None:
    call()


class Job:
    """Runs a generator of events in a thread and hands each event over by `dispatch`.

    The signals are emitted wherever `dispatch` makes its calls: at once in the job's thread
    (`direct`), or in the GUI's thread (a queued dispatch). `ended` is always the last one and
    comes exactly once: after the last event, after `failed`, or after a stop.

    Parameters
    ----------
    events : generator
        Is started, drained and closed in the thread, so its ``finally`` runs there too.
    dispatch : callable
        Takes a function without arguments and calls it, now or later, in order.
    """

    progressed = Signal(object)
    failed = Signal(object)  # the exception, whatever was raised
    ended = Signal()

    def __init__(self, events: Generator[Any, None, Any], dispatch: Dispatch = direct) -> None:
        self._events = events
        self._dispatch = dispatch
        self._stop = Event()
        # daemon: a window that closes in the middle of a long run must not keep Python alive
        self._thread = Thread(target=self._drain, name="touchup-job", daemon=True)

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask for the end; it takes effect before the next event."""
        self._stop.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the thread, at most `timeout` seconds; True if it is over."""
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _drain(self) -> None:
        try:
            with closing(self._events) as events:
                for event in events:
                    if self.stopping:
                        break
                    self._dispatch(partial(self.progressed.emit, event))
        except BaseException as error:  # noqa: BLE001 the boundary: RuntimeError arrives too
            self._dispatch(partial(self.failed.emit, error))
        finally:
            self._dispatch(self.ended.emit)
