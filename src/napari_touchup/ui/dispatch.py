"""Calls from jobs, made one after the other in the GUI's thread."""

from collections import deque
from collections.abc import Callable

from qtpy.QtCore import QObject, Qt, Signal  # type: ignore[attr-defined]


class QueuedDispatch(QObject):
    """A `Dispatch` for jobs: a call is queued, and made by Qt's event loop.

    Make it in the GUI's thread. It has no parent, so it lives as long as the last job that uses it.
    """

    _posted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._calls: deque[Callable[[], None]] = deque()
        self._calling = False
        self._posted.connect(self._on_posted, Qt.ConnectionType.QueuedConnection)

    def __call__(self, call: Callable[[], None]) -> None:
        self._calls.append(call)
        self._posted.emit()

    def _on_posted(self) -> None:
        # napari's progress bars process events: the next call must not begin inside this one
        if self._calling:
            return
        self._calling = True
        try:
            while self._calls:
                self._calls.popleft()()
        finally:
            self._calling = False
