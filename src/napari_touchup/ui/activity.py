"""The run in napari's activity dock."""

from napari.utils import progress

from napari_touchup.session.session import Session
from napari_touchup.session.status import Status


class Activity:
    """One progress bar for each run, gone when the run has ended."""

    def __init__(self, session: Session) -> None:
        self._bar: progress | None = None
        session.events.status.connect(self._on_session_status)
        session.events.running.connect(self._on_session_running)

    def _on_session_running(self, running: bool) -> None:
        if running:
            self._bar = progress(total=0, desc="Touch-Up")
        elif self._bar is not None:
            self._bar.close()
            self._bar = None

    def _on_session_status(self, status: Status) -> None:
        if self._bar is None or status.kind != "busy" or not status.total:
            return
        if self._bar.total != status.total:
            self._bar.reset(status.total)
        self._bar.update(status.done - self._bar.n)
