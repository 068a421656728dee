"""Where a run over a folder stands, in words, and its report."""

from dataclasses import dataclass, field
from time import perf_counter

from napari_touchup.session import folder
from napari_touchup.session.folder_report import Counted, Failed, FolderReport, findings_of
from napari_touchup.session.segment_run import LOADING
from napari_touchup.session.status import Status, time_left

STEPS = 1000  # of the progress bar, for one image


@dataclass(eq=False)
class FolderProgress:
    """Counts the events of one run; lives as long as the run."""

    total: int = 0  # images in the folder
    before: int = 0  # finished before the run
    started: float = 0.0  # when the first image was begun
    counted: list[Counted] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    recalled: list[Counted | Failed] = field(default_factory=list)
    notices: dict[str, None] = field(default_factory=dict)  # in order, each once

    def count(self, event: folder.Event) -> Status | None:
        """Take an event in; the status to show after it, or None for no change."""
        match event:
            case folder.Planned(total=total, finished=finished):
                self.total, self.before = total, finished
            case folder.Loading():
                return Status("busy", LOADING)
            case folder.At(source=source, part=part):
                self.started = self.started or perf_counter()
                return self._status(source.name, part)
            case folder.Notice(text=text):
                self.notices[text] = None
            case Counted():
                self.counted.append(event)
            case Failed():
                self.failed.append(event)
            case folder.Recalled(end=end):
                self.recalled.append(end)
                return self._recalling()
        return None

    def report(self) -> FolderReport:
        recalled = [end for end in self.recalled if isinstance(end, Counted)]
        counted = [*recalled, *self.counted]
        failed = [*(end for end in self.recalled if isinstance(end, Failed)), *self.failed]
        return FolderReport(
            images=self.before + len(self.counted),
            objects=sum(end.objects for end in counted),
            findings=findings_of(counted, failed),
            notices=tuple(self.notices),
            left=self.total - self.before - self._ended,
        )

    @property
    def _ended(self) -> int:
        return len(self.counted) + len(self.failed)

    def _status(self, name: str, part: float) -> Status:
        # a film of many frames ends with part 1 before its masks are written
        steps = round((self._ended + part) * STEPS)
        seconds = perf_counter() - self.started
        left = time_left(steps, (self.total - self.before) * STEPS, seconds)
        number = self.before + self._ended + 1
        text = f"Image {number} of {self.total}{left}\n{name}"
        return Status("busy", text, self.before * STEPS + steps, self.total * STEPS)

    def _recalling(self) -> Status:
        done = len(self.recalled)
        text = f"Counting in masks that were there before: {done} of {self.before}"
        return Status("busy", text, done, self.before)


def ended(report: FolderReport) -> Status:
    """Say how a run ended."""
    failures = sum(finding.kind == "failed" for finding in report.findings)
    if report.left:
        text = (
            f"Stopped: {report.images} images have masks, {report.left} are left."
            " “Segment folder…” goes on where it stopped."
        )
    else:
        text = f"{report.images} images segmented, {report.objects} cells"
        text += f"; {failures} failed" if failures else ""
    return Status("done", "\n".join([text, *report.notices]))
