"""Forms for options, made of magicgui's fields: each is named as the attribute that it shows."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from magicgui.widgets import ComboBox, Container, FloatSlider, FloatSpinBox
from magicgui.widgets.bases import RangedWidget, ValueWidget
from qtpy.QtWidgets import QDoubleSpinBox, QSizePolicy

from napari_touchup.options import Options
from napari_touchup.ui.forms import LABEL_WIDTH, SPACING

READOUT = "background: transparent; border: 0; padding: 0; min-width: 34px; max-width: 34px;"

Form = Container[ValueWidget[Any]]
Some = TypeVar("Some", bound=Options)


def option_form(*fields: ValueWidget[Any], changed: Callable[[str, Any], None]) -> Form:
    """Make a form as narrow as the dock; `changed` is told the name of a field and its value."""
    form: Form = Container(widgets=fields)
    form.margins = (0, 0, 0, 0)
    form.native.layout().setSpacing(SPACING)
    # rows are never squeezed when docks share a low window
    form.native.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
    form.native.setStyleSheet(f"QLabel {{ min-width: {LABEL_WIDTH}px; }}")
    for field in fields:
        field.changed.connect(partial(changed, field.name))
    return form


def show_values(form: Form, options: Options) -> None:
    """Show the attributes of options in the form's fields; this is no change by a person."""
    for field in form:
        if field.name in type(options).model_fields:
            value = getattr(options, field.name)
            if isinstance(field, RangedWidget):
                # None is shown as the lowest; the options may allow more than the field does
                value = min(max(value or field.min, field.min), field.max)
            elif isinstance(field, ComboBox):
                value = field.choices[0] if value is None else value
                if value not in field.choices:
                    field.set_choice(str(value), value)  # such as cuda:1, set by code
            with field.changed.blocked():
                field.value = value


def with_value(options: Some, name: str, value: Any) -> Some:
    """Make options with one attribute changed, validated."""
    return type(options).model_validate({**options.model_dump(), name: value})


def slider(name: str, label: str, low: float, high: float, tooltip: str) -> FloatSlider:
    field = FloatSlider(name=name, label=label, min=low, max=high, step=0.01, tooltip=tooltip)
    # magicgui leaves the number room for a box with arrows, and a narrow dock none for the slider
    field.native.findChild(QDoubleSpinBox).setStyleSheet(READOUT)
    field.native.setToolTip(tooltip)  # over the number too
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


def choice(
    name: str, label: str, choices: Sequence[str] | Callable[..., Any], tooltip: str
) -> ComboBox:
    return ComboBox(name=name, label=label, choices=choices, tooltip=tooltip)
