"""The Measure & score dock: for any labels layer, with or without a network."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels
from napari.settings import get_settings
from qtpy.QtCore import QSize
from qtpy.QtWidgets import (
    QFrame,
    QScrollArea,
    QStackedWidget,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from napari_touchup.core.entries import Index
from napari_touchup.session.measured import Cell
from napari_touchup.session.measuring import Measuring
from napari_touchup.session.scoring import Scoring
from napari_touchup.ui.chosen_outline import ChosenOutline
from napari_touchup.ui.dispatch import QueuedDispatch
from napari_touchup.ui.followed_labels import FollowedLabels
from napari_touchup.ui.layer_choice import LayerChoice
from napari_touchup.ui.measure_panel import MeasurePanel
from napari_touchup.ui.measured_layers import source_of
from napari_touchup.ui.object_colours import ObjectColours
from napari_touchup.ui.object_pointer import ObjectPointer
from napari_touchup.ui.score_panel import ScorePanel
from napari_touchup.ui.turning import SPACING, Turning

if TYPE_CHECKING:
    import napari.viewer

# what napari calls the dock, when code opens it and when its menu does
NAMES = ("Measure & score (napari-touchup)", "Measure & score (Touch-Up)")
WIDE = 620  # pixels; from here on tabs and layers are in one row


class MeasureDock(QScrollArea):
    """A table of the objects of a labels layer, and their score against a truth.

    Parameters
    ----------
    napari_viewer : napari.viewer.Viewer
        The viewer that the dock is part of.
    """

    def __init__(self, napari_viewer: "napari.viewer.Viewer") -> None:
        super().__init__()
        # a table is wide: until a person moves it, napari puts it below the canvas
        positions = get_settings().application.plugin_widget_positions
        positions.update({name: positions.get(name, "bottom") for name in NAMES})
        # napari's menu gives a proxy; layers that come through it are not the layers themselves
        napari_viewer = getattr(napari_viewer, "__wrapped__", napari_viewer)
        self._viewer = napari_viewer
        self._frame: Index = ()  # that is shown
        self._measured: Labels | None = None
        dispatch = QueuedDispatch()
        self.measuring = Measuring(dispatch)
        self.scoring = Scoring(dispatch)
        self.colours = ObjectColours(dispatch)
        self.outline = ChosenOutline(napari_viewer, dispatch)
        self.pointer = ObjectPointer(napari_viewer, self._on_canvas_cell)
        self.follower = FollowedLabels(napari_viewer, self.measuring.look_again, self._measure)
        self.tabs = QTabBar()
        self.choice = LayerChoice()
        self.measure = MeasurePanel(self.measuring)
        self.score = ScorePanel(napari_viewer, self.scoring, lambda: self.pointer.frame)
        self.pages = QStackedWidget()

        self._lay_out()

        self.tabs.currentChanged.connect(self._on_tab)
        self.choice.changed.connect(self._measure)
        self.measure.coloured.toggled.connect(self._colour)
        self.measuring.visited.connect(self._on_visited)
        self.measuring.events.selected.connect(self._on_selected)
        self.measuring.events.view.connect(self._on_selected)
        self.measuring.events.view.connect(self._colour)
        self.measuring.events.column.connect(self._colour)
        layers = napari_viewer.layers.events
        for event in (layers.inserted, layers.removed, layers.renamed):
            event.connect(self._on_layers)
        napari_viewer.dims.events.point.connect(self._on_frame)
        napari_viewer.dims.events.ndisplay.connect(self._colour)
        slots = (self._on_layers, self._on_frame, self._colour)
        parts = (self.pointer, self.outline, self.follower, self.measuring, self.scoring)
        self.destroyed.connect(_Farewell(napari_viewer, slots, parts, self.colours, self.score))
        self._on_layers()

    def _lay_out(self) -> None:
        for title, tip in (
            ("Measure", "A table of the objects"),
            ("Score", "The objects against a truth"),
        ):
            self.tabs.setTabToolTip(self.tabs.addTab(title), tip)
        self.tabs.setExpanding(False)
        self.tabs.setDrawBase(False)
        for page in (self.measure, self.score):
            self.pages.addWidget(page)
        top = Turning(self.tabs, self.choice, width=WIDE, stretch=(0, 1))
        top.setSizePolicy(self.choice.sizePolicy())
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(6, 2, 6, 2)
        column.setSpacing(SPACING)
        column.addWidget(top)
        column.addWidget(self.pages, 1)
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMinimumSize(250, 120)

    def sizeHint(self) -> QSize:  # noqa: N802 Qt's name
        return QSize(700, 220)

    def _on_layers(self, _event: Any = None) -> None:
        self.choice.offer(self._viewer.layers)
        self.score.show_layers(self.choice.labels, self.choice.truths)

    def _measure(self) -> None:
        labels, image = self.choice.labels, self.choice.image
        if labels is not self._measured:
            self.colours.off()
            self.outline.hide()
            self._measured = labels
        self.pointer.watch(labels)
        self.follower.watch(labels, image)
        self._frame = self.pointer.frame
        self.measuring.measure(None if labels is None else source_of(labels, image))
        self.score.show_layers(labels, self.choice.truths)

    def _on_visited(self, cell: Cell) -> None:
        if self.measuring.view is not None:
            self._viewer.layers.selection.active = self.choice.labels
            self.pointer.go(self.measuring.view.table, cell)
            self._draw_outline()

    def _on_canvas_cell(self, cell: Cell | None) -> None:
        view = self.measuring.view
        if cell is None:
            self.measuring.selected = None
        elif view is not None and view.table.row(cell) is not None:
            self.measuring.selected = cell
            if not self.pointer.drawing:
                self._draw_outline()

    def _on_selected(self) -> None:
        if self.outline.shown:
            self._draw_outline()

    def _draw_outline(self) -> None:
        """Outline the selected object, if the table shows it."""
        labels, view, cell = self.choice.labels, self.measuring.view, self.measuring.selected
        if labels is None or view is None or cell is None or view.place(cell) is None:
            self.outline.hide()
        else:
            self.outline.show(labels, cell)

    def _on_frame(self) -> None:
        if self.pointer.frame != self._frame:
            self._frame = self.pointer.frame
            self._colour()
            self.score.show_frame()

    def _on_tab(self, tab: int) -> None:
        self.pages.setCurrentIndex(tab)
        self.choice.image_row.setVisible(tab == 0)  # a score takes none
        self.score.score()

    def _colour(self) -> None:
        """Give the objects that are shown the colours of the column, or their own back."""
        labels, view, key = self.choice.labels, self.measuring.view, self.measuring.column
        if labels is None or view is None or not self.measure.coloured.isChecked():
            self.colours.off()
            return
        here = np.ones(len(view.rows), bool)
        if self._viewer.dims.ndisplay == 2:
            here = view.table.of_frame(self._frame)[view.rows]
        cells = view.table.columns["cell"][view.rows]
        self.colours.show(labels, cells[here], view.values(key)[here], view.span(key))


class _Farewell:
    """Lets go of the viewer after the dock is gone."""

    def __init__(
        self,
        viewer: Any,
        slots: tuple[Any, Any, Any],
        parts: Sequence[Any],
        colours: ObjectColours,
        score: ScorePanel,
    ) -> None:
        self._viewer = viewer
        self._slots = slots
        self._parts = parts
        self._colours = colours
        self._followers = (score.follower, score.truth_follower, score.hits)

    def __call__(self) -> None:
        layers, dims = self._viewer.layers.events, self._viewer.dims.events
        on_layers, on_frame, colour = self._slots
        for event in (layers.inserted, layers.removed, layers.renamed):
            event.disconnect(on_layers)
        dims.point.disconnect(on_frame)
        dims.ndisplay.disconnect(colour)
        self._colours.off()
        for part in (*self._parts, *self._followers):
            part.close()
