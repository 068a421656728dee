"""The models of a project: behind the model chooser."""

from collections.abc import Callable
from pathlib import Path

from qtpy.QtCore import QPoint
from qtpy.QtWidgets import QDialog, QFileDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_touchup.core.entries import Version
from napari_touchup.io.projects import safe_name
from napari_touchup.session.comparison import Comparison
from napari_touchup.session.models import Models
from napari_touchup.session.status import Status
from napari_touchup.session.versions import SUFFIX
from napari_touchup.ui.compare_layer import CompareLayer
from napari_touchup.ui.compare_panel import ComparePanel
from napari_touchup.ui.forms import push_button, text_label
from napari_touchup.ui.model_panel import FILTER
from napari_touchup.ui.versions_table import VersionsTable

SIZE = 680, 260  # pixels; leaves most of a laptop's canvas free
NOTHING = "This project has no models of its own yet: a fine-tuning that you accept makes one."
NO_BIN = "The bin is empty."


class VersionsPanel(QDialog):
    """A window beside the canvas; it stays open while one works."""

    def __init__(
        self, models: Models, comparison: Comparison, layer: CompareLayer, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._dock = parent
        self._models = models
        self._session = models.session
        self._comparison = comparison
        self.hint = text_label()
        self.table = VersionsTable()
        self.buttons = {name: push_button(*texts) for name, texts in self._actions().items()}
        self.bin = QPushButton("Bin")
        self.compare = ComparePanel(comparison, layer)
        self.trouble = text_label()

        self.bin.setCheckable(True)
        self.bin.setToolTip("Show the versions that were deleted, to take them back")
        self._lay_out()

        self.table.renamed.connect(self._on_view_name)
        self.table.itemSelectionChanged.connect(self._on_selection)
        self.bin.toggled.connect(self._on_models)
        self.finished.connect(lambda: comparison.end())
        models.changed.connect(self._on_models)
        comparison.events.running.connect(self._on_selection)
        self._on_models()

    def show_beside(self) -> None:
        """Show it at the lower left of napari's window, where it hides least of the image."""
        window = self._dock.window() or self._dock
        if not self.isVisible():
            corner = window.mapToGlobal(QPoint(8, window.height() - self.height() - 40))
            self.move(corner)
        self.show()
        self.raise_()

    def _actions(self) -> dict[str, tuple[str, str, Callable[[], object]]]:
        """Text, tooltip and call of each button."""
        return {
            "use": ("Use", "Make it the model that segments; masks stay as they are", self._use),
            "compare": (
                "Compare",
                "Segment the shown frame with it into a layer of its own; nothing is changed",
                self._compare,
            ),
            "rename": ("Rename", "Give it another name", self.table.edit_name),
            "export": (
                "Export…",
                "Save it as a file for other people: name, channels, expected diameter and how it"
                " was trained; no pixels, no paths",
                self._export,
            ),
            "import": (
                "Import…", "Take a model file into this project, and use it", self._import
            ),
            "delete": ("Delete", "Put it into the bin; the model in use stays", self._delete),
            "back": ("Take back", "Put it into the list again", self._take_back),
        }  # fmt: skip

    def _lay_out(self) -> None:
        self.setWindowTitle("Models of this project")
        row = QHBoxLayout()
        row.setSpacing(4)
        for button in (*self.buttons.values(), self.bin):
            button.setAutoDefault(False)  # Enter ends the editing of a name, and no more
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        for widget in (self.hint, self.table):
            column.addWidget(widget)
        column.addLayout(row)
        column.addWidget(self.compare)
        column.addWidget(self.trouble)
        self.resize(*SIZE)

    def _use(self) -> None:
        self._with_selected(self._models.use)

    def _compare(self) -> None:
        self._with_selected(self._comparison.start)

    def _export(self) -> None:
        self._with_selected(self._ask_and_export)

    def _ask_and_export(self, version: Version) -> None:
        proposed = f"{safe_name(version.name)}{SUFFIX}"
        name, _ = QFileDialog.getSaveFileName(self, "Export the model", proposed, FILTER)
        if name:
            path = Path(name)
            self._models.export(
                version, path if path.suffix == SUFFIX else path.with_name(path.name + SUFFIX)
            )

    def _import(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Import a model", "", FILTER)
        if name:
            self._models.bring_in(Path(name))

    def _delete(self) -> None:
        self._with_selected(self._session.versions.throw_away)

    def _take_back(self) -> None:
        self._with_selected(self._session.versions.take_back)

    def _with_selected(self, act: Callable[[Version], object]) -> None:
        version = self.table.selected
        if version is not None:
            act(version)

    def _on_view_name(self, version: Version, name: str) -> None:
        try:
            self._session.versions.rename(version, name)
        except ValueError as error:
            self._session.status = Status("ask", f"Not renamed: {error}.")
            self._on_models()

    def _on_models(self) -> None:
        versions = self._session.versions
        every = (*versions.all(), *versions.binned())
        shown = versions.binned() if self.bin.isChecked() else versions.all()
        names = {version.number: version.name for version in every}
        self.table.show_versions(shown[::-1], names, self._current())
        self.hint.setText(NO_BIN if self.bin.isChecked() else NOTHING)
        self.hint.setVisible(not shown)
        self.bin.setText(f"Bin ({len(versions.binned())})")
        self.trouble.setText(self._models.trouble)
        self.trouble.setVisible(bool(self._models.trouble))
        self._on_selection()

    def _on_selection(self) -> None:
        """Offer what can be done with the selected version."""
        version, current, binned = self.table.selected, self._current(), self.bin.isChecked()
        writable = not self._session.project.ledger.read_only  # another window writes there
        self.table.allow_renaming(writable)
        other = version is not None and (current is None or version.number != current.number)
        possible = {
            "use": other,
            "compare": other and not self._comparison.running,
            "rename": version is not None and writable,
            "export": version is not None,
            "import": True,
            "delete": other and writable,
            "back": other and writable,
        }
        for name, button in self.buttons.items():
            button.setEnabled(possible[name])
            button.setVisible((name in ("back", "export")) if binned else name != "back")

    def _current(self) -> Version | None:
        model = self._session.model
        return None if model is None else self._session.versions.of(model.path)
