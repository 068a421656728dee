"""Which of a project's models is in use."""

from contextlib import closing
from os import PathLike
from pathlib import Path

from napari_touchup.core.entries import Version
from napari_touchup.io.project import ProjectFile
from napari_touchup.nn import header
from napari_touchup.session.ledger import Ledger
from napari_touchup.session.versions import Versions

MODEL = "model"  # setting: number of the version that is in use


def current(ledger: Ledger) -> Version | None:
    """Version in use: the one that was chosen, else the newest; None where there is none yet."""
    versions, chosen = Versions(ledger).all(), ledger.setting(MODEL)
    newest = versions[-1] if versions else None
    return next((version for version in versions if str(version.number) == chosen), newest)


def choose(ledger: Ledger, version: Version) -> None:
    """Make a version the one in use."""
    ledger.put_setting(MODEL, str(version.number))


def model_of(folder: Path) -> Path | None:
    """File of the model that a project uses; None where it has none yet.

    Raises
    ------
    ValueError
        If this is no project, or one of a newer napari-touchup.
    OSError
        If it cannot be read.
    """
    with closing(Ledger(ProjectFile.open(folder, read_only=True))) as ledger:
        version = current(ledger)
        return None if version is None else Versions(ledger).path(version)


def find_model(name: str | PathLike[str]) -> Path:
    """Path of the bundled model ("default"), of a model file, or of the model of a project.

    Of a project that has no model yet it is the bundled one.

    Raises
    ------
    ModelFileError
        If there is no such file.
    ValueError
        If a folder is no project.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return model_of(folder) or header.DEFAULT_MODEL
    return header.find_model(name)
