"""The file that says which process writes in a project."""

import json
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from socket import gethostname
from uuid import uuid4

import psutil  # type: ignore[import-untyped]

NAME = "lock"
CLOCK_S = 5.0  # by which the start of one process, read twice, may differ


@dataclass(frozen=True, slots=True)
class Holder:
    """Who writes in a project.

    Attributes
    ----------
    host : name of the computer
    process : id
    started : when the process was, seconds since the epoch: ids are used again
    time : when the project was opened, seconds since the epoch
    token : differs for two windows of one process
    """

    host: str
    process: int
    started: float
    time: float
    token: str = field(default_factory=lambda: uuid4().hex)

    def __str__(self) -> str:
        since = time.strftime("%d %b, %H:%M", time.localtime(self.time))
        return f"on {self.host}, process {self.process}, since {since}"

    @property
    def alive(self) -> bool:
        """False only if it is sure that this process is gone."""
        if self.host != gethostname():
            return True
        try:
            process = psutil.Process(self.process)
            gone = process.status() == psutil.STATUS_ZOMBIE
            return not gone and abs(process.create_time() - self.started) < CLOCK_S
        except psutil.NoSuchProcess:
            return False
        except psutil.Error:  # it may be another user's
            return True


def this_process() -> Holder:
    process = psutil.Process()
    return Holder(gethostname(), process.pid, process.create_time(), time.time())


def holder_of(folder: Path) -> Holder | None:
    """Read who holds the lock; None: nobody, or a file that was cut short by a crash."""
    with suppress(FileNotFoundError, ValueError, TypeError):
        return Holder(**json.loads((folder / NAME).read_text(encoding="utf-8")))
    return None


def take(folder: Path, *, by_force: bool = False) -> tuple[Holder, bool]:
    """Take the lock unless a living process holds it.

    Two processes must not call this at once: the caller sees to it.

    Parameters
    ----------
    folder : of the project
    by_force : take it from whoever has it

    Returns
    -------
    holder : Holder
        This process, or the one that has it.
    mine : bool

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    there = holder_of(folder)
    if there is not None and there.alive and not by_force:
        return there, False
    me = this_process()
    part = folder / f"{NAME}.{me.token}"
    try:
        part.write_text(json.dumps(asdict(me)), encoding="utf-8")
        os.replace(part, folder / NAME)  # whole or not at all
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise OSError(f"{folder} cannot be written: {error.strerror}.") from error
    return me, True


def release(folder: Path, holder: Holder) -> None:
    """Remove the lock if it is this holder's; nothing is done in a forked child."""
    with suppress(OSError):
        if holder.process == os.getpid() and holder_of(folder) == holder:
            (folder / NAME).unlink()
