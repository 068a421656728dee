"""All that was done, in order: numbered at once, durable a moment later."""

import atexit
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from psygnal import Signal

from napari_touchup.core.entries import Entry, ImageRecord, Index, Store, Version
from napari_touchup.session.job import Dispatch, direct
from napari_touchup.session.memory_store import is_of, without_pixels
from napari_touchup.session.pending import Pending
from napari_touchup.session.writer import Movable, Writer

WAIT_S = 0.03  # for the disk when the brush is lifted; a slower one is waited for elsewhere
CLOSE_S = 10.0  # for the last of it


@dataclass(frozen=True, slots=True)
class Saved:
    """Everything so far is on disk."""

    time: float  # seconds since the epoch
    folder: Path


class Ledger:
    """Takes entries and gives them to a store; nothing is lost while the store fails.

    The signals are emitted where `dispatch` makes its calls. What cannot be written stays in
    memory, in order, and is tried again with the next entry, by `flush`, and every few seconds.

    Parameters
    ----------
    store : what was done before; the ledger closes it
    dispatch : callable
        Takes a function without arguments and calls it, now or later, in order.
    """

    saved = Signal(Saved)  # comes only from a store that has a folder
    saving = Signal()  # it takes longer than a moment
    trouble = Signal(str)  # what happened; everything goes on in memory

    def __init__(self, store: Store, dispatch: Dispatch = direct) -> None:
        self._dispatch = dispatch
        self._writer = Writer(store, self._report)
        self._last = self._writer.durable
        self._shown = ""  # the trouble that was told last
        self._closed = False
        atexit.register(self.close)

    @property
    def identity(self) -> str:
        return self._writer.store.identity

    @property
    def folder(self) -> Path | None:
        """Where the project is; None while it is in memory only."""
        path = self._writer.store.path
        return path if path.name else None

    @property
    def read_only(self) -> bool:
        return self._writer.store.read_only

    @property
    def unsaved(self) -> int:
        """Number of entries that are not durable yet."""
        return len(self._writer.pending.entries)

    def append(self, entries: Sequence[Entry]) -> tuple[Entry, ...]:
        """Give entries numbers, write them in one transaction, wait for it only a moment.

        Returns
        -------
        tuple of Entry
            With their numbers.

        Raises
        ------
        RuntimeError
            After `close`.
        """
        self._check_open()
        with self._writer.changed:
            numbers = range(self._last + 1, self._last + 1 + len(entries))
            numbered = tuple(
                replace(entry, number=n) for entry, n in zip(entries, numbers, strict=True)
            )
            self._writer.pending.entries.extend(numbered)
            self._last += len(numbered)
        self._write()
        return numbered

    def entries(self, image: str | None = None, frame: Index | None = None) -> list[Entry]:
        """All entries in their order, of one image and one frame where given.

        Raises
        ------
        OSError
            If the store cannot be read.
        """
        while True:
            store, durable, pending = self._snapshot()
            try:
                stored = [e for e in store.entries(image, frame) if e.number <= durable]
            except OSError:
                if store is self._writer.store:  # else it moved meanwhile
                    raise
            else:
                return stored + [entry for entry in pending.entries if is_of(entry, image, frame)]

    def outline(self) -> list[Entry]:
        """All entries without pixels."""
        store, durable, pending = self._snapshot()
        stored = [entry for entry in store.outline() if entry.number <= durable]
        return [*stored, *map(without_pixels, pending.entries)]

    def images(self) -> tuple[ImageRecord, ...]:
        store, _, pending = self._snapshot()
        known = {record.fingerprint: record for record in store.images()}
        return tuple((known | pending.images).values())

    def put_image(self, record: ImageRecord) -> None:
        self._put(Pending(images={record.fingerprint: record}))

    def versions(self) -> tuple[Version, ...]:
        """All models, by number."""
        store, _, pending = self._snapshot()
        known = {version.number: version for version in store.versions()} | pending.versions
        return tuple(known[number] for number in sorted(known))

    def put_version(self, version: Version) -> None:
        self._put(Pending(versions={version.number: version}))

    def setting(self, name: str) -> str | None:
        store, _, pending = self._snapshot()
        return (store.settings() | pending.settings).get(name)

    def put_setting(self, name: str, value: str) -> None:
        self._put(Pending(settings={name: value}))

    def adopt(self, store: Store) -> None:
        """Write all that there is into another store, which is empty, and go on there.

        Raises
        ------
        ValueError
            If the store holds entries, or has another identity: what is held out hangs on it.
        """
        if store.identity != self.identity:
            raise ValueError(f"expected a store of {self.identity}, got one of {store.identity}")
        if next(iter(store.outline()), None) is not None:
            raise ValueError(f"expected an empty project, got {store.path} with entries")
        self._writer.adopt(store)

    def move(self, folder: Path) -> None:
        """Move the project; `saved` tells that it was done, `trouble` that it stays.

        Raises
        ------
        RuntimeError
            If there is no folder yet.
        """
        if not isinstance(self._writer.store, Movable):
            raise RuntimeError("expected adopt() before move(): the project has no folder yet")
        self._writer.move(folder)

    def flush(self, timeout: float | None = None) -> bool:
        """Write what is pending; False after a failure or the timeout (seconds)."""
        return self._writer.settled or bool(self._writer.attempt(timeout))

    def close(self) -> bool:
        """Write what is pending and let go of the store; False if something stays unwritten."""
        if not self._closed:
            self.flush(CLOSE_S)
            self._closed = True
            atexit.unregister(self.close)
            self._writer.stop(CLOSE_S)
            self._writer.store.close()
        return self._writer.settled

    def _put(self, records: Pending) -> None:
        self._check_open()
        with self._writer.changed:
            self._writer.pending.update(records)
        self._write()

    def _write(self) -> None:
        if self._writer.attempt(WAIT_S) is None:
            self._dispatch(self._tell_saving)

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("expected an open ledger: close() was called before")

    def _snapshot(self) -> tuple[Store, int, Pending]:
        with self._writer.changed:
            return self._writer.store, self._writer.durable, self._writer.pending.batch()

    def _report(self, error: Exception | None) -> None:
        """Comes in the writer's thread."""
        self._dispatch(self._tell_saved if error is None else lambda: self._tell_trouble(error))

    def _tell_saving(self) -> None:
        if not self._writer.settled:  # it may be by now
            self._shown = ""
            self.saving.emit()

    def _tell_saved(self) -> None:
        self._shown = ""
        if self.folder is not None and self._writer.settled:
            self.saved.emit(Saved(time.time(), self.folder))

    def _tell_trouble(self, error: Exception) -> None:
        waiting = self.unsaved
        text = str(error) or type(error).__name__
        if waiting:
            noun = "change is" if waiting == 1 else "changes are"
            text += f" {waiting} {noun} kept in memory and written as soon as it can be."
        if text != self._shown:
            self._shown = text
            self.trouble.emit(text)
