"""A run of fine-tuning as `touchup fine-tune` shows it."""

from contextlib import closing

from napari_touchup.cli.course import Display, display, time_left
from napari_touchup.engine.lessons import (
    Candidate,
    Checked,
    Event,
    FineTuneRequest,
    Learned,
    Placed,
    Told,
)
from napari_touchup.session.child import Child
from napari_touchup.session.fine_tune_run import TASK, tidy

RECENT = 20  # steps whose average loss is shown


def follow(request: FineTuneRequest) -> Candidate:
    """Run it to its end in the process that a window would take: so the result is the same.

    Raises
    ------
    ChildError
        If it failed; the message says why.
    """
    child, last = Child(), None
    try:
        with closing(child.events(TASK, request)) as events, display(leads=True) as shown:
            told = _Told(shown, request)
            for last in events:
                told.note(last)
    finally:
        child.close()
        if not isinstance(last, Candidate):
            tidy(request.out)
    if not isinstance(last, Candidate):
        raise RuntimeError(f"expected a candidate at the end, got {last}")
    return last


class _Told:
    """What was shown of a run so far."""

    def __init__(self, shown: Display, request: FineTuneRequest) -> None:
        objects = sum(lesson.objects for lesson in request.lessons)
        self._shown = shown
        self._losses: list[float] = []
        self._seconds = 0.0
        shown.say(f"objects that teach: {objects}; kept for checking: {len(request.checks)}")

    def note(self, event: Event) -> None:
        match event:
            case Placed(text) | Told(text):
                self._shown.say(text)
            case Learned():
                self._note_step(event)
            case Checked(done, total):
                text = f"scoring what it did not train on: {done} of {total}"
                self._shown.show(text, done / total, self._seconds)

    def _note_step(self, event: Learned) -> None:
        self._losses.append(event.loss)
        recent = self._losses[-RECENT:]
        rest, self._seconds = time_left(event.progress, event.seconds), event.seconds
        text = f"step {event.step}, loss {sum(recent) / len(recent):.3f}, {rest} left"
        self._shown.show(text, event.progress, event.seconds)
