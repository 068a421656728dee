"""Temporary folders for what does not fit into memory."""

import os
import platform
import shutil
from pathlib import Path
from tempfile import gettempdir, mkdtemp

import psutil  # type: ignore[import-untyped]

PREFIX = "touchup-maps-"


def scratch_folder() -> Path:
    """Make a folder, which its maker removes; those that killed programs left behind go too."""
    # a folder of temporary files may be shared by computers, whose processes nobody knows here
    ours = f"{PREFIX}{platform.node()}-"
    _sweep(Path(gettempdir()), ours)
    return Path(mkdtemp(prefix=f"{ours}{os.getpid()}-"))


def _sweep(place: Path, ours: str) -> None:
    for folder in place.iterdir():
        owner = folder.name.removeprefix(ours).split("-")[0]
        left = folder.name.startswith(ours) and owner.isdigit()
        if left and not psutil.pid_exists(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)
