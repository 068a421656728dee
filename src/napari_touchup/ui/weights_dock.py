"""The Weight map dock: for any labels layer, with or without a network."""

from typing import TYPE_CHECKING, Any

from magicgui.widgets import CheckBox
from napari.layers import Labels
from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_touchup.options import WeightOptions
from napari_touchup.session.status import explain
from napari_touchup.ui.dispatch import QueuedDispatch
from napari_touchup.ui.failure_box import FailureBox
from napari_touchup.ui.fields import number, option_form, show_values
from napari_touchup.ui.forms import (
    add_row,
    narrow_column,
    narrow_combo,
    narrow_form,
    push_button,
    text_label,
)
from napari_touchup.ui.live_weights import LiveWeights

if TYPE_CHECKING:
    import napari.viewer


class WeightMapDock(QWidget):
    """Border weight map of Ronneberger 2015 that follows the brush.

    Parameters
    ----------
    napari_viewer : napari.viewer.Viewer
        The viewer that the dock is part of.
    """

    def __init__(self, napari_viewer: "napari.viewer.Viewer") -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._dispatch = QueuedDispatch()
        self._maps: list[LiveWeights] = []
        self.labels = narrow_combo("The labels layer whose weights are shown")
        self.w0 = number(
            "w0", "w0", 1000, "Weight that is added where two objects touch (no unit)",
            unit="", decimals=1,
        )  # fmt: skip
        self.sigma = number(
            "sigma", "sigma", 1000, "How far from the border the added weight reaches, pixels",
            decimals=1, low=0.1,
        )  # fmt: skip
        self.balance = CheckBox(
            name="balance",
            text="Balance classes",
            tooltip="Weigh background and objects so that both count the same in sum;"
            " computed when the map is made, and fixed while you paint",
        )
        self.form = option_form(self.w0, self.sigma, self.balance, changed=self._on_view_options)
        self.show_map = push_button(
            "Show weight map", "Add the weights as an image layer; it follows the brush", self._show
        )
        self.status = text_label()
        self.failure = FailureBox()

        self._lay_out()

        self.labels.activated.connect(self._on_view_labels)
        napari_viewer.layers.events.inserted.connect(self._on_layers)
        napari_viewer.layers.events.removed.connect(self._on_layers)
        self.destroyed.connect(_Farewell(napari_viewer, self._maps, self._on_layers))
        self._on_layers()

    def _lay_out(self) -> None:
        top, rest = QWidget(), QWidget()
        add_row(narrow_form(top), "Labels", self.labels)
        show_values(self.form, WeightOptions())
        narrow_column(rest, self.form.native, self.show_map, self.status, self.failure)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 4)
        layout.setSpacing(0)
        layout.addWidget(top)
        layout.addWidget(rest)
        layout.addStretch(1)
        self.failure.show_failure(None)
        self.setMaximumWidth(320)

    def options(self) -> WeightOptions:
        return WeightOptions(w0=self.w0.value, sigma=self.sigma.value)

    def _chosen(self) -> LiveWeights | None:
        labels = self.labels.currentData()
        return next((live for live in self._maps if live.labels is labels), None)

    def _show(self) -> None:
        labels = self.labels.currentData()
        if labels is None or self._chosen() is not None:
            return
        balance = self.balance.value
        live = LiveWeights(self._viewer, labels, self._dispatch, self.options(), balance)
        live.failed.connect(self._on_failed)
        live.computed.connect(self._on_computed)
        self._maps.append(live)
        self._on_view_labels()

    def _on_view_labels(self) -> None:
        live = self._chosen()
        self.show_map.setEnabled(live is None and self.labels.currentData() is not None)
        self.status.setText("" if self.labels.currentData() else "Open or paint a labels layer.")

    def _on_view_options(self, _name: str, _value: Any) -> None:
        live = self._chosen()
        if live is not None:
            self.status.setText("Computing")
            live.change(self.options(), self.balance.value)

    def _on_layers(self, event: Any = None) -> None:
        layers = [layer for layer in self._viewer.layers if isinstance(layer, Labels)]
        for live in [*self._maps]:
            if live.labels not in layers or live.layer not in self._viewer.layers:
                live.close()
                self._maps.remove(live)
        chosen = self.labels.currentData()
        with QSignalBlocker(self.labels):
            self.labels.clear()
            for layer in layers:
                self.labels.addItem(layer.name, layer)
            self.labels.setCurrentIndex(layers.index(chosen) if chosen in layers else 0)
        self._on_view_labels()

    def _on_computed(self) -> None:
        live = self._chosen()
        if live is not None:
            classes = live.options
            self.failure.show_failure(None)
            self.status.setText(
                f"Class weights: background {classes.background:.2f},"
                f" objects {classes.foreground:.2f}. Follows the brush."
            )

    def _on_failed(self, error: BaseException) -> None:
        self.status.setText("The weight map was not made.")
        self.failure.show_failure(explain(error))


class _Farewell:
    """Lets go of the viewer after the dock is gone."""

    def __init__(self, viewer: Any, maps: list[LiveWeights], on_layers: Any) -> None:
        self._viewer = viewer
        self._maps = maps
        self._on_layers = on_layers

    def __call__(self) -> None:
        self._viewer.layers.events.inserted.disconnect(self._on_layers)
        self._viewer.layers.events.removed.disconnect(self._on_layers)
        for live in self._maps:
            live.close()
