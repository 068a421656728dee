"""Small pieces that the panels are made of."""

from collections.abc import Callable, Sequence

from qtpy.QtCore import Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QFrame,
    QLabel,
    QLayout,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

LABEL_WIDTH = 92  # pixels


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


def narrow_form(parent: QWidget) -> QFormLayout:
    """Make a form that fits a narrow dock."""
    form = QFormLayout(parent)
    form.setContentsMargins(8, 2, 4, 6)
    form.setHorizontalSpacing(8)
    form.setVerticalSpacing(6)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return form


def add_row(form: QFormLayout, text: str, field: QWidget | QLayout) -> None:
    """Add a row whose label is as wide as those of the other panels."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setFixedWidth(LABEL_WIDTH)
    label.setAlignment(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
    form.addRow(label, field)


def narrow_combo(tooltip: str) -> QComboBox:
    """Make a combo box that long names do not widen."""
    combo = QComboBox()
    combo.setToolTip(tooltip)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(3)
    combo.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return combo


def text_label(text: str = "") -> QLabel:
    """Make a label that wraps, and whose text can be copied."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setMinimumWidth(1)
    label.setTextInteractionFlags(
        Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.LinksAccessibleByMouse
    )
    label.setOpenExternalLinks(True)
    return label


def push_button(text: str, tooltip: str, clicked: Callable[[], object]) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tooltip)
    button.clicked.connect(lambda: clicked())
    return button
