"""Keeps the project in a folder from the first correction on, and finds earlier work again."""

import time
from collections.abc import Generator
from contextlib import suppress
from functools import partial
from pathlib import Path

from napari_touchup.core.entries import NO_HAND
from napari_touchup.io.project import SUFFIX, ProjectFile
from napari_touchup.io.projects import Found, find_by_fingerprint, new_project, remember
from napari_touchup.session.current import choose, current
from napari_touchup.session.images import Image
from napari_touchup.session.job import Job
from napari_touchup.session.ledger import Ledger, Saved
from napari_touchup.session.project import Changed, Project
from napari_touchup.session.ring import RING_PX
from napari_touchup.session.session import Session
from napari_touchup.session.status import Status, failed

NOT_SAVED = "Not saved yet"
READ_ONLY = "Another window works in this project: look as you like, nothing is saved from here."


class Keeper:
    """Tells in `session.saved` where the work is.

    Attributes
    ----------
    place : Path, optional
        Folder in which new projects are made; None: the user's.
    """

    place: Path | None = None

    def __init__(self, session: Session) -> None:
        self._session = session
        self._ring_px = RING_PX
        self._ledger = session.project.ledger
        self._asked: set[str] = set()  # images whose earlier work was offered
        session.changed.connect(self._on_changed)
        session.events.image.connect(self._on_image)
        session.events.model.connect(self._on_model)
        session.events.project.connect(self._on_project)
        self._follow(self._ledger)
        self._on_image(session.image)

    @property
    def can_move(self) -> bool:
        """Whether the project could lie beside the image that is open."""
        folder, image = self._ledger.folder, self._session.image
        beside = None if image is None or image.path is None else image.path.parent
        return folder is not None and beside is not None and folder.parent != beside.absolute()

    @property
    def ring_px(self) -> int:
        """Width of rings in new projects, pixels."""
        return self._ring_px

    @ring_px.setter
    def ring_px(self, ring_px: int) -> None:
        self._ring_px = ring_px
        self._session.project.begin_with(ring_px)

    def keep_beside(self) -> None:
        """Move the project to the folder of the image."""
        folder, image = self._ledger.folder, self._session.image
        if folder is None or image is None or image.path is None:
            return
        target = image.path.parent / folder.name
        if target.exists():
            text = f"There is something named {target.name} beside your images already."
            self._session.status = Status("ask", text)
            return
        self._session.saved = "Moving the project"
        self._ledger.move(target)

    def resume(self, path: Path) -> None:
        """Go on with a project: masks, states and versions as they were."""
        try:
            store = ProjectFile.open(path)
        except (OSError, ValueError) as error:
            self._session.status = failed(error, "The project was not opened.")
            return
        self._session.open_project(Project(Ledger(store, self._session.dispatch)))
        self._use_its_model()
        self._session.status = Status("done", READ_ONLY if store.read_only else _resumed(store))

    def _on_changed(self, changed: Changed) -> None:
        """Give the project a folder when a person first does something."""
        if changed.kind in NO_HAND or self._ledger.folder is not None:
            return
        image = self._session.image
        try:
            name = image.name if image else "cells"
            store = new_project(name, self._ledger.identity, self.place)
        except OSError as error:
            self._on_trouble(
                f"no project can be made ({error.strerror or error}). Go on, it is tried again."
            )
            return
        self._ledger.adopt(store)

    def _on_image(self, image: Image | None) -> None:
        """Look whether an earlier session worked on this image."""
        if image is None:
            return

        def events() -> Generator[list[Found]]:
            if image.key not in self._asked and not self._session.project.masked(image.key):
                self._asked.add(image.key)
                yield find_by_fingerprint(image.key)

        job = Job(events(), self._session.dispatch)
        job.progressed.connect(partial(self._on_found, image))
        job.start()

    def _on_found(self, image: Image, found: list[Found]) -> None:
        session, folder = self._session, self._ledger.folder
        others = [one for one in found if one.path != folder and one.corrections]
        if others and session.image is image and not session.running:
            newest = others[0]
            choices = (
                ("Resume", partial(self.resume, newest.path)),
                ("Start anew", self._drop_question),
            )
            session.status = Status("ask", _offer(newest), choices=choices)

    def _on_model(self) -> None:
        """Remember which version is in use."""
        model = self._session.model
        version = None if model is None else self._session.versions.of(model.path)
        if version is not None:
            choose(self._ledger, version)

    def _use_its_model(self) -> None:
        version = current(self._ledger)
        if version is not None:
            self._session.open_model(self._session.versions.path(version))

    def _on_project(self, project: Project) -> None:
        project.begin_with(self._ring_px)
        self._follow(project.ledger)

    def _follow(self, ledger: Ledger) -> None:
        self._ledger = ledger
        ledger.saved.connect(self._on_saved)
        ledger.saving.connect(self._on_saving)
        ledger.trouble.connect(self._on_trouble)
        self._session.saved = "" if ledger.folder is None else f"Saved in {ledger.folder}"

    def _on_saved(self, saved: Saved) -> None:
        at = time.strftime("%H:%M", time.localtime(saved.time))
        self._session.saved = f"Saved {at} in {saved.folder}"
        with suppress(OSError):  # it is found by the next move, or opened by hand
            remember(saved.folder)

    def _on_saving(self) -> None:
        self._session.saved = "Saving"

    def _on_trouble(self, text: str) -> None:
        self._session.saved = f"{NOT_SAVED}: {text}"

    def _drop_question(self) -> None:
        self._session.status = Status()


def project_name(path: Path) -> str:
    """Name of a project's folder for people.

    >>> project_name(Path("a/cells.touchup"))
    'cells'
    """
    return path.name.removesuffix(SUFFIX)


def _offer(found: Found) -> str:
    at = time.strftime("%d %b, %H:%M", time.localtime(found.time))
    count = "1 correction" if found.corrections == 1 else f"{found.corrections} corrections"
    return f"You worked on this image before: {count}, {at}, in “{found.name}”."


def _resumed(store: ProjectFile) -> str:
    return f"Going on with “{project_name(store.path)}”."
