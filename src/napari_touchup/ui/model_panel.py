"""Which model segments."""

from pathlib import Path

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QToolButton, QWidget

from napari_touchup.nn.header import DEFAULT_MODEL
from napari_touchup.session.models import Models, Offer
from napari_touchup.ui.forms import add_row, narrow_combo, narrow_form

OPEN = "Open file…"
MANAGE = "Manage models…"
FILTER = "Models (*.safetensors)"
ORIGINS = {
    "bundled": "Comes with Touch-Up",
    "project": "A version of this project",
    "shared": "Of the folder of shared models",
    "file": "A file that was opened",
}


class ModelPanel(QWidget):
    """All models that can be chosen, and the way to those of the project."""

    def __init__(self, models: Models) -> None:
        super().__init__()
        self._models = models
        self._session = models.session
        self.model = narrow_combo("The network that segments: a *.safetensors file")
        self.manage = QToolButton()

        self.manage.setText("…")
        self.manage.setToolTip(
            "Manage the models of this project: scores, names, comparison, import and export"
        )
        row = QHBoxLayout()
        row.setSpacing(3)
        row.addWidget(self.model, 1)
        row.addWidget(self.manage)
        add_row(narrow_form(self), "Model", row)

        self.model.activated.connect(self._on_view_model)
        models.changed.connect(self._on_models)
        self._on_models()
        if self._session.model is None and DEFAULT_MODEL.exists():
            self._session.open_model(DEFAULT_MODEL)

    def _on_view_model(self, row: int) -> None:
        path = self.model.itemData(row)
        if path is not None:
            self._session.open_model(path)
        elif self.model.itemText(row) == MANAGE:
            self.manage.click()
        else:
            self._ask_and_open()
        self._on_models()  # the choice may have failed

    def _ask_and_open(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Open a model", "", FILTER)
        if name:
            self._session.open_model(Path(name))

    def _on_models(self) -> None:
        offers, chosen = self._models.offers(), self._session.model
        with QSignalBlocker(self.model):
            self.model.clear()
            for number, offer in enumerate(offers):
                if number and offer.origin != offers[number - 1].origin:
                    self.model.insertSeparator(self.model.count())
                self._add(offer)
                if chosen is not None and chosen.path == offer.path:
                    self.model.setCurrentIndex(self.model.count() - 1)
            self.model.insertSeparator(self.model.count())
            self.model.addItems([OPEN, MANAGE])
            if chosen is None:
                self.model.setCurrentIndex(-1)
        if chosen is not None:
            size = f"{chosen.header.diameter_px:.0f} px"
            self.model.setToolTip(
                f"{self.model.currentText()}: {chosen.path}\nTrained on objects about {size} wide"
            )

    def _add(self, offer: Offer) -> None:
        self.model.addItem(offer.name, offer.path)
        about = f"{ORIGINS[offer.origin]}: {offer.path}"
        self.model.setItemData(self.model.count() - 1, about, Qt.ItemDataRole.ToolTipRole)
