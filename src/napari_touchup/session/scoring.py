"""Masks scored against a truth, in a thread."""

import zlib
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from psygnal import SignalGroupDescriptor

from napari_touchup.core.axes import Stack
from napari_touchup.core.entries import Index
from napari_touchup.core.metrics import match, score_table
from napari_touchup.core.overlap import overlap, pooled
from napari_touchup.core.warping import warping_error
from napari_touchup.session.hits import Hits, draw_hits
from napari_touchup.session.job import Dispatch, Job, direct
from napari_touchup.session.status import Status, failed

IOU = 0.5  # from here on an object is a hit


@dataclass(frozen=True, eq=False)
class ScoreRequest:
    """What shall be scored.

    Attributes
    ----------
    truth, pred : labels with the same axes; are read in a thread
    frames : are scored together; the objects of each are its own
    volumes : frames of one stack along Z have their objects in common
    warping : also the warping error, of a single frame; takes up to seconds
    known : checksum of what was scored already; it is not scored again
    """

    truth: Stack
    pred: Stack
    frames: tuple[Index, ...] = ((),)
    volumes: bool = False
    warping: bool = False
    known: int | None = None

    @property
    def groups(self) -> tuple[tuple[Index, ...], ...]:
        """Frames with their objects in common."""
        axes = self.pred.frame_axes
        if not self.volumes or "Z" not in axes:
            return tuple((index,) for index in self.frames)
        stacks: dict[Index, list[Index]] = {}
        for index in self.frames:
            along = axes.index("Z")
            stacks.setdefault((*index[:along], *index[along + 1 :]), []).append(index)
        return tuple(map(tuple, stacks.values()))


@dataclass(frozen=True, eq=False)
class Scored:
    """Scores, and what they count.

    Attributes
    ----------
    values : as `napari_touchup.core.metrics.score` names them
    hits : at an IoU of 0.5
    pictures : of each frame, (Y, X), see `napari_touchup.session.hits.draw_hits`
    checksum : of the labels, and of what was asked for
    """

    values: Mapping[str, float]
    hits: Hits
    pictures: Mapping[Index, NDArray[np.uint8]]
    checksum: int


@dataclass(eq=False)
class Scoring:
    """Serves one request at a time, the last. Each field has a signal in `events`."""

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    dispatch: Dispatch = direct
    scored: Scored | None = None
    status: Status = field(default_factory=Status)

    def __post_init__(self) -> None:
        self._job: Job | None = None

    def score(self, request: ScoreRequest) -> None:
        """Score anew; what was scored before is shown until then."""
        self._stop()
        known = self.scored.checksum if self.scored else None
        job = self._job = Job(score_frames(replace(request, known=known)), self.dispatch)
        job.progressed.connect(partial(self._on_scored, job))
        job.failed.connect(partial(self._on_failed, job))
        if self.scored is None:
            self.status = Status("busy", "Scoring")
        job.start()

    def clear(self) -> None:
        """Show no score."""
        self._stop()
        self.scored = None
        self.status = Status()

    def close(self) -> None:
        """Stop; nothing is heard of it afterwards."""
        self._stop()
        for name in self.events:
            self.events[name].disconnect()

    def _stop(self) -> None:
        job, self._job = self._job, None
        if job is not None:
            job.stop()

    def _on_scored(self, job: Job, event: Scored | None) -> None:
        if job is self._job and event is not None:
            self.scored = event
            self.status = Status("done", told(event.hits))

    def _on_failed(self, job: Job, error: BaseException) -> None:
        if job is self._job:
            self.scored = None
            self.status = failed(error, "The masks were not scored.")


def told(hits: Hits) -> str:
    """Say what was found and what was not.

    >>> told(Hits(52, 3, 1))
    '52 hits, 3 misses, 1 false object'
    """
    counts = ((hits.hits, "hit"), (hits.misses, "miss"), (hits.false, "false object"))
    plural = {"hit": "hits", "miss": "misses", "false object": "false objects"}
    return ", ".join(f"{n} {name if n == 1 else plural[name]}" for n, name in counts)


def score_frames(request: ScoreRequest) -> Generator[Scored | None]:
    """Score frames together.

    Yields
    ------
    None, Scored
        The first after each frame, so that it can be stopped; the second at the end, unless all
        is as it was.
    """
    checksum = zlib.crc32(repr((request.groups, request.warping)).encode())
    for index in request.frames:
        for labels in _labels(request, index):
            checksum = zlib.crc32(labels.data, checksum)
        yield None
    if checksum == request.known:
        return
    tables, hits, pictures = [], Hits(), {}
    for group in request.groups:
        planes = [_labels(request, index) for index in group]
        truth, pred = (np.stack(each) for each in zip(*planes, strict=True))
        table = overlap(truth, pred)
        matching = match(table, IOU)
        tables.append(table)
        hits += Hits(matching.tp, matching.fn, matching.fp)
        for index, (true, given) in zip(group, planes, strict=True):
            pictures[index] = draw_hits(true, given, table, matching)
        yield None
    values = score_table(pooled(tables))
    if request.warping and len(request.frames) == 1:
        values["warping_error"] = warping_error(truth[0], pred[0]).error
    yield Scored(values, hits, pictures, checksum)


def _labels(request: ScoreRequest, index: Index) -> list[NDArray[np.integer]]:
    """Truth and prediction of a frame: copies, as a person may paint meanwhile."""
    return [np.array(stack.read(index)[0]) for stack in (request.truth, request.pred)]
