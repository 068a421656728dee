"""How maps become masks: the masks of the shown frame follow the sliders."""

from qtpy.QtWidgets import QWidget

from napari_touchup.session.session import Session
from napari_touchup.ui.fields import number, option_form, show_values, slider, with_value
from napari_touchup.ui.forms import narrow_column, push_button, text_label


class MasksPanel(QWidget):
    """Threshold, split and minimum size."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.threshold = slider(
            "threshold", "Threshold", 0.05, 0.95,
            "Mask probability (0-1) above which a pixel is part of an object",
        )  # fmt: skip
        self.split = slider(
            "h", "Split", 0.1, 0.4,
            "How deep the valley between two objects must be to split them, as a part (0-1) of an"
            " object's height; a small value splits more",
        )  # fmt: skip
        self.min_size = number(
            "min_size", "Minimum size", 1_000_000, "Objects with fewer pixels are removed"
        )
        self.form = option_form(
            self.threshold, self.split, self.min_size, changed=self._on_view_value
        )
        self.apply = push_button(
            "Apply",
            "Make the masks of the frames that were segmented before with these values; frames"
            " that you painted in are left as they are",
            session.apply_to_outdated,
        )
        hint = text_label("The masks of this frame follow at once; the network is not run again.")

        narrow_column(self, hint, self.form.native, self.apply)

        session.events.instances.connect(self._on_session_instances)
        session.events.outdated.connect(self._on_session_outdated)
        self._on_session_instances()
        self._on_session_outdated()

    def _on_view_value(self, name: str, value: float) -> None:
        self._session.instances = with_value(self._session.instances, name, round(value, 3))

    def _on_session_instances(self) -> None:
        show_values(self.form, self._session.instances)

    def _on_session_outdated(self) -> None:
        count = len(self._session.outdated)
        self.apply.setText(f"Apply to all unfinished frames ({count})")
        self.apply.setEnabled(count > 0)
