"""A titled part of the dock that opens and closes."""

from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QFrame, QSizePolicy, QToolButton, QVBoxLayout, QWidget


class Fold(QFrame):
    """A titled part of the dock that opens and closes.

    superqt's QCollapsible fixes its height when it opens and paints its arrow in the colour of
    the theme it was made under; here contents may grow and themes may change.
    """

    toggled = Signal(bool)

    def __init__(self, title: str, content: QWidget, tooltip: str) -> None:
        super().__init__()
        self.button = QToolButton()
        self.button.setText(title)
        self.button.setToolTip(tooltip)
        self.button.setCheckable(True)
        self.button.setArrowType(Qt.ArrowType.RightArrow)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.content = content
        content.setVisible(False)

        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.button)
        layout.addWidget(content)
        # no higher than its rows: what the dock has left stays empty below the last fold
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

        self.button.toggled.connect(self._on_toggled)

    def set_open(self, opened: bool) -> None:
        self.button.setChecked(opened)

    def is_open(self) -> bool:
        return bool(self.button.isChecked())

    def _on_toggled(self, opened: bool) -> None:
        arrow = Qt.ArrowType.DownArrow if opened else Qt.ArrowType.RightArrow
        self.button.setArrowType(arrow)
        self.content.setVisible(opened)
        self.toggled.emit(opened)


def one_open(folds: Sequence[Fold]) -> None:
    """Close the other folds when one of them is opened."""
    for fold in folds:
        fold.toggled.connect(lambda opened, fold=fold: _close_others(folds, fold, opened))


def _close_others(folds: Sequence[Fold], fold: Fold, opened: bool) -> None:
    for other in folds:
        if opened and other is not fold:
            other.set_open(False)
