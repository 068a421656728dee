"""Small pieces that the panels are made of."""

from collections.abc import Callable

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QLabel,
    QLayout,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

LABEL_WIDTH = 96  # pixels
MARGINS = (8, 2, 4, 6)  # pixels
SPACING = 6  # pixels between rows


def narrow_column(
    parent: QWidget, *rows: QWidget, margins: tuple[int, int, int, int] = MARGINS
) -> None:
    """Lay out what is below each other in a narrow dock."""
    column = QVBoxLayout(parent)
    column.setContentsMargins(*margins)
    column.setSpacing(SPACING)
    for row in rows:
        column.addWidget(row)


def narrow_form(parent: QWidget) -> QFormLayout:
    """Make a form that fits a narrow dock."""
    form = QFormLayout(parent)
    form.setContentsMargins(*MARGINS)
    form.setHorizontalSpacing(8)
    form.setVerticalSpacing(SPACING)
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
    label.setTextFormat(Qt.TextFormat.PlainText)  # an error's text may look like HTML
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def push_button(text: str, tooltip: str, clicked: Callable[[], object]) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tooltip)
    button.clicked.connect(lambda: clicked())
    return button
