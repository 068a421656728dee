"""Which labels are measured, and in which image."""

from collections.abc import Iterable, Sequence

from napari.layers import Image, Labels, Layer
from qtpy.QtCore import QSignalBlocker, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QWidget

from napari_touchup.ui.forms import narrow_combo
from napari_touchup.ui.layers import MADE_BY
from napari_touchup.ui.measured_layers import axes_of, image_axes, proposed, same_frames
from napari_touchup.ui.turning import Turning

WIDE = 420  # pixels
OBJECTS = (None, "masks", "other masks", "saved masks")  # what our labels layers of objects hold


class LayerChoice(Turning):
    """Two choosers that follow the list of layers."""

    changed = Signal()  # the labels, or the image

    def __init__(self) -> None:
        self.labels_box = narrow_combo("The labels layer that is measured")
        self.image_box = narrow_combo("The image whose intensities are measured")
        labels, self.image_row = _named("Labels", self.labels_box), _named("Image", self.image_box)
        super().__init__(labels, self.image_row, width=WIDE, stretch=(1, 1))
        self.truths: list[Labels] = []  # other labels of the same frames
        self._layers: list[Layer] = []

        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)

        self.labels_box.activated.connect(self._on_view_labels)
        self.image_box.activated.connect(lambda: self.changed.emit())

    @property
    def labels(self) -> Labels | None:
        layer: Labels | None = self.labels_box.currentData()
        return layer

    @property
    def image(self) -> Image | None:
        layer: Image | None = self.image_box.currentData()
        return layer

    def offer(self, layers: Iterable[Layer]) -> None:
        """Offer what there is; what was chosen stays, or gives way to the layer on top."""
        self._layers = list(layers)
        labels = [layer for layer in self._layers if is_objects(layer)]
        before = self.labels, self.image
        chosen = before[0] if before[0] in labels else labels[-1] if labels else None
        _fill(self.labels_box, labels, chosen)
        self._offer_images(self.labels is not before[0])
        if (self.labels, self.image) != before:
            self.changed.emit()

    def _on_view_labels(self) -> None:
        self._offer_images(True)
        self.changed.emit()

    def _offer_images(self, propose: bool) -> None:
        """Offer the images that fit the labels; propose one, or leave what was chosen."""
        labels = self.labels
        fit: list[Image] = []
        self.truths = []
        if labels is not None:
            images = [layer for layer in self._layers if isinstance(layer, Image)]
            fit = [image for image in images if image_axes(labels, image) is not None]
            self.truths = [each for each in same_frames(labels, self._layers) if is_objects(each)]
        chosen = proposed(labels, fit) if labels is not None and propose else self.image
        _fill(self.image_box, [None, *fit], chosen if chosen in fit else None)


def is_objects(layer: Layer) -> bool:
    """Tell whether a layer holds objects that can be measured."""
    ours = layer.metadata.get(MADE_BY) in OBJECTS
    return ours and isinstance(layer, Labels) and axes_of(layer) is not None


def _named(text: str, field: QWidget) -> QWidget:
    widget = QWidget()
    row = QHBoxLayout(widget)
    row.setContentsMargins(0, 0, 0, 0)
    row.addWidget(QLabel(text))
    row.addWidget(field, 1)
    return widget


def _fill(combo: QComboBox, layers: Sequence[Layer | None], chosen: Layer | None) -> None:
    """Show layers, without telling that one was chosen."""
    with QSignalBlocker(combo):
        combo.clear()
        for layer in layers:
            combo.addItem("No image" if layer is None else layer.name, layer)
        combo.setCurrentIndex(layers.index(chosen) if chosen in layers else -1)
