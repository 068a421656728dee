"""How far the review of an image has come, from what its project knows."""

from math import prod
from pathlib import Path

from napari_touchup.core.axes import Stack
from napari_touchup.session.image_queue import Mark, QueueItem
from napari_touchup.session.images import Image
from napari_touchup.session.project import Project
from napari_touchup.session.session import Session


class Marks:
    """Knows images of files that were opened, now or in an earlier session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._opened: dict[Path, tuple[str, int]] = {}  # key in the project, number of frames

    def note_opened(self, path: Path, image: Image) -> None:
        self._opened[path] = image.key, Stack(image.data, image.axes).frame_count

    def refresh(self) -> None:
        """Take in what the project knows of files that are not open."""
        for record in self._session.project.ledger.images():
            if record.path is not None:
                sizes = zip(record.axes, record.shape, strict=False)
                frames = [size for letter, size in sizes if letter in "TZ"]
                self._opened.setdefault(record.path, (record.fingerprint, prod(frames)))

    def of(self, item: QueueItem) -> Mark:
        project, image = self._session.project, self._session.image
        if item.path is None:
            return "to do" if image is None else frame_mark(project, image.key, item.frame)
        if item.path not in self._opened:
            return "to do"
        return image_mark(project, *self._opened[item.path])


def frame_mark(project: Project, key: str, frame: tuple[int, ...]) -> Mark:
    """Mark a frame: it is corrected once a person changed or confirmed an object in it."""
    if project.is_done(key, frame):
        return "done"
    objects = project.objects(key, frame).values()
    return "corrected" if any(known.state != "untouched" for known in objects) else "to do"


def image_mark(project: Project, key: str, frames: int) -> Mark:
    """Mark an image: done once all its frames are, corrected once one of them is."""
    marks = [frame_mark(project, key, frame) for frame in project.masked(key)]
    if marks.count("done") >= frames:
        return "done"
    return "corrected" if set(marks) - {"to do"} else "to do"
