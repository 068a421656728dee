"""Where a run stands, in words."""

from dataclasses import dataclass, field
from time import perf_counter

from napari_touchup.session import run
from napari_touchup.session.images import Image
from napari_touchup.session.status import Status, capital, found, time_left


@dataclass(eq=False)
class Progress:
    """Counts the events of one run; lives as long as the run."""

    image: Image
    frames: int
    threshold: float  # mask probability of the run
    started: float = field(default_factory=perf_counter)
    number: int = 1  # of the frame, counted from 1
    summaries: list[run.Summary] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def count(self, event: run.Event) -> Status | None:
        """Take an event in; the status to show after it, or None for no change."""
        if isinstance(event, run.FrameStarted):
            self.number = event.number
            return self._status(0, 1)
        if isinstance(event, run.Tile):
            return self._status(event.done, event.total)
        if isinstance(event, run.Note):
            self.notes.append(event.text)
        if isinstance(event, run.FrameDone):
            self.summaries.append(event.summary)
        return None

    def end(self, stopped: bool) -> Status:
        """Status after the run."""
        text = found(self.summaries, self.threshold)
        if stopped and len(self.summaries) < self.frames:
            text = f"Stopped: {len(self.summaries)} of {self.frames} frames done."
        return Status("done", "\n".join([capital(text), *dict.fromkeys(self.notes)]))

    def _status(self, done: int, total: int) -> Status:
        steps, of = (self.number - 1) * total + done, self.frames * total
        frame = f"frame {self.number} of {self.frames}, " if self.frames > 1 else ""
        tiles = f"tile {done} of {total}" if done else "computing"
        left = time_left(steps, of, perf_counter() - self.started)
        return Status("busy", capital(frame + tiles + left), steps, of)
