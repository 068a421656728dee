"""Folders that are there whole or not at all, and outlive a loss of power."""

import filecmp
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4


@contextmanager
def whole(folder: Path) -> Iterator[Path]:
    """Make a folder in a block: it has another name until then, and is deleted if that fails.

    Raises
    ------
    FileExistsError
        If there is something of this name.
    OSError
        If it cannot be written; the message is one sentence.
    """
    if folder.exists():
        raise FileExistsError(f"{folder} is there already: choose another name.")
    part = folder.with_name(f".{folder.name}.{uuid4().hex[:8]}")
    try:
        part.mkdir(parents=True)
        yield part
        sync(part)
        part.rename(folder)
        sync(folder.parent)
    except BaseException as error:
        shutil.rmtree(part, ignore_errors=True)
        if isinstance(error, OSError) and error.strerror:
            raise OSError(f"{folder} cannot be written: {error.strerror}.") from error
        raise


def copy_file(source: Path, target: Path) -> None:
    """Copy a file, and compare what was written.

    Raises
    ------
    OSError
        If that fails, or the copy differs.
    """
    shutil.copyfile(source, target)
    sync(target)
    if not filecmp.cmp(source, target, shallow=False):
        raise OSError(f"{target} differs from {source}, of which it is a copy.")


def copy_tree(source: Path, target: Path) -> None:
    """Copy a folder of files and folders, which need not be there, as `copy_file` does."""
    target.mkdir(parents=True)
    for path in sorted(source.iterdir()) if source.is_dir() else []:
        (copy_tree if path.is_dir() else copy_file)(path, target / path.name)
    sync(target)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    if path.is_dir() and os.name != "posix":
        return  # other systems open no folders
    handle = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def delete(folder: Path, first: Path) -> None:
    """Delete a folder as far as it can be, the file that makes it what it is first."""
    with suppress(OSError):
        first.unlink()
        shutil.rmtree(folder, ignore_errors=True)
