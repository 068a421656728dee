"""A button that puts one of several texts on the clipboard."""

from collections.abc import Callable, Mapping
from functools import partial

from qtpy.QtGui import QAction, QGuiApplication  # type: ignore[attr-defined]  # moved in Qt 6
from qtpy.QtWidgets import QMenu, QPushButton

from napari_touchup.session.status import Status


class CopyButton(QPushButton):
    """Opens a menu.

    Parameters
    ----------
    texts : by what people read, what makes the text; it may raise a ValueError in words for people
    say : is told what became of it
    """

    def __init__(
        self, texts: Mapping[str, Callable[[], str]], say: Callable[[Status], None], tooltip: str
    ) -> None:
        super().__init__("Copy as…")
        self._say = say
        menu = QMenu(self)

        self.setToolTip(tooltip)
        self.setMenu(menu)

        for name, make in texts.items():
            action = QAction(name, menu)
            action.triggered.connect(partial(self._copy, name, make))
            menu.addAction(action)

    def _copy(self, name: str, make: Callable[[], str], _checked: bool = False) -> None:
        try:
            text = make()
        except ValueError as error:
            self._say(Status("ask", str(error)))
            return
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(text)
        self._say(Status("done", f"Copied: {name}"))
