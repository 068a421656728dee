"""A project in a folder: entries, images, versions and settings, and who writes there."""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self
from uuid import uuid4

from napari_touchup.core.entries import NO_HAND, Entry, ImageRecord, Index, Version
from napari_touchup.io import project_lock, records
from napari_touchup.io.database import FILE, Database
from napari_touchup.io.project_copy import copy_tree, delete, whole
from napari_touchup.io.project_lock import Holder

SUFFIX = ".touchup"
MODELS = "models"
COLUMNS = "number, kind, image, frame, time, target, done, objects"
INSERT = f"INSERT INTO entry ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
ONE = f"SELECT {COLUMNS}, labels, marks FROM entry JOIN pixels USING (number) WHERE number = ?"
NUMBERS = """SELECT number FROM entry WHERE (?1 IS NULL OR image = ?1)
    AND (?2 IS NULL OR frame = ?2) ORDER BY number"""


class ProjectFile:
    """Is a `napari_touchup.core.entries.Store`; made by `create` or `open`.

    Attributes
    ----------
    path : of the folder, absolute
    read_only : another window writes here
    identity : UUID, made once; a copy has the same
    created : seconds since the epoch
    holder : who writes here, if known
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder.absolute()
        self._database = Database(self.path)
        self.identity, self.created = self._database.head()
        self.read_only = True
        self.holder: Holder | None = None

    @classmethod
    def create(cls, folder: Path, identity: str | None = None) -> Self:
        """Make a project in a folder that is not there yet, and open it.

        Raises
        ------
        FileExistsError
            If there is something of this name.
        OSError
            If it cannot be written.
        """
        with whole(folder) as part:
            (part / MODELS).mkdir()
            Database(part).create(identity or str(uuid4()), time.time())
        return cls.open(folder)

    @classmethod
    def open(cls, folder: Path, *, read_only: bool = False, take_over: bool = False) -> Self:
        """Open a project, to write in it unless another living process does.

        Parameters
        ----------
        folder : of the project
        read_only : do not even try to write
        take_over : write in any case: the other window's computer crashed

        Raises
        ------
        ValueError
            If this is no project, is damaged or of a newer version; the message says which.
        OSError
            If it cannot be reached.
        """
        project = cls(folder)
        if not read_only:
            project._enter(take_over)
        return project

    @property
    def models(self) -> Path:
        """Folder of the project's models."""
        return self.path / MODELS

    def append(self, entries: Sequence[Entry]) -> None:
        """Write numbered entries in one transaction; they are durable when it returns.

        Raises
        ------
        PermissionError
            If another window writes here.
        OSError
            If the disk is full, write-protected or gone, or holds other entries of these numbers.
        """
        if not entries:
            return
        pixels = [records.pixel_row(entry) for entry in entries]  # first, as it may take long
        rows = [records.entry_row(entry) for entry in entries]
        with self._writing() as connection:
            # a commit may have reached the disk and failed after that: then these are there
            query = f"SELECT {COLUMNS} FROM entry WHERE number >= ? ORDER BY number"
            there = connection.execute(query, rows[0][:1]).fetchall()
            if there != rows[: len(there)]:
                raise OSError(f"{self.path} was changed from elsewhere: open it anew.")
            connection.executemany(INSERT, rows[len(there) :])
            connection.executemany("INSERT INTO pixels VALUES (?, ?, ?)", pixels[len(there) :])

    def entries(self, image: str | None = None, frame: Index | None = None) -> Iterator[Entry]:
        """Read entries in their order, of one image and one frame where given."""
        place = (image, None if frame is None else records.frame_text(frame))
        # one by one, as labels are large and a long query would hold up whoever writes
        for (number,) in self._database.read(NUMBERS, place):
            ((*row, labels, marks),) = self._database.read(ONE, (number,))
            with self._damage(f"entry {number}"):
                entry = records.entry_from_rows(tuple(row), labels, marks)
            yield entry

    def outline(self) -> Iterator[Entry]:
        """Read all entries without pixels."""
        for row in self._database.read(f"SELECT {COLUMNS} FROM entry ORDER BY number"):
            with self._damage(f"entry {row[0]}"):
                entry = records.entry_from_rows(row)
            yield entry

    def images(self) -> tuple[ImageRecord, ...]:
        found = self._database.read("SELECT record FROM image ORDER BY rowid")
        with self._damage("an image"):
            return tuple(records.image_from_json(text) for (text,) in found)

    def put_image(self, record: ImageRecord) -> None:
        """Add an image, or renew what is known of it."""
        self._put("image", record.fingerprint, records.image_to_json(record))

    def versions(self) -> tuple[Version, ...]:
        found = self._database.read("SELECT record FROM version ORDER BY number")
        with self._damage("a version"):
            return tuple(records.version_from_json(text) for (text,) in found)

    def put_version(self, version: Version) -> None:
        self._put("version", version.number, records.version_to_json(version))

    def settings(self) -> dict[str, str]:
        return dict(self._database.read("SELECT name, value FROM setting"))

    def put_setting(self, name: str, value: str) -> None:
        self._put("setting", name, value)

    def corrections(self, image: str) -> tuple[int, float]:
        """Count what a person did in an image and did not undo; and when the last of it was."""
        query = "SELECT kind, count(*), max(time) FROM entry WHERE image = ? GROUP BY kind"
        found = {kind: (count, last) for kind, count, last in self._database.read(query, (image,))}
        sign = dict.fromkeys((*NO_HAND, "done"), 0) | {"undo": -1}
        count = sum(sign.get(kind, 1) * count for kind, (count, _) in found.items())
        return count, max((last for _, last in found.values()), default=self.created)

    def copied(self, folder: Path) -> Self:
        """Make a copy, verified and durable, in a folder that is not there yet; and open it.

        Raises
        ------
        FileExistsError
            If there is something of this name.
        OSError
            If it cannot be written, or differs after that.
        """
        self._check_mine()
        with whole(folder) as part:
            copy_tree(self.models, part / MODELS)
            self._database.copy(part)
        return self.open(folder)

    def remove(self) -> None:
        """Close the project and delete its folder."""
        self.close()
        delete(self.path, self.path / FILE)

    def moved(self, folder: Path) -> Self:
        """Move to a folder that is not there yet: copied, compared, and only then deleted."""
        copy = self.copied(folder)
        self.remove()
        return copy

    def close(self) -> None:
        """Let go of the file and of its lock."""
        self._database.close()
        if self.holder is not None and not self.read_only:
            project_lock.release(self.path, self.holder)
        self.read_only = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _enter(self, take_over: bool) -> None:
        self.read_only = False
        # in a transaction, as one process at a time may look at the lock; on a disk that cannot
        # be written now `append` tries again
        with suppress(OSError), self._database.writing():
            self._take(take_over)

    def _take(self, by_force: bool = False) -> None:
        """Take the lock, or see whose it is."""
        if self.holder is not None and project_lock.holder_of(self.path) == self.holder:
            return
        self.holder, mine = project_lock.take(self.path, by_force=by_force)
        self.read_only = not mine

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        self._check_mine()
        with self._database.writing() as connection:
            self._take()
            self._check_mine()
            yield connection

    def _check_mine(self) -> None:
        if self.read_only:
            where = f" ({self.holder})" if self.holder else ""
            raise PermissionError(
                f"{self.path} is open in another window{where}: nothing is written from here."
            )

    def _put(self, table: str, key: str | int, value: str) -> None:
        with self._writing() as connection:
            connection.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", (key, value))

    @contextmanager
    def _damage(self, what: str) -> Iterator[None]:
        try:
            yield
        except (ValueError, TypeError, LookupError) as error:
            raise ValueError(
                f"{self.path} is damaged ({what}: {error}): go back to a copy of this folder."
            ) from error
