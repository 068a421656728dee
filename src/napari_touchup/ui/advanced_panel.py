"""How the network is run."""

from typing import Any

from magicgui.widgets import PushButton
from qtpy.QtWidgets import QWidget

from napari_touchup.nn.build import levels
from napari_touchup.session.session import Session
from napari_touchup.ui.fields import choice, number, option_form, show_values, with_value
from napari_touchup.ui.forms import narrow_column, text_label
from napari_touchup.ui.measure import Measure

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "float32", "bfloat16", "float16")


class AdvancedPanel(QWidget):
    """Diameter, levels, device, tile and precision."""

    def __init__(self, session: Session, measure: Measure) -> None:
        super().__init__()
        self._session = session
        self.diameter = number(
            "diameter", "Diameter", 10_000,
            "Typical width of an object in this image, pixels. The image is scaled so that it"
            " fits the model; “as trained” does not scale.",
            decimals=1, at_lowest="as trained",
        )  # fmt: skip
        self.measure = PushButton(
            text="Measure: draw a line across a cell",
            tooltip="Adds a layer to draw on; the length of the line, in pixels, becomes the"
            " diameter",
        )
        self.levels = choice(
            "prune", "Levels", self._level_choices,
            "How much of the network is run. Fewer levels are faster and coarser; nothing is"
            " trained anew for it.",
        )  # fmt: skip
        self.device = choice(
            "device", "Device", DEVICES, "What computes: auto takes a GPU where one is at hand"
        )
        self.tile = number(
            "tile", "Tile", 8192, "Edge of the tiles, pixels; smaller ones need less memory",
            step=64, at_lowest="auto",
        )  # fmt: skip
        self.precision = choice(
            "precision", "Precision", PRECISIONS,
            "Number format of the computation; auto takes the fastest",
        )  # fmt: skip
        self.form = option_form(
            self.diameter, self.measure, self.levels, self.device, self.tile, self.precision,
            changed=self._on_view_value,
        )  # fmt: skip
        self.chosen = text_label()

        narrow_column(self, self.form.native, self.chosen)

        self.measure.changed.connect(measure.start)
        session.events.options.connect(self._on_session_options)
        session.events.model.connect(self._on_session_model)
        session.events.device.connect(self._on_session_device)
        self._on_session_model()
        self._on_session_device()

    def _on_view_value(self, name: str, value: Any) -> None:
        if name in type(self._session.options).model_fields:
            # 0 stands for None: the model, or the memory, decides
            self._session.options = with_value(self._session.options, name, value or None)

    def _level_choices(self, _field: Any = None) -> list[tuple[str, int]]:
        """Names and numbers; 0 stands for all of the network."""
        model = self._session.model
        *fewer, every = (model and levels(model.header.spec)) or (1,)
        return [(f"all ({every})", 0), *((str(level), level) for level in reversed(fewer))]

    def _on_session_model(self) -> None:
        with self.levels.changed.blocked():
            self.levels.choices = ()  # else those that stay keep their places
            self.levels.reset_choices()
        self.levels.visible = len(self.levels.choices) > 1
        self._on_session_options()

    def _on_session_options(self) -> None:
        show_values(self.form, self._session.options)

    def _on_session_device(self) -> None:
        device = self._session.device
        self.chosen.setText(f"Ran on: {device}")
        self.chosen.setVisible(bool(device))
