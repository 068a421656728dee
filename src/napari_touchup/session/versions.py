"""The models of a project: what it began with, and what it learned since."""

import shutil
import time
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from psygnal import Signal

from napari_touchup.core.entries import Version
from napari_touchup.nn.header import DEFAULT_MODEL, content_hash, read_header
from napari_touchup.nn.naming import copy_named
from napari_touchup.session.ledger import Ledger

FOLDER = "models"  # in the project's folder
SUFFIX = ".safetensors"
UNKEPT = "default.safetensors"  # old projects only noted that they began with the bundled model
Scores = dict[str, float | int | str | None]
_digest = cache(content_hash)  # of the bundled file, which stays as it is while this runs


class Versions:
    """Files of a project's folder `models/`, and what the ledger knows of them.

    A version whose parent is itself is one that a training began with.
    """

    changed = Signal()

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._temporary: Path | None = None  # while the project has no folder

    def all(self) -> tuple[Version, ...]:
        """Give those that were not thrown away, the oldest first."""
        return tuple(version for version in self._ledger.versions() if not version.binned)

    def binned(self) -> tuple[Version, ...]:
        """Give those that were thrown away, the oldest first."""
        return tuple(version for version in self._ledger.versions() if version.binned)

    def folder(self) -> Path:
        if self._ledger.folder is not None:
            folder = self._ledger.folder / FOLDER
            folder.mkdir(exist_ok=True)
            if self._temporary is not None:
                unfinished = shutil.ignore_patterns("candidate-*")
                shutil.copytree(self._temporary, folder, ignore=unfinished, dirs_exist_ok=True)
                self._temporary = None
            return folder
        if self._temporary is None:
            self._temporary = Path(mkdtemp(prefix="touchup-models-"))
        return self._temporary

    def path(self, version: Version) -> Path:
        """Where the file of a version is; while it equals the bundled model, it is that one."""
        bundled = version.digest == _digest(DEFAULT_MODEL) or version.file == UNKEPT
        return DEFAULT_MODEL if bundled else self.folder() / version.file

    def of(self, path: Path) -> Version | None:
        """Give the version that a file is."""
        return next((version for version in self.all() if self.path(version) == path), None)

    def root(self, path: Path) -> Version:
        """Give the version that a training from this file begins with, noting a new one."""
        version = self.of(path)
        if version is None:
            return self._add_root(path)
        known = {each.number: each for each in self._ledger.versions()}
        while version.parent != version.number:
            version = known[version.parent]
        return version

    def take_in(self, path: Path) -> Version:
        """Copy a model file into the project; one that is there already is not copied again.

        Raises
        ------
        ModelFileError
            If it is no model that this version can use.
        OSError
            If it cannot be copied.
        """
        read_header(path)
        digest = content_hash(path)
        known = (each for each in self._ledger.versions() if each.digest == digest)
        version = next(known, None)
        if version is None:
            return self._add_root(path)
        return self.take_back(version) if version.binned else version

    def new_file(self) -> Path:
        """Give the place of a candidate; it is not a version before it is accepted."""
        return self.folder() / f"candidate-{time.time_ns()}{SUFFIX}"

    def add(self, candidate: Path, parent: Version, corrections: int, scores: Scores) -> Version:
        """Make a version of a candidate's file."""
        number = self._next()
        file = f"version-{number}{SUFFIX}"
        shutil.move(candidate, self.folder() / file)
        digest = content_hash(self.folder() / file)
        return self._put(
            Version(number, f"version {number}", parent.number, time.time(), file, digest,
                    corrections, scores)
        )  # fmt: skip

    def rename(self, version: Version, name: str) -> Version:
        """Give another name.

        Raises
        ------
        ValueError
            If it is empty.
        """
        if not name.strip():
            raise ValueError("expected a name for the model, got none")
        return self._put(replace(version, name=name.strip()))

    def throw_away(self, version: Version) -> None:
        """Leave a version out of the list; its file stays in the project."""
        self._put(replace(version, binned=True))

    def take_back(self, version: Version) -> Version:
        return self._put(replace(version, binned=False))

    def export(self, version: Version, target: Path) -> None:
        """Copy a version's file, which holds no pixels and no paths; it is named as the target.

        Raises
        ------
        ValueError
            If it would lie among the project's own files.
        OSError
            If it cannot be written.
        """
        if target.absolute().parent == self.folder().absolute():
            raise ValueError("expected a folder that is not the project's own")
        copy_named(self.path(version), target, target.stem)

    def _add_root(self, path: Path) -> Version:
        number, name = self._next(), read_header(path).name
        file = f"base-{number}{SUFFIX}"
        # also the bundled model, which the next release may replace
        shutil.copyfile(path, self.folder() / file)
        return self._put(Version(number, name, number, time.time(), file, content_hash(path)))

    def _next(self) -> int:
        return max((version.number for version in self._ledger.versions()), default=-1) + 1

    def _put(self, version: Version) -> Version:
        self._ledger.put_version(version)
        self.changed.emit()
        return version
