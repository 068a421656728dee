"""Small pieces that the panels are made of."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from magicgui.widgets import ComboBox, Container, FloatSlider, FloatSpinBox
from magicgui.widgets.bases import RangedWidget, ValueWidget
from qtpy.QtCore import Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
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

from napari_touchup.options import Options

LABEL_WIDTH = 96  # pixels
READOUT = "background: transparent; border: 0; padding: 0; min-width: 34px; max-width: 34px;"
MARGINS = (8, 2, 4, 6)  # pixels
SPACING = 6  # pixels between rows


O = TypeVar("O", bound=Options)


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


def option_form(*fields: ValueWidget, changed: Callable[[str, Any], None]) -> Container:
    """Make a form as narrow as the dock; `changed` is told the name of a field and its value.

    A field is named as the attribute of the options that it stands for.
    """
    form = Container(widgets=fields)
    form.margins = (0, 0, 0, 0)
    form.native.layout().setSpacing(SPACING)
    form.native.setStyleSheet(f"QLabel {{ min-width: {LABEL_WIDTH}px; }}")
    for field in fields:
        field.changed.connect(partial(changed, field.name))
    return form


def show_values(form: Container, options: Options) -> None:
    """Show the attributes of options in the form's fields; this is no change by a person."""
    for field in form:
        if field.name in type(options).model_fields:
            value = getattr(options, field.name)
            if isinstance(field, RangedWidget):
                # None is shown as the lowest; the options may allow more than the field does
                value = min(max(value or field.min, field.min), field.max)
            with field.changed.blocked():
                field.value = value


def with_value(options: O, name: str, value: Any) -> O:
    """Make options with one attribute changed, validated."""
    return type(options).model_validate({**options.model_dump(), name: value})


def slider(name: str, label: str, low: float, high: float, tooltip: str) -> FloatSlider:
    field = FloatSlider(name=name, label=label, min=low, max=high, step=0.01, tooltip=tooltip)
    # magicgui leaves the number room for a box with arrows, and a narrow dock none for the slider
    field.native.findChild(QDoubleSpinBox).setStyleSheet(READOUT)
    return field


def number(
    name: str, label: str, high: float, tooltip: str, *, unit: str = " px", decimals: int = 0,
    low: float = 0, step: float = 1, at_lowest: str = "",
) -> FloatSpinBox:  # fmt: skip
    """Make a field for a number with a unit; `at_lowest` says what the lowest value means.

    magicgui's box for whole numbers shows no unit.
    """
    field = FloatSpinBox(name=name, label=label, min=low, max=high, step=step, tooltip=tooltip)
    field.native.setDecimals(decimals)
    field.native.setSuffix(unit)
    field.native.setSpecialValueText(at_lowest)
    field.native.setKeyboardTracking(False)
    return field


def choice(name: str, label: str, choices: Sequence[str], tooltip: str) -> ComboBox:
    return ComboBox(name=name, label=label, choices=choices, tooltip=tooltip)


def narrow_column(parent: QWidget, *rows: QWidget) -> None:
    """Lay out what is below each other in a narrow dock."""
    column = QVBoxLayout(parent)
    column.setContentsMargins(*MARGINS)
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
