"""The list of keys, shown by `?`."""

from collections.abc import Callable, Sequence

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence, QShortcut  # type: ignore[attr-defined]  # moved in Qt 6
from qtpy.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_touchup.ui.key_table import Section

KEY = "?"
TEXT_WIDTH = 195  # pixels; three columns of it fit a laptop


class KeysOverlay(QDialog):
    """Lies over the window without stopping the work in it; `?` or Escape closes it.

    Parameters
    ----------
    window : QWidget
        The viewer's; its theme is that of the list, and `?` anywhere in it shows the list.
    sections : callable
        Gives what is to be shown; asked each time.
    """

    def __init__(self, window: QWidget, sections: Callable[[], Sequence[Section]]) -> None:
        super().__init__(window)
        self.setWindowTitle("Keys of Touch-Up")
        self.setModal(False)
        self._sections = sections
        self._columns = QHBoxLayout(self)
        self._columns.setSpacing(24)
        # napari cannot bind "?": it is a key with Shift, which key depends on the keyboard
        self.shortcuts = [QShortcut(QKeySequence(KEY), widget) for widget in (window, self)]
        for shortcut in self.shortcuts:
            shortcut.activated.connect(self.toggle)

    def toggle(self) -> None:
        """Show the list, or hide it."""
        if self.isVisible():
            self.hide()
            return
        self._fill()
        self.adjustSize()
        window = self.parentWidget()
        if window is not None:
            middle = window.mapToGlobal(window.rect().center())
            self.move(middle - self.rect().center())
        self.show()
        self.raise_()

    def release(self) -> None:
        """Give the key back to the window, and go."""
        for shortcut in self.shortcuts:
            shortcut.setEnabled(False)
            shortcut.deleteLater()
        self.close()
        self.deleteLater()

    def _fill(self) -> None:
        while (item := self._columns.takeAt(0)) is not None:
            column = item.widget()
            if column is not None:
                column.hide()
                column.deleteLater()
        for section in self._sections():
            self._columns.addWidget(_column(section))


def _column(section: Section) -> QWidget:
    column = QWidget()
    layout = QVBoxLayout(column)
    title = QLabel(section.title)
    title.setStyleSheet("font-weight: bold")
    layout.addWidget(title)
    grid = QGridLayout()
    grid.setHorizontalSpacing(12)
    for row, key in enumerate(section.keys):
        keys, does = QLabel(key.keys), QLabel(key.does)
        keys.setStyleSheet("font-weight: bold")
        does.setWordWrap(True)
        does.setMinimumWidth(TEXT_WIDTH)
        grid.addWidget(keys, row, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(does, row, 1, Qt.AlignmentFlag.AlignTop)
    layout.addLayout(grid)
    layout.addStretch(1)  # an alignment instead would give wrapped lines too little height
    return column
