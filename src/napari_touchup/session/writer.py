"""The ledger's thread: it writes what is pending, and tries until it can."""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Condition, Lock, Thread
from typing import Protocol, Self, runtime_checkable

from napari_touchup.core.entries import Store
from napari_touchup.session.pending import Pending

RETRY_S = 3.0  # between attempts on a disk that is full or gone
LOG = logging.getLogger(__name__)

Report = Callable[[Exception | None], None]


@runtime_checkable
class Movable(Store, Protocol):
    """A store whose folder can change."""

    def copied(self, folder: Path) -> Self:
        """Make a durable copy of the project, under the same identity."""

    def remove(self) -> None:
        """Close the store and delete its folder."""


class Writer:
    """Writes into a store, in a thread.

    Parameters
    ----------
    store : what is pending is written there, in batches of one transaction
    report : callable
        Is called in the thread after each attempt, with None or with what was raised.

    Attributes
    ----------
    changed : Condition
        Is held by whoever changes `pending` or reads it together with `store` and `durable`.
    pending : what the store does not hold yet
    durable : number of the last entry that the store holds
    """

    def __init__(self, store: Store, report: Report) -> None:
        self.store = store
        self.pending = Pending()
        self.changed = Condition()
        self.durable = max((entry.number for entry in store.outline()), default=0)
        self._report = report
        self._busy = Lock()  # the store is being written; is taken before `changed`
        self._change: Callable[[], None] | None = None  # of the store, before the next batch
        self._wanted = self._stopping = False
        self._attempts = self._failed = 0  # number of the last one, and of the last that failed
        # daemon: a disk that never answers must not keep Python alive
        self._thread = Thread(target=self._run, name="touchup-ledger", daemon=True)
        self._thread.start()

    @property
    def settled(self) -> bool:
        return not self.pending and self._change is None

    def adopt(self, store: Store) -> None:
        """Write all that there is into another store, and go on there from now on."""
        with self._busy, self.changed:
            self.pending.put_first(self.store)
            old, self.store, self.durable = self.store, store, 0
            self._write_soon()
        old.close()

    def move(self, folder: Path) -> None:
        """Move the store, which is `Movable`; if that fails it stays where it is."""
        with self.changed:
            self._change = partial(self._move, folder)
            self._write_soon()

    def attempt(self, timeout: float | None = None) -> bool | None:
        """Write what is pending: True if all is durable, False if it failed, None: no time."""
        with self.changed:
            before = self._attempts  # one of these may be about to fail, on a disk that is mended
            self._write_soon()
            self.changed.wait_for(lambda: self.settled or self._failed > before, timeout)
            return self.settled or (False if self._failed > before else None)

    def stop(self, timeout: float) -> None:
        with self.changed:
            self._stopping = True
            self.changed.notify_all()
        self._thread.join(timeout)

    def _run(self) -> None:
        while self._wait():
            if self.settled:  # it was asked for while it was being done
                continue
            error = self._caught()
            try:
                self._report(error)
            except Exception:
                LOG.exception("a listener of the ledger failed")  # the thread must live on
            with self.changed:
                self._failed = self._failed if error is None else self._attempts
                self.changed.notify_all()

    def _wait(self) -> bool:
        with self.changed:
            pause = None if self.settled else RETRY_S
            self.changed.wait_for(lambda: self._wanted or self._stopping, pause)
            self._wanted = False
            self._attempts += 1
            return not self._stopping

    def _caught(self) -> Exception | None:
        try:
            with self._busy:
                self._renew()
                self._write()
        except Exception as error:  # noqa: BLE001 whatever it is, the strokes stay in memory
            return error
        return None

    def _renew(self) -> None:
        change = self._change
        if change is None:
            return
        try:
            change()
        finally:
            with self.changed:
                self._change = None if self._change is change else self._change

    def _write(self) -> None:
        with self.changed:
            batch = self.pending.batch()
        batch.write(self.store)
        with self.changed:
            self.pending.remove(batch)
            if batch.entries:
                self.durable = batch.entries[-1].number

    def _write_soon(self) -> None:
        with self.changed:
            self._wanted = True
            self.changed.notify_all()

    def _move(self, folder: Path) -> None:
        store = self.store
        if isinstance(store, Movable):
            moved = store.copied(folder)
            with self.changed:
                self.store = moved
            store.remove()
