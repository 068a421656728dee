"""The file of a project: connection, transactions, and what goes wrong in words."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import Any

FILE = "ledger.sqlite"
APPLICATION = 0x746F7563  # "touc", in the head of the file
FORMAT = 1  # of the tables
BUSY_S = 10.0  # that another process may take to write
# WAL fails on network shares; FULL: what was committed outlives a loss of power
SETTINGS = ("PRAGMA journal_mode=TRUNCATE", "PRAGMA synchronous=FULL")
TABLES = (
    """CREATE TABLE project (identity TEXT NOT NULL, created REAL NOT NULL)""",
    """CREATE TABLE entry (
        number INTEGER PRIMARY KEY, kind TEXT NOT NULL, image TEXT NOT NULL, frame TEXT NOT NULL,
        time REAL NOT NULL, target INTEGER NOT NULL, done TEXT, objects TEXT NOT NULL)""",
    """CREATE INDEX entry_place ON entry (image, frame)""",
    # apart from the entries, which are read without them much more often
    """CREATE TABLE pixels (number INTEGER PRIMARY KEY, labels BLOB, marks BLOB)""",
    """CREATE TABLE image (fingerprint TEXT PRIMARY KEY, record TEXT NOT NULL)""",
    """CREATE TABLE version (number INTEGER PRIMARY KEY, record TEXT NOT NULL)""",
    """CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL)""",
    f"""PRAGMA application_id={APPLICATION}""",
    f"""PRAGMA user_version={FORMAT}""",
)

Row = tuple[Any, ...]
NAMES = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"


class Database:
    """An SQLite file; whichever thread calls, one at a time.

    After a failure it connects anew, as a disk may be gone and come back.

    Raises
    ------
    ValueError
        From any method, if the file is damaged or none of ours.
    OSError
        From any method, if it cannot be reached or written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = RLock()
        self._connection: sqlite3.Connection | None = None

    def create(self, identity: str, created: float) -> None:
        """Make the file and its tables."""
        with self._using(new=True) as connection, _transaction(connection):
            for statement in TABLES:
                connection.execute(statement)
            connection.execute("INSERT INTO project VALUES (?, ?)", (identity, created))
        self.close()

    def head(self) -> tuple[str, float]:
        """Check that this version can read the file, and give identity and time of creation.

        Raises
        ------
        ValueError
            If it cannot; the message says what to do.
        """
        if not (self._folder / FILE).is_file():
            raise ValueError(_no_project(self._folder))
        with self._using() as connection:
            ((application,),) = connection.execute("PRAGMA application_id")
            ((version,),) = connection.execute("PRAGMA user_version")
            if application != APPLICATION:
                raise ValueError(_no_project(self._folder))
            if version > FORMAT:
                raise ValueError(
                    f"{self._folder} was made by a newer napari-touchup (format {version}, this "
                    f"one reads up to {FORMAT}): update napari-touchup to open it."
                )
            ((identity, time),) = connection.execute("SELECT identity, created FROM project")
            return identity, time

    def read(self, query: str, values: Sequence[Any] = ()) -> list[Row]:
        with self._using() as connection:
            return connection.execute(query, values).fetchall()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Write in one transaction: durable after the block, undone if it raises."""
        with self._using() as connection, _transaction(connection):
            yield connection

    def copy(self, folder: Path) -> None:
        """Write an equal file into another folder, and compare all rows.

        Raises
        ------
        OSError
            If that fails, or the copy differs.
        """
        other = Database(folder)
        with self._using() as ours, other._using(new=True) as theirs:
            # not as files: closing a second handle would let go of SQLite's locks
            ours.backup(theirs)
            tables = [name for (name,) in ours.execute(NAMES)]
            queries = [NAMES, *(f"SELECT * FROM {name} ORDER BY 1" for name in tables)]
            if not all(_equal(ours, theirs, query) for query in queries):
                raise OSError(f"{folder} differs from {self._folder}, of which it is a copy.")
        other.close()

    def close(self) -> None:
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    @contextmanager
    def _using(self, new: bool = False) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._connect(new)
            except BaseException as error:
                self.close()
                if isinstance(error, sqlite3.Error):
                    raise _explained(error, self._folder) from error
                raise

    def _connect(self, new: bool) -> sqlite3.Connection:
        path = self._folder / FILE
        if not new and not path.exists():  # SQLite would make it, or go on in a deleted one
            raise FileNotFoundError(f"{path} is gone.")
        if self._connection is None:
            self._connection = sqlite3.connect(
                path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
            )
            for setting in SETTINGS:
                self._connection.execute(setting)
        return self._connection


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # it may be over already
            connection.execute("ROLLBACK")
        raise


def _equal(ours: sqlite3.Connection, theirs: sqlite3.Connection, query: str) -> bool:
    rows, others = ours.execute(query), theirs.execute(query)
    return all(row == others.fetchone() for row in rows) and others.fetchone() is None


def _no_project(folder: Path) -> str:
    return f"{folder} is no napari-touchup project: choose a folder that holds a {FILE}."


def _explained(error: sqlite3.Error, folder: Path) -> Exception:
    name = getattr(error, "sqlite_errorname", "").removeprefix("SQLITE_")
    if name.startswith("NOTADB"):
        return ValueError(_no_project(folder))
    if name.startswith("CORRUPT"):
        return ValueError(f"{folder} is damaged ({error}): go back to a copy of this folder.")
    if name.startswith("FULL"):
        return OSError(f"The disk is full: {folder} cannot be written.")
    if name.startswith("READONLY"):
        return OSError(f"{folder} cannot be written: it is write-protected, or was moved.")
    if name.startswith("BUSY"):
        return OSError(f"{folder} is in use by another program.")
    return OSError(f"{folder} cannot be reached ({error}).")
