"""The *Correct* fold: the tools that mend masks, and what the corrections are worth."""

from collections.abc import Callable, Sequence

from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import QCheckBox, QGridLayout, QPushButton, QSizePolicy, QWidget

from napari_touchup.options import BrushOptions
from napari_touchup.session.keeper import Keeper
from napari_touchup.session.project import Counts
from napari_touchup.session.session import Session
from napari_touchup.ui.correct import Correct
from napari_touchup.ui.correct_tools import Tool, tools_of
from napari_touchup.ui.fine_tune_panel import counted
from napari_touchup.ui.forms import narrow_column, push_button, text_label

COLUMNS = 3
HINT = "Paint over missed cells, erase what is wrong, and confirm what is right."


class CorrectPanel(QWidget):
    """Counts, switches, tools, and where the work is saved."""

    def __init__(
        self, session: Session, correct: Correct, keeper: Keeper, show_keys: Callable[[], None]
    ) -> None:
        super().__init__()
        self._session = session
        self._correct = correct
        self._keeper = keeper
        self.counts = text_label()
        self.cell = text_label()
        self.smart = _box(
            "Smart brush", "A stroke on background makes a new cell, one on a cell extends it"
        )
        self.over = _box("Over others", "A stroke takes the pixels of other cells, too")
        self.review = _box(
            "Show review",
            "Outlines: solid teaches, dashed is kept for checking, none is not used; the tint is"
            " background that counts",
        )
        self.outlines = _box("Outlines only", "Show the masks as outlines, to see the image")
        self.qupath = _box("QuPath keys", "Alt and the brush take pixels from a cell, as in QuPath")
        self.keys = push_button("Keys (?)", "List of all keys and gestures", show_keys)
        self.buttons = {tool.name: _tool_button(tool) for tool in tools_of(correct, session)}
        self.saved = text_label()
        self.keep = push_button(
            "Keep beside my images",
            "Move the project with all corrections and models to the folder of this image",
            keeper.keep_beside,
        )

        switches = _grid(
            [self.smart, self.over, self.review, self.outlines, self.qupath, self.keys], 2
        )
        narrow_column(
            self, self.counts, self.cell, switches, _grid(list(self.buttons.values()), COLUMNS),
            self.saved, self.keep,
        )  # fmt: skip
        self.review.setChecked(correct.review.wanted)

        self.smart.toggled.connect(self._on_view_brush)
        self.over.toggled.connect(self._on_view_brush)
        self.qupath.toggled.connect(self._on_view_brush)
        self.review.toggled.connect(correct.review.show)
        self.outlines.toggled.connect(correct.outlines_only)
        correct.marks.changed.connect(self._on_marks)
        session.events.brush.connect(self._on_session_brush)
        session.events.counts.connect(self._on_session_counts)
        session.events.saved.connect(self._on_session_saved)
        session.events.image.connect(self._on_session_saved)
        session.changed.connect(self.describe)
        session.events.cell.connect(self.describe)
        self._on_session_brush()
        self._on_session_counts(session.counts)
        self._on_session_saved()

    def describe(self) -> None:
        """Say what the selected cell is to training."""
        text = self._correct.review.describe_cell()
        self.cell.setText(text)
        self.cell.setVisible(bool(text))

    def _on_view_brush(self) -> None:
        self._session.brush = BrushOptions(
            smart=self.smart.isChecked(),
            over_neighbours=self.over.isChecked(),
            preset="qupath" if self.qupath.isChecked() else "napari",
        )

    def _on_session_brush(self) -> None:
        brush = self._session.brush
        shown = {self.smart: brush.smart, self.over: brush.over_neighbours}
        for box, on in (shown | {self.qupath: brush.preset == "qupath"}).items():
            with QSignalBlocker(box):
                box.setChecked(on)

    def _on_session_counts(self, counts: Counts) -> None:
        self.counts.setText(counted(counts) if counts != Counts() else HINT)
        self.describe()

    def _on_session_saved(self) -> None:
        self.saved.setText(self._session.saved)
        self.saved.setVisible(bool(self._session.saved))
        self.keep.setVisible(self._keeper.can_move)

    def _on_marks(self) -> None:
        for kind in ("background", "ignore"):
            with QSignalBlocker(self.buttons[kind]):
                self.buttons[kind].setChecked(self._correct.marks.kind == kind)


def _box(text: str, tooltip: str) -> QCheckBox:
    box = QCheckBox(text)
    box.setToolTip(tooltip)
    return box


def _tool_button(tool: Tool) -> QPushButton:
    key = f" ({tool.key})" if tool.key else ""
    button = push_button(tool.title, f"{tool.tooltip}{key}", tool.act)
    button.setCheckable(tool.checkable)
    button.setStyleSheet("padding: 4px 0px; font-size: 11px;")
    # as narrow as the dock; the longest title fits at its least width
    button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    return button


def _grid(widgets: Sequence[QWidget], columns: int) -> QWidget:
    grid = QWidget()
    layout = QGridLayout(grid)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(3)
    for number, widget in enumerate(widgets):
        layout.addWidget(widget, *divmod(number, columns))
    return grid
