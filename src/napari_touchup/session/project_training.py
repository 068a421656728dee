"""Fine-tuning of a project in its folder, without a window."""

from pathlib import Path

from napari_touchup.core.entries import ImageRecord, Version
from napari_touchup.engine.lessons import Candidate, FineTuneRequest
from napari_touchup.io.project import ProjectFile
from napari_touchup.nn.header import DEFAULT_MODEL, read_header
from napari_touchup.session.current import choose, current
from napari_touchup.session.fine_tune_request import How, Models, make_request
from napari_touchup.session.gallery import Gallery
from napari_touchup.session.ledger import Ledger
from napari_touchup.session.project import Project
from napari_touchup.session.sources import find_sources
from napari_touchup.session.versions import Versions


class ProjectTraining:
    """Makes a request of a project, and a version of what comes of it; `close` it at the end.

    Parameters
    ----------
    folder : of the project
    write : whether a version shall be added to it

    Attributes
    ----------
    away : corrected images that no file holds any more; known once the request is made

    Raises
    ------
    ValueError
        If this is no project.
    PermissionError
        If a version shall be added, and a window works in the project.
    """

    def __init__(self, folder: Path, write: bool) -> None:
        store = ProjectFile.open(folder, read_only=not write)
        if write and store.read_only:
            holder = store.holder
            store.close()
            raise PermissionError(
                f"{folder} is open in another window ({holder}): close it there, or leave the "
                "project as it is with -o MODEL.safetensors instead of --accept"
            )
        self._folder = folder
        self._project = Project(Ledger(store))
        self._ledger = self._project.ledger
        self._versions = Versions(self._ledger)
        self._gallery = Gallery(beside=folder.absolute().parent)
        self.away: tuple[ImageRecord, ...] = ()

    @property
    def model(self) -> Path:
        """The model in use; the bundled one where the project has none yet."""
        version = current(self._ledger)
        return DEFAULT_MODEL if version is None else self._versions.path(version)

    def request(self, how: How, out: Path | None = None) -> FineTuneRequest:
        """Read all that the project teaches.

        Parameters
        ----------
        out : the candidate's file; None: one in the project's folder

        Raises
        ------
        ValueError
            If nothing teaches, or no image is found; the message says what to do.
        """
        model = self.model
        found = find_sources(self._project, self._gallery, read_header(model).spec.in_channels)
        self.away = found.away
        if found.away and not found.found:
            raise ValueError(f"none of the corrected images was found: {listed(found.away)}")
        name, base = self._root(model)
        models = Models(name, base, model, out or self._versions.new_file())
        return make_request(self._ledger, found.found, models, how)

    def accept(self, candidate: Candidate) -> Version:
        """Make the candidate a version, the one in use.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        root, taught = self._versions.root(self.model), self._project.counts().teach
        scores = candidate.scores.as_json()
        version = self._versions.add(candidate.path, root, taught, scores)
        choose(self._ledger, version)
        if not self._ledger.flush():
            raise OSError(f"{self._folder} cannot be written: the version was not added")
        return version

    def path(self, version: Version) -> Path:
        return self._versions.path(version)

    def close(self) -> None:
        self._project.close()

    def _root(self, model: Path) -> tuple[str, Path]:
        """Name and file of what a training begins with; nothing is written down."""
        version = self._versions.of(model)
        if version is None:
            return read_header(model).name, model
        root = self._versions.root(model)
        return root.name, self._versions.path(root)


def listed(images: tuple[ImageRecord, ...]) -> str:
    """Name images, and where they were."""
    return ", ".join(
        f"{image.name} ({'in memory only' if image.path is None else image.path})"
        for image in images
    )
