"""Where projects are, and which of them know an image."""

import json
import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from platformdirs import user_data_path

from napari_touchup.core.entries import ImageRecord
from napari_touchup.io.project import SUFFIX, ProjectFile

PLACE = "NAPARI_TOUCHUP_PROJECTS"  # environment variable: a folder for projects
ELSEWHERE = "elsewhere.json"  # in it: projects that were moved to other folders
FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]+')  # in file names, by one system or another
RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")  # by Windows
LONGEST = 60  # letters of a name: paths of 260 are too long for Windows


@dataclass(frozen=True)
class Found:
    """A project that knows an image.

    Attributes
    ----------
    path : of its folder
    name : of the project
    record : what it knows of the image
    time : of the last change of the image, seconds since the epoch
    corrections : what a person did in the image, and did not undo
    """

    path: Path
    name: str
    record: ImageRecord
    time: float
    corrections: int


def projects_folder() -> Path:
    """Where projects are that nobody put elsewhere."""
    named = os.environ.get(PLACE)
    return Path(named) if named else user_data_path("napari-touchup", appauthor=False) / "projects"


def new_project(name: str, identity: str | None = None, folder: Path | None = None) -> ProjectFile:
    """Make a project in the user's folder, or in another one.

    Parameters
    ----------
    name : of the image, say; what no file name may hold is left out, and "cells 2" taken where
        "cells" is there
    identity : UUID of what was begun in memory
    folder : made where it is not there; `remember` what is in it

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    safe = safe_name(name)
    for number in count(1):
        title = safe if number == 1 else f"{safe} {number}"
        try:
            return ProjectFile.create((folder or projects_folder()) / (title + SUFFIX), identity)
        except FileExistsError:
            continue
    raise AssertionError  # numbers have no end


def safe_name(name: str) -> str:
    """Make a file name of any text.

    >>> safe_name("plate 3/well: A1 "), safe_name("nul.tif"), safe_name("..")
    ('plate 3-well- A1', 'nul.tif project', 'project')
    """
    plain = unicodedata.normalize("NFC", name)
    text = FORBIDDEN.sub("-", plain)[:LONGEST].strip(" .")
    return f"{text} project".strip() if RESERVED.fullmatch(text) or not text else text


def remember(folder: Path) -> None:
    """Keep in mind a project in another folder, so that it is found again.

    Raises
    ------
    OSError
        If this cannot be written.
    """
    folder, known = folder.absolute(), _elsewhere()
    if folder.parent != projects_folder().absolute() and folder not in known:
        listed = [str(path) for path in (folder, *known)]
        part = projects_folder() / f"{ELSEWHERE}.{os.getpid()}"
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(listed, indent=1), encoding="utf-8")
        part.replace(projects_folder() / ELSEWHERE)  # whole or not at all


def known_projects() -> list[Path]:
    """Folders of the projects that are there now; those on a disk that is away are not."""
    here = projects_folder().absolute()
    paths = [*sorted(here.glob(f"*{SUFFIX}")), *_elsewhere()]
    return [path for path in dict.fromkeys(paths) if path.is_dir()]


def find_by_fingerprint(fingerprint: str) -> list[Found]:
    """Projects that know an image, the one that was used last first."""
    found: dict[str, Found] = {}
    for path in known_projects():
        for identity, one in _look_into(path, fingerprint):
            # two folders of one project: a move was cut short before the old one was deleted
            if identity not in found or one.time > found[identity].time:
                found[identity] = one
    return sorted(found.values(), key=lambda one: -one.time)


def _look_into(path: Path, fingerprint: str) -> Iterator[tuple[str, Found]]:
    try:
        with ProjectFile.open(path, read_only=True) as project:
            records = {record.fingerprint: record for record in project.images()}
            if fingerprint in records:
                corrections, time = project.corrections(fingerprint)
                record = records[fingerprint]
                yield project.identity, Found(path, path.stem, record, time, corrections)
    except (OSError, ValueError):
        return  # one that cannot be read must not hide the others


def _elsewhere() -> list[Path]:
    try:
        text = (projects_folder() / ELSEWHERE).read_text(encoding="utf-8")
        return [Path(name) for name in json.loads(text)]
    except (OSError, ValueError, TypeError):
        return []
