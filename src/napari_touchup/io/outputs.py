"""Which file the masks of an image go to, settled before any work starts."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_touchup.io.images import SUFFIXES

NAMED = 6  # files that a message lists by name


class OutputError(ValueError):
    """The outputs would clash with inputs, with each other or with what is there; one line."""


@dataclass(frozen=True, slots=True)
class Task:
    """An image and the files to be made of it."""

    source: Path
    masks: Path
    maps: Path | None = None

    @property
    def outputs(self) -> tuple[Path, ...]:
        return (self.masks,) if self.maps is None else (self.masks, self.maps)

    @property
    def finished(self) -> bool:
        return all(path.exists() for path in self.outputs)


def find_images(inputs: Iterable[Path], leave_out: Path | None = None) -> list[Path]:
    """List the images among files and in folders, in order; each once.

    Files that are named are taken whatever they are called. Folders are searched with their
    subfolders for TIFF, PNG and JPEG; hidden files and what lies in `leave_out` (the folder of
    results, where it is inside) are not looked at.

    Raises
    ------
    OutputError
        If an input does not exist or a folder holds no image.
    """
    found: dict[Path, Path] = {}
    for path in inputs:
        if not path.exists():
            raise OutputError(f"no such file or folder: {path}")
        files = _search(path, leave_out) if path.is_dir() else [path]
        if not files:
            raise OutputError(f"no images in {path} (looked for {', '.join(SUFFIXES)})")
        for file in files:
            found.setdefault(file.resolve(), file)
    return list(found.values())


def without_maps(paths: Sequence[Path]) -> list[Path]:
    """Leave out the maps that `touchup segment --maps` wrote beside masks: ``a_maps.tif``."""
    stems = {path.stem for path in paths}

    def is_maps(path: Path) -> bool:
        stem = path.stem.removesuffix("_maps")
        return stem != path.stem and stem in stems

    return [path for path in paths if not is_maps(path)]


def plan_outputs(
    sources: Sequence[Path], folder: Path, *, maps: bool = False, resume: bool = False
) -> list[Task]:
    """Decide where the masks go: those of `a.png` to `folder/a.tif`, its maps to `a_maps.tif`.

    Parameters
    ----------
    sources : images, each once
    folder : need not exist
    maps : whether maps are wanted as well
    resume : leave out what is finished, instead of refusing

    Returns
    -------
    list of Task
        All of them, or with `resume` those that are not finished.

    Raises
    ------
    OutputError
        If an image would be written over, two results have one name, or results are there.
    """
    tasks = [task_of(source, folder, maps) for source in sources]
    if over := _over_inputs(tasks):
        raise OutputError(f"results would be written over the images {_names(over)}")
    if same := _same_outputs(tasks):
        raise OutputError(f"several images would have one result: {_names(same)}")
    left = [task for task in tasks if not (resume and task.finished)]
    # with resume too: masks without their maps may be of another run, mended by hand
    there = [path for task in left for path in _in_the_way(task, resume)]
    if there:
        hint = "they lack their maps" if resume else "--resume skips what is finished"
        raise OutputError(f"already there: {_names(there)}; {hint}")
    return left


def task_of(source: Path, folder: Path, maps: bool = False) -> Task:
    """Name the results of an image: ``a.png`` becomes ``folder/a.tif``."""
    stem = source.stem
    if stem.lower().endswith(".ome"):
        stem = stem[:-4]  # what is written is no OME-TIFF
    return Task(source, folder / f"{stem}.tif", folder / f"{stem}_maps.tif" if maps else None)


def _search(folder: Path, leave_out: Path | None) -> list[Path]:
    root, away = folder.resolve(), leave_out.resolve() if leave_out else None
    inside = away is not None and away != root and away.is_relative_to(root)

    def wanted(path: Path) -> bool:
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        result = inside and away is not None and path.resolve().is_relative_to(away)
        return path.suffix.lower() in SUFFIXES and not hidden and not result and path.is_file()

    return sorted(filter(wanted, folder.rglob("*")))


def _key(path: Path) -> str:
    """Equal for two names of one file, also on disks that know no capitals."""
    return str(path.resolve()).casefold()


def _over_inputs(tasks: Sequence[Task]) -> list[str]:
    sources = {_key(task.source) for task in tasks}
    return [str(path) for task in tasks for path in task.outputs if _key(path) in sources]


def _same_outputs(tasks: Sequence[Task]) -> list[str]:
    makers = defaultdict(list)
    for task in tasks:
        for path in task.outputs:
            makers[_key(path)].append((task.source, path))
    return [
        f"{' and '.join(str(source) for source, _ in group)} ({group[0][1].name})"
        for group in makers.values()
        if len(group) > 1
    ]


def _in_the_way(task: Task, resume: bool) -> list[str]:
    # maps are put in place first, so that maps alone are what a run left that was cut short
    stay: Callable[[Path], bool] = (lambda path: path == task.masks) if resume else bool
    return [str(path) for path in task.outputs if stay(path) and path.exists()]


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
