"""Widgets side by side, or below each other where there is no room for that."""

from typing import Any

from qtpy.QtCore import QSize
from qtpy.QtWidgets import QBoxLayout, QSizePolicy, QWidget

SPACING = 6  # pixels


def fill_height(widget: QWidget, at_least: int) -> None:
    """Give a widget what height is left; in a scroll area its own wish would push others out."""
    policies = QSizePolicy.Policy
    widget.setSizePolicy(policies.Expanding, policies.Ignored)
    widget.setMinimumHeight(at_least)


class Turning(QWidget):
    """Turns by its width.

    Parameters
    ----------
    *widgets : QWidget
    width : int
        From here on they are side by side, pixels.
    stretch : tuple of int
        Shares of the room, for each widget.
    """

    def __init__(self, *widgets: QWidget, width: int, stretch: tuple[int, ...] = ()) -> None:
        super().__init__()
        self._width = width
        self._row = QBoxLayout(QBoxLayout.Direction.TopToBottom, self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(SPACING)
        for n, widget in enumerate(widgets):
            self._row.addWidget(widget, stretch[n] if stretch else 0)
        if not any(stretch):
            self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

    @property
    def wide(self) -> bool:
        return self._row.direction() == QBoxLayout.Direction.LeftToRight

    def resizeEvent(self, event: Any) -> None:  # noqa: N802 Qt's name
        super().resizeEvent(event)
        if self.wide != (self.width() >= self._width):
            directions = QBoxLayout.Direction
            self._row.setDirection(directions.TopToBottom if self.wide else directions.LeftToRight)
            self.updateGeometry()

    def minimumSizeHint(self) -> QSize:  # noqa: N802 Qt's name
        """Give the width that is needed below each other: else it could never turn back."""
        items = [self._row.itemAt(n) for n in range(self._row.count())]
        widths = [item.minimumSize().width() for item in items if item is not None]
        return QSize(max(widths, default=0), self._row.minimumSize().height())
