"""The masks of a candidate model, over those of the model in use."""

from napari.components import ViewerModel
from napari.layers import Labels

from napari_touchup.core.changes import Change
from napari_touchup.session.fine_tuning import FineTuning
from napari_touchup.session.trial import Trial
from napari_touchup.ui.binding import Binding
from napari_touchup.ui.other_masks import OtherMasks

MARGIN = 6.0  # a change is shown with so many times its size around it


class TrialLayer:
    """There for as long as the candidate waits for an answer."""

    def __init__(self, viewer: ViewerModel, binding: Binding, tuning: FineTuning) -> None:
        self._binding = binding
        self._tuning = tuning
        self._masks = OtherMasks(viewer, binding)
        tuning.events.trial.connect(self._on_trial)

    @property
    def layer(self) -> Labels | None:
        return self._masks.layer

    def close(self) -> None:
        self._tuning.events.trial.disconnect(self._on_trial)
        self._masks.close()

    def show_old(self, old: bool) -> None:
        """Show the masks as they are, or as they would be."""
        self._masks.flip(old)

    def show_change(self, change: Change) -> None:
        """Move the camera to a change."""
        trial, layer = self._tuning.trial, self.layer
        if trial is None or layer is None:
            return
        self._binding.show_frame(trial.asked.image.key, trial.asked.frame)
        self._binding.look_at(layer, change.box, MARGIN)

    def _on_trial(self, trial: Trial | None) -> None:
        self._masks.take_away()
        if trial is not None:
            self._masks.show(trial.asked.image, trial.asked.frame, trial.labels, "candidate")
