"""How maps become masks: the masks of the shown frame follow the sliders."""

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import QSpinBox, QWidget
from superqt import QLabeledDoubleSlider

from napari_touchup.session.session import Session
from napari_touchup.ui.forms import add_row, narrow_form, push_button, text_label


class MasksPanel(QWidget):
    """Threshold, split and minimum size."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.threshold = _slider(
            0.05, 0.95, "Mask probability (0-1) above which a pixel is part of an object"
        )
        self.split = _slider(
            0.1,
            0.4,
            "How deep the valley between two objects must be to split them, as a part (0-1) of an"
            " object's height; a small value splits more",
        )
        self.min_size = QSpinBox()
        self.min_size.setRange(0, 1_000_000)
        self.min_size.setSuffix(" px")
        self.min_size.setToolTip("Objects with fewer pixels are removed")
        self.min_size.setKeyboardTracking(False)
        self.apply = push_button(
            "Apply",
            "Make the masks of the other frames again with these values; frames with brush"
            " strokes are left as they are",
            session.apply_to_outdated,
        )
        hint = text_label("The masks of this frame follow at once; the network is not run again.")

        form = narrow_form(self)
        form.addRow(hint)
        add_row(form, "Threshold", self.threshold)
        add_row(form, "Split", self.split)
        add_row(form, "Minimum size", self.min_size)
        form.addRow(self.apply)

        self.threshold.valueChanged.connect(self._on_view_changed)
        self.split.valueChanged.connect(self._on_view_changed)
        self.min_size.valueChanged.connect(self._on_view_changed)
        session.events.instances.connect(self._on_session_instances)
        session.events.outdated.connect(self._on_session_outdated)
        self._on_session_instances()
        self._on_session_outdated()

    def _on_view_changed(self) -> None:
        values = {
            "threshold": round(self.threshold.value(), 3),
            "h": round(self.split.value(), 3),
            "min_size": self.min_size.value(),
        }
        self._session.instances = self._session.instances.model_copy(update=values)

    def _on_session_instances(self) -> None:
        options = self._session.instances
        for slider, value in ((self.threshold, options.threshold), (self.split, options.h)):
            with QSignalBlocker(slider):
                slider.setValue(value)
        with QSignalBlocker(self.min_size):
            self.min_size.setValue(options.min_size)

    def _on_session_outdated(self) -> None:
        count = len(self._session.outdated)
        self.apply.setText(f"Apply to all unfinished frames ({count})")
        self.apply.setEnabled(count > 0)


def _slider(low: float, high: float, tooltip: str) -> QLabeledDoubleSlider:
    slider = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
    slider.setRange(low, high)
    slider.setSingleStep(0.01)  # type: ignore[arg-type]
    slider.setDecimals(2)
    slider.setToolTip(tooltip)
    return slider
