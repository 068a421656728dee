"""Images to go through one after the other: those of a folder, or the frames of a stack."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from psygnal import SignalGroupDescriptor

from napari_touchup.core.axes import Stack
from napari_touchup.core.entries import Index
from napari_touchup.session.status import Status

Mark = Literal["to do", "corrected", "done"]


@dataclass(frozen=True, slots=True)
class QueueItem:
    """One place of a queue.

    Attributes
    ----------
    name : what people read
    path : of the image's file; None: it is a frame of the image that is open
    frame : index along T, Z
    """

    name: str
    path: Path | None = None
    frame: Index = ()


def unmarked(_item: QueueItem) -> Mark:
    return "to do"


@dataclass(eq=False)
class ImageQueue:
    """Where a person stands in a series of images. Each field has a signal in `events`.

    `items` are told of before `marks` and `position`, which count along them.
    """

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    mark_of: Callable[[QueueItem], Mark] = unmarked  # asked anew by `refresh_marks`
    folder: Path | None = None  # of the images; None: frames of the image that is open
    items: tuple[QueueItem, ...] = ()
    marks: tuple[Mark, ...] = ()  # one for each item
    position: int = -1  # of the item that is open; -1: none is
    status: Status = field(default_factory=Status)  # of opening an image

    def __post_init__(self) -> None:
        self.events.mark_of.connect(self.refresh_marks)

    @property
    def current(self) -> QueueItem | None:
        return self.items[self.position] if self.position >= 0 else None

    def open_folder(self, folder: Path, leave_out: Path | None = None) -> None:
        """Queue the images of a folder and of those in it; none is open yet.

        Parameters
        ----------
        folder : Path
        leave_out : a folder of results, whose files are no images to go through

        Raises
        ------
        OutputError
            If there are no images.
        """
        from napari_touchup.io.outputs import find_images

        paths = find_images([folder], leave_out=leave_out)
        items = (QueueItem(str(path.relative_to(folder)), path) for path in paths)
        self._fill(folder, tuple(items))

    def show_frames(self, stack: Stack | None) -> None:
        """Queue the frames of the image that is open; of a single one there is no queue."""
        frames = tuple(stack.frames()) if stack is not None else ()
        axes = stack.frame_axes if stack is not None else ""
        items = (QueueItem(_frame_name(axes, index), frame=index) for index in frames)
        self._fill(None, tuple(items) if len(frames) > 1 else ())

    def go(self, position: int) -> None:
        """Move to an item; nothing happens where there is none."""
        if 0 <= position < len(self.items):
            self.position = position

    def next(self) -> None:
        self.go(self.position + 1)

    def previous(self) -> None:
        self.go(self.position - 1)

    def find(self, path: Path) -> int:
        """Position of a file; -1 if it is not queued."""
        return next((n for n, item in enumerate(self.items) if item.path == path), -1)

    def refresh_marks(self) -> None:
        """Ask for the marks again: what a person did may have changed them."""
        self.marks = tuple(self.mark_of(item) for item in self.items)

    def refresh_mark(self) -> None:
        """Ask for the mark of the item that is open again."""
        if self.current is not None:
            marks = list(self.marks)
            marks[self.position] = self.mark_of(self.current)
            self.marks = tuple(marks)

    def _fill(self, folder: Path | None, items: tuple[QueueItem, ...]) -> None:
        self.position = -1
        self.folder = folder
        self.status = Status()
        self.items = items
        self.refresh_marks()


def _frame_name(axes: str, index: Index) -> str:
    """For people, who count from 1: ``_frame_name("TZ", (2, 0))`` is "T 3, Z 1"."""
    return ", ".join(f"{letter} {n + 1}" for letter, n in zip(axes, index, strict=True))
