"""Advice about this computer, in the dock for as long as it is true."""

import html
import re

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QLabel, QVBoxLayout

from napari_touchup.session.session import Session

EDGE = "#touchup_advice { border-left: 3px solid #0072b2; }"
LINK = "#0a7cf0"  # contrast 3.4 : 1 and more in the dark and in the light theme; underlined too
ADDRESS = re.compile(r"https?://[^\s<>]*[^\s<>.,;:)]")


class AdviceBox(QFrame):
    """One piece of advice, such as a graphics card that is not used; its links open a browser."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.text = QLabel()

        self.setObjectName("touchup_advice")
        self.setStyleSheet(EDGE)
        self.text.setWordWrap(True)
        self.text.setMinimumWidth(1)
        self.text.setTextFormat(Qt.TextFormat.RichText)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
        self.text.setOpenExternalLinks(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 2, 2, 2)
        layout.addWidget(self.text)

        session.events.advice.connect(self._on_session_advice)
        self._on_session_advice()

    def _on_session_advice(self) -> None:
        self.text.setText(linked(self._session.advice))
        self.setVisible(bool(self._session.advice))


def linked(text: str) -> str:
    """HTML of a plain text whose web addresses can be clicked.

    >>> linked("1 < 2, see https://a.org.").replace(LINK, "blue")
    '1 &lt; 2, see <a href="https://a.org" style="color: blue">https://a.org</a>.'
    """
    anchor = rf'<a href="\g<0>" style="color: {LINK}">\g<0></a>'
    return ADDRESS.sub(anchor, html.escape(text, quote=False))
