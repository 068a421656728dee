"""Which models can be chosen: the bundled one, those of the project, and files."""

import os
from collections.abc import Generator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from psygnal import Signal

from napari_touchup.core.entries import Version
from napari_touchup.nn.header import DEFAULT_MODEL, ModelFileError, read_header
from napari_touchup.session.job import Job
from napari_touchup.session.ledger import Ledger
from napari_touchup.session.session import Session
from napari_touchup.session.status import Status, failed
from napari_touchup.session.versions import SUFFIX, Versions
from napari_touchup.session.wanted import ModelChoice

SHARED = "NAPARI_TOUCHUP_MODELS"  # environment variable: a folder of models, which is only read
Origin = Literal["bundled", "project", "shared", "file"]


@dataclass(frozen=True)
class Offer:
    """A model that can be chosen."""

    name: str
    path: Path
    origin: Origin


class Models:
    """Follows the session: its project's versions, and the files that it opened.

    Parameters
    ----------
    session : Session
    folder : Path, optional
        Of models that are listed too, beside that of the environment variable.
    """

    changed = Signal()

    def __init__(self, session: Session, folder: Path | None = None) -> None:
        self.session = session
        self._opened: list[Offer] = []
        self._shared: tuple[Offer, ...] = ()
        self._trouble = ""
        session.events.model.connect(self._on_model)
        session.events.project.connect(self._on_project)
        self._follow()
        named = os.environ.get(SHARED)
        for shared in (Path(named) if named else None, folder):
            if shared is not None:
                self._look_into(shared)
        self._on_model(session.model)

    @property
    def trouble(self) -> str:
        """What is wrong with a shared folder, in one sentence."""
        return self._trouble

    def offers(self) -> tuple[Offer, ...]:
        """Give every model once: bundled, of the project (the newest first), shared, opened."""
        versions = self._versions
        bundled = [Offer("default", DEFAULT_MODEL, "bundled")] if DEFAULT_MODEL.exists() else []
        own = [Offer(v.name, versions.path(v), "project") for v in reversed(versions.all())]
        found: dict[Path, Offer] = {}
        for offer in (*bundled, *own, *self._shared, *self._opened):
            found.setdefault(offer.path, offer)
        return tuple(found.values())

    def use(self, version: Version) -> None:
        """Go back, or forth, to a version."""
        self.session.open_model(self._versions.path(version))

    def bring_in(self, path: Path) -> None:
        """Take a model file into the project and use it; without a project it is just opened."""
        ledger = self.session.project.ledger
        if ledger.folder is None or ledger.read_only:
            self.session.open_model(path)
            return
        try:
            version = self._versions.take_in(path)
        except (OSError, ValueError) as error:
            self.session.status = failed(error, "The model was not opened.")
            return
        self.use(version)
        self.session.status = Status("done", f"“{version.name}” is in the project now, and in use.")

    def export(self, version: Version, target: Path) -> None:
        """Write a version to a file for other people, and say so."""
        try:
            self._versions.export(version, target)
        except (OSError, ValueError) as error:
            self.session.status = failed(error, "The model was not exported.")
        else:
            self.session.status = Status("done", f"“{version.name}” is in {target} now.")

    @property
    def _versions(self) -> Versions:
        return self.session.versions

    def _look_into(self, folder: Path) -> None:
        """Read a shared folder in a thread: it may be far away."""
        job = Job(shared_models(folder), self.session.dispatch)
        job.progressed.connect(self._on_shared)
        job.failed.connect(partial(self._on_no_shared, folder))
        job.start()

    def _on_shared(self, offers: tuple[Offer, ...]) -> None:
        self._shared += offers
        self.changed.emit()

    def _on_no_shared(self, folder: Path, error: BaseException) -> None:
        reason = getattr(error, "strerror", None) or error
        self._trouble = f"The folder of shared models cannot be read ({folder}): {reason}."
        self.changed.emit()

    def _on_model(self, model: ModelChoice | None) -> None:
        if model is not None and model.path not in [offer.path for offer in self.offers()]:
            self._opened.append(Offer(model.header.name, model.path, "file"))
        self.changed.emit()

    def _on_project(self) -> None:
        self._follow()
        self.changed.emit()

    def _follow(self) -> None:
        """Hear of the project's models, and of its folder."""
        ledger = self.session.project.ledger
        self._folder = ledger.folder
        self._versions.changed.connect(self.changed.emit)
        ledger.saved.connect(partial(self._on_saved, ledger))

    def _on_saved(self, ledger: Ledger) -> None:
        """Go on with the same model where its project has moved to another folder."""
        if ledger.folder == self._folder:
            return
        self._folder, model = ledger.folder, self.session.model
        for version in self._versions.all():
            if model is not None and version.file == model.path.name and not model.path.exists():
                self.use(version)
        self.changed.emit()


def shared_models(folder: Path) -> Generator[tuple[Offer, ...]]:
    """List the models of a folder by name; files that are none are left out.

    Raises
    ------
    OSError
        If there is no such folder, or it cannot be read.
    """
    found = []
    for path in sorted(path for path in folder.iterdir() if path.suffix == SUFFIX):
        try:
            found.append(Offer(read_header(path).name, path, "shared"))
        except ModelFileError:
            continue
    yield tuple(sorted(found, key=lambda offer: offer.name.casefold()))
