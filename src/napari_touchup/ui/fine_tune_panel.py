"""The *Fine-tune* fold: corrections teach the model, and a person judges what came of it."""

from typing import Any

from qtpy.QtWidgets import QCheckBox, QWidget

from napari_touchup.engine.lessons import Learned
from napari_touchup.engine.teachable import why_not
from napari_touchup.session.fine_tuning import FineTuning
from napari_touchup.session.project import Counts
from napari_touchup.ui.binding import Binding
from napari_touchup.ui.fields import number, option_form, show_values, slider, with_value
from napari_touchup.ui.fold import Fold
from napari_touchup.ui.forms import narrow_column, push_button, text_label
from napari_touchup.ui.loss_curve import LossCurve
from napari_touchup.ui.run_panel import PRIMARY
from napari_touchup.ui.trial_layer import TrialLayer
from napari_touchup.ui.trial_panel import TrialPanel

NOTHING = "Nothing teaches yet: mend a few cells, or confirm some that are right, under Correct."


class FineTunePanel(QWidget):
    """Start, curve, verdict."""

    def __init__(self, tuning: FineTuning, binding: Binding, layer: TrialLayer) -> None:
        super().__init__()
        self._tuning = tuning
        self.summary = text_label()
        self.start = push_button(
            "Fine-tune",
            "Train a copy of the model with all corrections of this project, in a process of its"
            " own; go on painting meanwhile",
            lambda: tuning.start(binding.window()),
        )
        self.stop = push_button(
            "Stop", "End after this step; the model stays as it was", tuning.stop
        )
        self.curve = LossCurve()
        self.trial = TrialPanel(tuning, layer)
        self.rest = push_button(
            "Apply to all unfinished frames",
            "Segment the other frames again with the new model; frames that are done, and cells"
            " that you corrected or confirmed, stay",
            tuning.apply_to_rest,
        )
        self.options = TrainForm(tuning)

        self.start.setStyleSheet(PRIMARY)
        self.start.setMinimumHeight(32)
        self.stop.setMinimumHeight(32)
        narrow_column(
            self, self.summary, self.start, self.stop, self.curve, self.trial, self.rest,
            Fold("Training options", self.options, "Steps, learning rate, replay"),
        )  # fmt: skip
        self.curve.setVisible(False)

        tuning.session.events.counts.connect(self._on_session_state)
        tuning.session.events.model.connect(self._on_session_state)
        tuning.events.running.connect(self._on_tuning_running)
        tuning.events.trial.connect(self._on_tuning_state)
        tuning.events.rest.connect(self._on_tuning_state)
        tuning.stepped.connect(self._on_tuning_step)
        self._on_session_state()
        self._on_tuning_state()

    def _on_session_state(self) -> None:
        model, counts = self._tuning.session.model, self._tuning.session.counts
        refused = why_not(model.header.spec) if model is not None else ""
        self.summary.setText(refused or (f"{counted(counts)}." if counts.teach else NOTHING))
        self.start.setEnabled(not refused)

    def _on_tuning_running(self, running: bool) -> None:
        if running:
            self.curve.clear()
        self._on_tuning_state()

    def _on_tuning_state(self) -> None:
        tuning = self._tuning
        self.start.setVisible(not tuning.running and tuning.trial is None)
        self.stop.setVisible(tuning.running)
        self.curve.setVisible(tuning.running)
        self.rest.setVisible(tuning.rest > 0)
        self.rest.setText(f"Apply to all unfinished frames ({tuning.rest})")

    def _on_tuning_step(self, step: Learned) -> None:
        self.curve.add(step.loss)


class TrainForm(QWidget):
    """What few people change."""

    def __init__(self, tuning: FineTuning) -> None:
        super().__init__()
        self._tuning = tuning
        defaults = tuning.options
        self.steps = number(
            "steps", "Steps", 5000,
            f"Length of the training, steps; by default {defaults.steps}",
            unit="", step=10, low=1,
        )  # fmt: skip
        self.rate = number(
            "rate", "Learning rate", 0.1,
            f"Highest learning rate (no unit); by default {defaults.rate:g}",
            unit="", decimals=4, step=0.0005, low=0.0001,
        )  # fmt: skip
        self.replay = slider(
            "replay", "Replay", 0, 0.9,
            "Share (0-1) of what is learned again of the old, so that less is forgotten;"
            f" by default {defaults.replay:g}",
        )  # fmt: skip
        self.form = option_form(self.steps, self.rate, self.replay, changed=self._on_view_value)

        self.previews = QCheckBox("Show how it goes")
        self.previews.setToolTip(
            "Every few seconds, outlines of what the model would say now of what you see; on by"
            " default where a GPU was used, as it takes time"
        )

        narrow_column(self, self.form.native, self.previews)

        self.previews.toggled.connect(self._on_view_previews)
        tuning.events.previews.connect(self._on_tuning_previews)
        self._on_tuning_previews(tuning.previews)
        tuning.events.options.connect(self._on_tuning_options)
        self._on_tuning_options()

    def _on_view_value(self, name: str, value: Any) -> None:
        typed = int(value) if name == "steps" else round(value, 5)
        self._tuning.options = with_value(self._tuning.options, name, typed)

    def _on_view_previews(self, shown: bool) -> None:
        self._tuning.previews = shown

    def _on_tuning_previews(self, shown: bool) -> None:
        self.previews.setChecked(shown)

    def _on_tuning_options(self) -> None:
        show_values(self.form, self._tuning.options)


def counted(counts: Counts) -> str:
    """Say how many objects count.

    >>> counted(Counts(12, 3))
    '12 teach, 3 kept for checking'
    """
    teach = "1 teaches" if counts.teach == 1 else f"{counts.teach} teach"
    return f"{teach}, {counts.kept} kept for checking" if counts.kept else teach
