"""What another version would change, and a button that flips between both."""

from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from napari_touchup.session.comparison import Compared, Comparison
from napari_touchup.ui.compare_layer import CompareLayer
from napari_touchup.ui.forms import push_button, text_label


class ComparePanel(QWidget):
    """There only while versions are compared."""

    def __init__(self, comparison: Comparison, layer: CompareLayer) -> None:
        super().__init__()
        self._comparison = comparison
        self.text = text_label()
        self.flip = QPushButton("Hold to see the masks in use (H)")
        self.flip.setToolTip("Shows the masks as they are for as long as it is held down")
        self.end = push_button(
            "End", "Stop comparing; masks and model are as they were", comparison.end
        )

        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.text, 1)
        row.addWidget(self.flip)
        row.addWidget(self.end)

        self.flip.pressed.connect(lambda: layer.show_old(True))
        self.flip.released.connect(lambda: layer.show_old(False))
        comparison.events.shown.connect(self._on_comparison)
        comparison.events.running.connect(self._on_comparison)
        self._on_comparison()

    def _on_comparison(self) -> None:
        shown: Compared | None = self._comparison.shown
        running = self._comparison.running
        self.setVisible(running or shown is not None)
        self.flip.setVisible(shown is not None)
        self.text.setText(shown.text if shown else "Segmenting this frame with the other version…")
