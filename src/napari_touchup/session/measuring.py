"""The table of a labels layer: kept true in a thread, filtered, sorted, and one row chosen."""

from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
from psygnal import Signal, SignalGroupDescriptor

from napari_touchup.core.columns import named
from napari_touchup.core.condition import holds, parse
from napari_touchup.core.entries import Index
from napari_touchup.core.regions import Columns
from napari_touchup.io.measurements import write_cells
from napari_touchup.session.job import Dispatch, Job, direct
from napari_touchup.session.measured import (
    Cell,
    FrameMeasured,
    Source,
    Table,
    joined,
    measure_frames,
)
from napari_touchup.session.rows import Sort, View, counted, middle
from napari_touchup.session.status import Status, capital, failed


@dataclass(eq=False)
class Measuring:
    """Measures one labels layer at a time. Each field has a signal in `events`."""

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()
    visited = Signal(Cell)  # a person wants to see this object

    dispatch: Dispatch = direct
    source: Source | None = None
    view: View | None = None  # None: nothing is measured yet
    filter: str = ""  # such as "area > 50"
    trouble: str = ""  # what is wrong with the filter; what was shown before stays
    sort: Sort = field(default_factory=Sort)
    column: str = ""  # key of the one that is shown as colours and as a histogram
    selected: Cell | None = None
    status: Status = field(default_factory=Status)

    def __post_init__(self) -> None:
        self._job: Job | None = None
        self._table: Table | None = None
        self._frames: dict[Index, Columns] = {}
        self._known: dict[Index, int] = {}  # checksums of what was measured
        self._waiting: set[Index] = set()  # frames that may have changed
        self.events.filter.connect(self._show)
        self.events.sort.connect(self._show)
        self.events.column.connect(self._tell)

    def measure(self, source: Source | None) -> None:
        """Measure all frames of other labels, or none."""
        self._stop()
        self._frames.clear()
        self._known.clear()
        self._waiting.clear()
        self._table = None
        before, self.source = self.source, source
        if source is None or before is None or source.name != before.name:
            self.selected, self.view, self.status = None, None, Status()
        self.look_again()

    def look_again(self, frames: Iterable[Index] | None = None) -> None:
        """Measure frames that may have changed; by default all."""
        if self.source is None:
            return
        every = self.source.labels.frames()
        self._waiting |= set(every if frames is None else frames)
        if self._job is None and self._waiting:
            self._start(self.source)

    def go(self, cell: Cell) -> None:
        """Select an object, and show it to the person."""
        self.selected = cell
        self.visited.emit(cell)

    def save(self, path: Path) -> None:
        """Write the rows that are shown, with all columns."""
        view, source = self.view, self.source
        if view is None or source is None:
            return
        columns = {name: values[view.rows] for name, values in view.table.columns.items()}
        job = Job(_written(path, source.name, columns), self.dispatch)
        job.progressed.connect(self._on_status)
        job.failed.connect(lambda error: self._on_status(failed(error, "Nothing was saved.")))
        job.start()

    def close(self) -> None:
        """Stop; nothing is heard of it afterwards."""
        self._stop()
        for name in self.events:
            self.events[name].disconnect()

    def _stop(self) -> None:
        job, self._job = self._job, None
        if job is not None:
            job.stop()

    def _start(self, source: Source) -> None:
        frames, self._waiting = sorted(self._waiting), set()
        events = measure_frames(source, frames, dict(self._known))
        job = self._job = Job(events, self.dispatch)
        job.progressed.connect(partial(self._on_measured, job, len(frames)))
        job.failed.connect(partial(self._on_failed, job))
        job.ended.connect(partial(self._on_ended, job))
        self._count, self._changed = 0, not self._frames
        if not self._frames:
            self.status = Status("busy", "Measuring", 0, len(frames))
        job.start()

    def _on_measured(self, job: Job, total: int, event: FrameMeasured) -> None:
        if job is not self._job:
            return
        self._count += 1
        if event.columns is not None:
            self._changed = True
            self._frames[event.index] = event.columns
            self._known[event.index] = event.checksum
            if total > 1:
                text = f"Measuring frame {self._count} of {total}"
                self.status = Status("busy", text, self._count, total)

    def _on_failed(self, job: Job, error: BaseException) -> None:
        if job is self._job:
            self._waiting.clear()
            self._table, self.view = None, None
            self.status = failed(error, "The objects were not measured.")

    def _on_ended(self, job: Job) -> None:
        if job is not self._job:
            return
        self._job = None
        if self._waiting and self.source is not None:
            self._start(self.source)
        elif self._changed and self._frames and self.status.kind != "failed":
            self._renew()

    def _renew(self) -> None:
        """Show all that is measured."""
        if self.source is None:
            return
        self._table = joined(self._frames, self.source.labels)
        shown = {column.key: column.name for column in self._table.shown()}
        if self.column not in shown:  # in pixels before, and now in a unit
            same = named(self.column.partition("_")[0], shown) or named("area", shown)
            self.column = same.key if same else ""
        if self.selected is not None and self._table.row(self.selected) is None:
            self.selected = None
        self._show()

    def _show(self) -> None:
        table = self._table
        if table is None:
            return
        try:
            conditions = parse(self.filter, list(table.columns))
        except ValueError as error:
            self.trouble = capital(str(error))
            return
        self.trouble = ""
        rows = np.flatnonzero(holds(conditions, table.columns, len(table)))
        if self.sort.key in table.columns:
            values = table.columns[self.sort.key][rows].astype(np.float64)
            # what is no number comes last, equals stay in the order of frames and labels
            rows = rows[np.argsort(-values if self.sort.descending else values, kind="stable")]
        self.view = View(table, rows)
        self._tell()

    def _tell(self) -> None:
        """Say how many objects are shown, and the middle of their values."""
        view = self.view
        if view is not None:
            text = counted(len(view.rows), len(view.table))
            self.status = Status("done", text + middle(view, self.column))

    def _on_status(self, status: Status) -> None:
        self.status = status


def _written(path: Path, name: str, columns: Columns) -> Generator[Status]:
    write_cells(path, {name: columns})
    rows = len(columns["cell"])
    yield Status("done", f"Wrote {rows} {'row' if rows == 1 else 'rows'} to {path.name}")
