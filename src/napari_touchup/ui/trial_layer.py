"""The masks of a candidate model, over those of the model in use."""

from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Labels

from napari_touchup.core.changes import Change
from napari_touchup.session.fine_tuning import FineTuning
from napari_touchup.session.trial import Trial
from napari_touchup.ui.binding import Binding
from napari_touchup.ui.layers import MADE_BY

MARGIN = 6.0  # a change is shown with so many times its size around it


class TrialLayer:
    """Read-only and never active; there for as long as the candidate waits for an answer."""

    def __init__(self, viewer: ViewerModel, binding: Binding, tuning: FineTuning) -> None:
        self._viewer = viewer
        self._binding = binding
        self._tuning = tuning
        self.layer: Labels | None = None
        tuning.events.trial.connect(self._on_trial)
        viewer.layers.events.removed.connect(self._on_removed)

    def close(self) -> None:
        self._tuning.events.trial.disconnect(self._on_trial)
        self._viewer.layers.events.removed.disconnect(self._on_removed)

    def show_old(self, old: bool) -> None:
        """Show the masks as they are, or as they would be."""
        results, trial = self._binding.current, self._tuning.trial
        if self.layer is None or results is None or trial is None:
            return
        self.layer.visible = not old
        if results.masks is not None:
            results.masks.visible = old

    def show_change(self, change: Change) -> None:
        """Move the camera to a change."""
        trial, layer = self._tuning.trial, self.layer
        if trial is None or layer is None:
            return
        self._binding.show_frame(trial.asked.image.key, trial.asked.frame)
        self._binding.look_at(layer, change.box, MARGIN)

    def _on_trial(self, trial: Trial | None) -> None:
        if trial is None:
            self._take_away()
            return
        results = self._binding.opened.of_image(trial.asked.image)
        if results is None:  # its layer is gone: there is nothing to compare
            return
        data = np.zeros(results.grid.shape, np.int32)
        results.grid.plane(data, trial.asked.frame)[:] = trial.labels
        self.layer = Labels(
            data,
            name=f"{results.source.name} candidate",
            metadata={MADE_BY: "candidate"},
            **results.grid.place,
        )
        self.layer.editable = False
        active = self._viewer.layers.selection.active
        self._viewer.add_layer(self.layer)
        self._viewer.layers.selection.active = active
        self._binding.show_frame(trial.asked.image.key, trial.asked.frame)
        self.show_old(False)

    def _take_away(self) -> None:
        layer, self.layer = self.layer, None
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)
        results = self._binding.current
        if results is not None and results.masks is not None:
            results.masks.visible = True

    def _on_removed(self, event: Any) -> None:
        if event.value is self.layer:
            self._take_away()
