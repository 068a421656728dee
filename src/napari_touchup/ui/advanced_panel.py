"""How the network is run."""

from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import QDoubleSpinBox, QSpinBox, QWidget

from napari_touchup.session.session import Session
from napari_touchup.ui.forms import add_row, narrow_combo, narrow_form, push_button, text_label
from napari_touchup.ui.measure import Measure

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "float32", "bfloat16", "float16")
AUTO = "auto"


class AdvancedPanel(QWidget):
    """Diameter, device, tile and precision."""

    def __init__(self, session: Session, measure: Measure) -> None:
        super().__init__()
        self._session = session
        self.diameter = QDoubleSpinBox()
        self.diameter.setRange(0, 10_000)
        self.diameter.setDecimals(1)
        self.diameter.setSuffix(" px")
        self.diameter.setSpecialValueText("as trained")
        self.diameter.setToolTip(
            "Typical width of an object in this image, pixels. The image is scaled so that it"
            " fits the model; “as trained” does not scale."
        )
        self.measure = push_button(
            "Measure: draw a line across a cell",
            "Adds a layer to draw on; the length of the line, in pixels, becomes the diameter",
            measure.start,
        )
        self.device = narrow_combo("What computes: auto takes a GPU where one is at hand")
        self.device.addItems(DEVICES)
        self.chosen = text_label()
        self.tile = QSpinBox()
        self.tile.setRange(0, 8192)
        self.tile.setSingleStep(64)
        self.tile.setSuffix(" px")
        self.tile.setSpecialValueText(AUTO)
        self.tile.setToolTip("Edge of the tiles, pixels; smaller ones need less memory")
        self.precision = narrow_combo("Number format of the computation; auto takes the fastest")
        self.precision.addItems(PRECISIONS)

        form = narrow_form(self)
        add_row(form, "Diameter", self.diameter)
        form.addRow(self.measure)
        add_row(form, "Device", self.device)
        form.addRow(self.chosen)
        add_row(form, "Tile", self.tile)
        add_row(form, "Precision", self.precision)

        for box in (self.diameter, self.tile):
            box.setKeyboardTracking(False)
            box.valueChanged.connect(self._on_view_changed)
        for combo in (self.device, self.precision):
            combo.activated.connect(self._on_view_changed)
        session.events.options.connect(self._on_session_options)
        session.events.device.connect(self._on_session_device)
        self._on_session_options()
        self._on_session_device()

    def _on_view_changed(self) -> None:
        values = {
            "diameter": self.diameter.value() or None,
            "tile": self.tile.value() or None,
            "device": self.device.currentText(),
            "precision": self.precision.currentText(),
        }
        self._session.options = self._session.options.model_copy(update=values)

    def _on_session_options(self) -> None:
        options = self._session.options
        with QSignalBlocker(self.diameter):
            self.diameter.setValue(options.diameter or 0)
        with QSignalBlocker(self.tile):
            self.tile.setValue(options.tile or 0)
        self.device.setCurrentText(options.device)
        self.precision.setCurrentText(options.precision)

    def _on_session_device(self) -> None:
        self.chosen.setText(self._session.device)
        self.chosen.setVisible(bool(self._session.device))
