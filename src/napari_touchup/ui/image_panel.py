"""Which image, what its axes mean, and which of its channels are segmented."""

from functools import partial

from napari.layers import Image as ImageLayer
from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QToolButton, QWidget

from napari_touchup.core.axes import describe
from napari_touchup.session.images import Channel
from napari_touchup.session.pairing import question
from napari_touchup.session.session import Session
from napari_touchup.ui.binding import Binding
from napari_touchup.ui.forms import add_row, narrow_combo, narrow_form, text_label
from napari_touchup.ui.status_box import StatusBox

IMAGE_TIP = "The image layer to segment; follows the selected layer"


class ImagePanel(QWidget):
    """Top of the dock: image, axes, channels."""

    def __init__(self, session: Session, binding: Binding) -> None:
        super().__init__()
        self._session = session
        self._binding = binding
        self.image = narrow_combo(IMAGE_TIP)
        self.understood = text_label()
        self.understood.setToolTip("What each axis of the image means, and its length in pixels")
        self.change = QToolButton()
        self.change.setText("change")
        self.change.setToolTip("Say what the axes are, where the guess is wrong")
        self.axes = QLineEdit()
        self.axes.setToolTip("One letter for each axis: T time, Z depth, C channel, Y and X")
        self.axes.setVisible(False)
        self.problem = text_label()
        self.problem.setVisible(False)
        self.doubt = StatusBox()  # whether the model's channels are these
        self.channels: list[QComboBox] = []
        self._built: tuple[list[tuple[str, Channel]], list[str]] = ([], [])

        self._form = narrow_form(self)
        add_row(self._form, "Image", self.image)
        row = QHBoxLayout()
        row.addWidget(self.understood, 1)
        row.addWidget(self.change)
        self._form.addRow(row)
        self._form.addRow(self.axes)
        self._form.addRow(self.problem)
        self._form.addRow(self.doubt)

        self.image.activated.connect(self._on_view_image)
        self.change.clicked.connect(self._on_view_change)
        self.axes.returnPressed.connect(self._on_view_axes)
        binding.images_changed.connect(self._on_images)
        for name in ("channels", "beside", "image", "model", "project"):
            session.events[name].connect(self._on_session_channels)
        self._on_images()

    def _on_images(self) -> None:
        layers = self._binding.images()
        now = self._binding.current
        with QSignalBlocker(self.image):
            self.image.clear()
            for layer in layers:
                self.image.addItem(layer.name, layer)
            if not layers:
                self.image.addItem("no image is open", None)
            # of layers that go together, napari tells one by one
            known = now is not None and now.source in layers
            self.image.setCurrentIndex(layers.index(now.source) if now and known else 0)
        self.image.setEnabled(bool(layers))
        self.image.setToolTip(f"{IMAGE_TIP}: {self.image.currentText()}")
        self._describe()
        self._on_session_channels()

    def _describe(self) -> None:
        image = self._session.image
        self.understood.setVisible(image is not None)
        self.change.setVisible(image is not None)
        self.problem.setVisible(False)
        self.axes.setVisible(False)
        if image is not None:
            self.understood.setText(describe(image.axes, image.data.shape))
            self.axes.setText(image.axes)

    def _on_view_image(self, row: int) -> None:
        layer = self.image.itemData(row)
        if isinstance(layer, ImageLayer):
            self._binding.choose(layer)

    def _on_view_change(self) -> None:
        self.axes.setVisible(not self.axes.isVisible())
        self.axes.setFocus()

    def _on_view_axes(self) -> None:
        now = self._binding.current
        if now is None:
            return
        try:
            self._binding.choose(now.source, self.axes.text().strip())
        except ValueError as error:
            self.problem.setText(str(error))
            self.problem.setVisible(True)

    def _on_session_channels(self) -> None:
        """One row for each input of the model; none where there is nothing to choose."""
        count, offered = len(self._session.channels), self._offered()
        rows = count if self._session.image is not None and len(offered) + count > 2 else 0
        names = [self._channel_name(number) for number in range(rows)]
        if (offered, names) != self._built:  # not while a combo box tells of a choice
            self._built = (offered, names)
            self._build_channels(names, offered)
        for combo, channel in zip(self.channels, self._session.channels, strict=False):
            combo.setCurrentIndex(combo.findData(channel))
        self._ask()

    def _ask(self) -> None:
        self.doubt.show_status(question(self._session, self._ask))

    def _build_channels(self, names: list[str], offered: list[tuple[str, Channel]]) -> None:
        for combo in self.channels:
            self._form.removeRow(combo)
        self.channels = []
        self._form.takeRow(self.doubt)  # it stays below them
        for number, name in enumerate(names):
            combo = narrow_combo("The channel of the image that the model is given here")
            if len(names) > 1:
                combo.addItem("choose…", None)
            for text, channel in offered:
                combo.addItem(text, channel)
            combo.activated.connect(partial(self._on_view_channel, number))
            self.channels.append(combo)
            add_row(self._form, name, combo)
        self._form.addRow(self.doubt)

    def _offered(self) -> list[tuple[str, Channel]]:
        image, beside = self._session.image, self._session.beside
        own = image.channels if image else ()
        return [(image.title(c) if image and beside else c.label, c) for c in own] + list(beside)

    def _channel_name(self, number: int) -> str:
        session = self._session
        names = session.model.header.channels if session.model else ()
        if len(session.channels) == 1:
            return "Segment channel"
        return names[number] if number < len(names) else f"Channel {number + 1}"

    def _on_view_channel(self, number: int, row: int) -> None:
        channels = list(self._session.channels)
        channels[number] = self.channels[number].itemData(row)
        self._session.channels = tuple(channels)
