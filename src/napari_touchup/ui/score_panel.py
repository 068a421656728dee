"""The Score tab: masks against a truth layer."""

from collections.abc import Callable

from napari.components import ViewerModel
from napari.layers import Labels
from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_touchup.core.entries import Index
from napari_touchup.session.hits import FALSE, HIT, MISS, Hits
from napari_touchup.session.scoring import ScoreRequest, Scoring
from napari_touchup.session.status import Status
from napari_touchup.ui.followed_labels import FollowedLabels
from napari_touchup.ui.forms import narrow_combo
from napari_touchup.ui.hits_layer import COLOURS, HitsLayer
from napari_touchup.ui.measured_layers import label_stack
from napari_touchup.ui.score_table import ScoreTable
from napari_touchup.ui.status_box import StatusBox
from napari_touchup.ui.turning import SPACING, Turning

LINES = {HIT: "━━━", MISS: "╍╍╍", FALSE: "┅┅┅"}
WIDE = 560  # pixels
ALL, SHOWN, VOLUMES = "All frames", "Shown frame", "All as volumes (Z)"


class ScorePanel(QWidget):
    """Scores a labels layer while it is shown; follows edits of both layers."""

    def __init__(self, viewer: ViewerModel, scoring: Scoring, frame: Callable[[], Index]) -> None:
        super().__init__()
        self._viewer = viewer
        self._scoring = scoring
        self._frame = frame  # gives the one that is shown
        self._labels: Labels | None = None
        self._watched: tuple[Labels, Labels] | None = None
        self.follower = FollowedLabels(viewer, lambda _frames: self.score(), self.score)
        self.truth_follower = FollowedLabels(viewer, lambda _frames: self.score(), self.score)
        self.hits = HitsLayer(viewer, self._on_hits_gone)
        self.truth = narrow_combo("The labels layer that is taken for true")
        self.frames = narrow_combo(
            "What is scored; the objects of each frame, or of each volume, are its own"
        )
        self.warping = QCheckBox("Warping error (slow)")
        self.outlines = QCheckBox("Show hits and misses")
        self.table = ScoreTable()
        self.legend = {value: QLabel() for value in LINES}
        self.status = StatusBox()

        self._lay_out()

        self.truth.activated.connect(self._on_view_truth)
        self.frames.activated.connect(self._on_view_frames)
        self.warping.toggled.connect(self.score)
        self.outlines.toggled.connect(self._on_scored)
        scoring.events.scored.connect(self._on_scored)
        scoring.events.status.connect(self._on_status)
        self._on_scored()

    def _lay_out(self) -> None:
        self.frames.addItems([SHOWN, ALL])
        self.warping.setToolTip("Also the warping error of the shown frame; takes up to seconds")
        self.outlines.setToolTip("Outlines in a layer of their own; switched off it is removed")
        checks = Turning(self.warping, self.outlines, width=300)
        truth = QWidget()
        row = QHBoxLayout(truth)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(QLabel("Truth"))
        row.addWidget(self.truth, 1)
        row.addWidget(self.frames, 1)
        tools = Turning(truth, checks, width=WIDE, stretch=(1, 0))
        tools.setSizePolicy(checks.sizePolicy())
        legend = Turning(*self.legend.values(), width=420)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING)
        for widget in (tools, legend, self.table, self.status):
            column.addWidget(widget, int(widget is self.table))

    def show_layers(self, labels: Labels | None, truths: list[Labels]) -> None:
        """Offer truths for labels; the one that was chosen stays if it is there."""
        chosen = self.truth.currentData()
        with QSignalBlocker(self.truth):
            self.truth.clear()
            self.truth.addItem("No truth", None)
            for layer in truths:
                self.truth.addItem(layer.name, layer)
            self.truth.setCurrentIndex(truths.index(chosen) + 1 if chosen in truths else 0)
        if labels is not self._labels:
            self._labels = labels
            self.outlines.setChecked(False)
        axes = "" if labels is None else label_stack(labels).frame_axes
        self.frames.setVisible(bool(axes))
        self._offer_volumes("Z" in axes)
        self._on_view_truth()

    def _offer_volumes(self, offered: bool) -> None:
        place = self.frames.findText(VOLUMES)
        if offered and place < 0:
            self.frames.addItem(VOLUMES)
        elif place >= 0 and not offered:
            self.frames.removeItem(place)

    def show_frame(self) -> None:
        """Score anew if another frame is shown, and the shown one is scored."""
        if self.frames.currentText() == SHOWN:
            self.score()

    def score(self) -> None:
        labels, truth = self._labels, self.truth.currentData()
        if labels is None or truth is None or self.isHidden():  # behind the other tab
            return
        pred = label_stack(labels)
        chosen = self.frames.currentText()
        frames = (self._frame(),) if chosen == SHOWN else tuple(pred.frames())
        warping = self.warping.isChecked() and len(frames) == 1
        true = label_stack(truth)
        self._scoring.score(ScoreRequest(true, pred, frames, chosen == VOLUMES, warping))

    def _on_view_truth(self) -> None:
        labels, truth = self._labels, self.truth.currentData()
        watched = None if labels is None or truth is None else (labels, truth)
        if watched == self._watched:
            return
        self._watched = watched
        self.follower.watch(watched and watched[0])
        self.truth_follower.watch(watched and watched[1])
        self._scoring.clear()
        self.score()

    def _on_view_frames(self) -> None:
        self.warping.setEnabled(self.frames.currentText() == SHOWN)
        self.score()

    def _on_scored(self) -> None:
        scored = self._scoring.scored
        self.table.show_values(scored.values if scored else {})
        hits = scored.hits if scored else Hits()
        counts = {
            HIT: f"{hits.hits} hits (solid)",
            MISS: f"{hits.misses} missed (dashed)",
            FALSE: f"{hits.false} false (dotted)",
        }
        for value, label in self.legend.items():
            line = f'<span style="color: {COLOURS[value]}">{LINES[value]}</span>'
            label.setText(f"{line} {counts[value]}")
            label.setVisible(scored is not None)
        self.outlines.setEnabled(scored is not None)
        if scored is not None and self._labels is not None and self.outlines.isChecked():
            self.hits.show(self._labels, scored.pictures)
        else:
            self.hits.take_away()

    def _on_hits_gone(self) -> None:
        self.outlines.setChecked(False)

    def _on_status(self, status: Status) -> None:
        """Show what goes on, and what went wrong; the counts are in the legend."""
        self.status.show_status(Status() if status.kind == "done" else status)
