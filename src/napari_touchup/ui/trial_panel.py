"""A candidate model: what it is worth, what it changes, and the answer."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QPushButton, QWidget

from napari_touchup.core.changes import Change
from napari_touchup.session.fine_tuning import FineTuning
from napari_touchup.session.trial import Trial
from napari_touchup.ui.forms import narrow_column, push_button, text_label
from napari_touchup.ui.trial_layer import TrialLayer

SHOWN = 5  # rows of the list of changes
PROPOSED = "font-weight: bold; border: 1px solid #56b4e9;"


class TrialPanel(QWidget):
    """There only while a candidate waits for an answer."""

    def __init__(self, tuning: FineTuning, layer: TrialLayer) -> None:
        super().__init__()
        self._tuning = tuning
        self._layer = layer
        self.verdict = text_label()
        self.flip = QPushButton("Hold to see the old masks (H)")
        self.flip.setToolTip("Shows the masks as they are for as long as it is held down")
        self.changes = QListWidget()
        self.accept = push_button(
            "Accept",
            "Make it the model in use and show its masks in this frame; cells that you corrected"
            " or confirmed stay",
            tuning.accept,
        )
        self.discard = push_button(
            "Discard", "Leave model and masks as they were before the training", tuning.discard
        )

        self.changes.setToolTip("What would change in this frame; a click shows it")
        answers = QWidget()
        row = QHBoxLayout(answers)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.accept)
        row.addWidget(self.discard)
        rows = (self.verdict, self.flip, self.changes, answers)
        narrow_column(self, *rows, margins=(0, 0, 0, 0))  # within a panel that has them

        self.flip.pressed.connect(lambda: layer.show_old(True))
        self.flip.released.connect(lambda: layer.show_old(False))
        self.changes.itemClicked.connect(self._on_view_change)
        tuning.events.trial.connect(self._on_tuning_trial)
        self._on_tuning_trial(tuning.trial)

    def _on_view_change(self, item: QListWidgetItem) -> None:
        self._layer.show_change(item.data(Qt.ItemDataRole.UserRole))

    def _on_tuning_trial(self, trial: Trial | None) -> None:
        self.setVisible(trial is not None)
        self.changes.clear()
        if trial is None:
            return
        self.verdict.setText(trial.verdict.text)
        for change in trial.changes:
            item = QListWidgetItem(described(change))
            item.setData(Qt.ItemDataRole.UserRole, change)
            self.changes.addItem(item)
        rows = min(max(self.changes.count(), 1), SHOWN)
        self.changes.setFixedHeight(rows * max(self.changes.sizeHintForRow(0), 18) + 6)
        self.changes.setVisible(self.changes.count() > 0)
        for button, name in ((self.accept, "accept"), (self.discard, "discard")):
            button.setStyleSheet(PROPOSED if trial.verdict.default == name else "")


def described(change: Change) -> str:
    """Say what changed.

    >>> described(Change("split", (4,), (4, 9), (0.0, 0.0), (slice(0, 1), slice(0, 1))))
    'split: 4 into 4, 9'
    """
    old = ", ".join(str(label) for label in change.old)
    new = ", ".join(str(label) for label in change.new)
    match change.kind:
        case "split":
            return f"split: {old} into {new}"
        case "merged":
            return f"merged: {old} into {new}"
        case "gained":
            return f"gained: {new}"
        case "lost":
            return f"lost: {old}"
        case _:
            return f"reshaped: {old}"
