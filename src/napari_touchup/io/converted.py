"""What becomes of files that are turned into other formats, one after the other."""

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from napari_touchup.io.images import ImageFile, open_image
from napari_touchup.io.outputs import OutputError, find_images
from napari_touchup.io.pairs import PairError, by_name, listed, name_of

# what an unreadable file, a full disk, the network's memory or masks that do not fit raise;
# anything else is a bug
FAILURES = (OSError, ValueError, RuntimeError, MemoryError)


@dataclass(frozen=True, slots=True)
class Converted:
    """A file is done.

    Attributes
    ----------
    source : Path
    written : tuple of Path
        Files that were made of it alone.
    objects : int
        Counted in every frame anew.
    notes : tuple of str
        Something that people should know, a line each.
    """

    source: Path
    written: tuple[Path, ...]
    objects: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NotConverted:
    source: Path
    reason: str  # one line


Event = Converted | NotConverted


class _Task(Protocol):
    @property
    def source(self) -> Path: ...


AnyTask = TypeVar("AnyTask", bound=_Task)


def first_line(error: BaseException) -> str:
    """Say in one line why a file failed."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def one_by_one(
    tasks: Iterable[AnyTask], convert: Callable[[AnyTask], Converted]
) -> Generator[Event]:
    """Convert files; one that fails does not stop the others."""
    for task in tasks:
        try:
            yield convert(task)
        except FAILURES as error:
            yield NotConverted(task.source, first_line(error))


@contextmanager
def opened(path: Path | None) -> Iterator[ImageFile | None]:
    """Open an image for the length of a block, if there is one."""
    if path is None:
        yield None
        return
    with open_image(path) as image:
        yield image


def images_of(
    sources: Sequence[Path], images: Path | None, name: Callable[[Path], str] = name_of
) -> Mapping[Path, Path]:
    """Find the image of each file by its name; one file and one image may have any.

    Parameters
    ----------
    sources : files
    images : a file or a folder, searched with its subfolders; None: there are none
    name : that the image of a file has

    Raises
    ------
    OutputError
        If there are no images, two have one name, or that of a file is missing.
    """
    if images is None:
        return {}
    found = find_images([images])
    if len(sources) == 1 and images.is_file():
        return {sources[0]: images}
    try:
        known = by_name(found)
    except PairError as error:
        raise OutputError(str(error)) from error
    if missing := [str(path) for path in sources if name(path) not in known]:
        raise OutputError(f"no image for {listed(missing)}")
    return {path: known[name(path)] for path in sources}


def refuse_clashes(outputs: Sequence[Path]) -> None:
    """Make sure, before work starts, that nothing would be written over.

    Raises
    ------
    OutputError
        If one of the outputs is there, or two are the same.
    """
    if there := [str(path) for path in outputs if path.exists()]:
        raise OutputError(f"already there: {listed(there)}; nothing is written over")
    # also on disks that know no capitals
    counts = Counter(str(path).casefold() for path in outputs)
    if same := [str(path) for path in outputs if counts[str(path).casefold()] > 1]:
        raise OutputError(f"several files would become {listed(sorted(set(same)))}")
