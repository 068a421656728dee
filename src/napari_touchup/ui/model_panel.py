"""Which model segments."""

from pathlib import Path

from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_touchup.nn.header import DEFAULT_MODEL
from napari_touchup.session.session import Session
from napari_touchup.ui.forms import add_row, narrow_combo, narrow_form

OPEN = "Open file…"


class ModelPanel(QWidget):
    """The models that were opened, the default one first."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.model = narrow_combo("The network that segments: a *.safetensors file")

        add_row(narrow_form(self), "Model", self.model)

        self.model.addItem(OPEN, None)
        self.model.activated.connect(self._on_view_model)
        session.events.model.connect(self._on_session_model)
        if session.model is not None:
            self._on_session_model()
        elif DEFAULT_MODEL.exists():
            session.open_model(DEFAULT_MODEL)

    def _on_view_model(self, row: int) -> None:
        path = self.model.itemData(row)
        if path is None:
            name, _ = QFileDialog.getOpenFileName(
                self, "Open a model", "", "Models (*.safetensors)"
            )
            path = Path(name) if name else None
        if path is not None:
            self._session.open_model(path)
        self._on_session_model()

    def _on_session_model(self) -> None:
        chosen = self._session.model
        if chosen is None:
            return
        paths = [self.model.itemData(row) for row in range(self.model.count())]
        with QSignalBlocker(self.model):
            if chosen.path not in paths:
                name = "default" if chosen.path == DEFAULT_MODEL else chosen.header.name
                self.model.insertItem(self.model.count() - 1, name, chosen.path)
                paths.insert(-1, chosen.path)
            self.model.setCurrentIndex(paths.index(chosen.path))
        size = f"{chosen.header.diameter_px:.0f} px"
        self.model.setToolTip(f"{chosen.path}\nTrained on objects about {size} wide")
