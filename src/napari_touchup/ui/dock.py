"""The Touch-Up dock."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from qtpy.QtCore import QCoreApplication, QSize, Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from napari_touchup.session.child import Child
from napari_touchup.session.comparison import Comparison
from napari_touchup.session.fine_tune_run import Worker
from napari_touchup.session.fine_tuning import FineTuning
from napari_touchup.session.keeper import Keeper
from napari_touchup.session.models import Models
from napari_touchup.session.session import Session
from napari_touchup.ui.activity import Activity
from napari_touchup.ui.advanced_panel import AdvancedPanel
from napari_touchup.ui.apply import Apply
from napari_touchup.ui.apply_panel import ApplyPanel
from napari_touchup.ui.binding import Binding
from napari_touchup.ui.compare_layer import CompareLayer
from napari_touchup.ui.correct import Correct
from napari_touchup.ui.correct_keys import FLIP, CorrectKeys
from napari_touchup.ui.correct_panel import CorrectPanel
from napari_touchup.ui.correct_tools import tools_of
from napari_touchup.ui.dispatch import QueuedDispatch
from napari_touchup.ui.fine_tune_panel import FineTunePanel
from napari_touchup.ui.fold import Fold, one_open
from napari_touchup.ui.image_panel import ImagePanel
from napari_touchup.ui.key_table import Section, sections
from napari_touchup.ui.keys_overlay import KeysOverlay
from napari_touchup.ui.layers_panel import LayersPanel
from napari_touchup.ui.masks_panel import MasksPanel
from napari_touchup.ui.measure import Measure
from napari_touchup.ui.model_panel import ModelPanel
from napari_touchup.ui.preferences import Preferences, shared_folder
from napari_touchup.ui.preview_layer import PreviewLayer
from napari_touchup.ui.run_panel import KEY, RunPanel
from napari_touchup.ui.trial_layer import TrialLayer
from napari_touchup.ui.versions_panel import VersionsPanel

if TYPE_CHECKING:
    import napari.viewer

MIN_WIDTH = 250  # pixels; nothing is cut off at this width
MAX_WIDTH = 320  # pixels; leaves a canvas of 600 x 500 on a laptop of 1280 x 800


class TouchUpDock(QScrollArea):
    """Image, model, Segment; then what is needed less often, folded away.

    Parameters
    ----------
    napari_viewer : napari.viewer.Viewer
        The viewer that the dock is part of.
    session : Session, optional
        The state behind it; by default a new one.
    worker : Worker, optional
        What trains; by default a process of its own.
    """

    def __init__(
        self,
        napari_viewer: "napari.viewer.Viewer",
        session: Session | None = None,
        worker: Worker | None = None,
    ) -> None:
        super().__init__()
        # napari's menu gives a proxy; layers that come through it are not the layers themselves
        napari_viewer = getattr(napari_viewer, "__wrapped__", napari_viewer)
        self.session = session or Session(dispatch=QueuedDispatch())
        self.binding = Binding(napari_viewer, self.session)
        self.activity = Activity(self.session)
        self.measure = Measure(napari_viewer, self.session, self.binding)
        self.image = ImagePanel(self.session, self.binding)
        self.models = Models(self.session, shared_folder())
        self.model = ModelPanel(self.models)
        self.run = RunPanel(self.session, self.binding)
        self.masks = MasksPanel(self.session)
        self.advanced = AdvancedPanel(self.session, self.measure)
        self.layers = LayersPanel(napari_viewer, self.session, self.binding)
        self.apply = Apply(napari_viewer, self.binding)
        self.apply_panel = ApplyPanel(self.apply)
        self.keeper = Keeper(self.session)
        self.correct = Correct(napari_viewer, self.session, self.binding)
        self.tuning = FineTuning(self.session, worker or Child())
        self.trial = TrialLayer(napari_viewer, self.binding, self.tuning)
        self.preferences = Preferences(self.session, self.tuning, self.keeper)
        self.comparison = Comparison(self.tuning)
        self.compare = CompareLayer(napari_viewer, self.binding, self.comparison)
        self.versions = VersionsPanel(self.models, self.comparison, self.compare, self)
        self.list_of_keys = KeysOverlay(napari_viewer.window._qt_window, self._sections)
        self.correct_panel = CorrectPanel(
            self.session, self.correct, self.keeper, self.list_of_keys.toggle
        )
        self.preview = PreviewLayer(napari_viewer, self.binding, self.tuning)
        self.fine_tune = FineTunePanel(self.tuning, self.binding, self.trial)
        flips = (self.trial.show_old, self.compare.show_old)
        self.keys = CorrectKeys(napari_viewer, self.session, self.correct, flips)
        self.folds = [
            Fold("Correct", self.correct_panel, "Mend the masks of this frame"),
            Fold("Fine-tune", self.fine_tune, "Teach the model what you corrected"),
            Fold("Apply && export", self.apply_panel, "Many images, and masks as files"),
            Fold("Masks", self.masks, "How the network's maps become masks"),
            Fold("Advanced", self.advanced, "Diameter, device, tile, precision"),
            Fold("Layers", self.layers, "Show the maps behind the masks"),
        ]

        self._lay_out()

        one_open(self.folds)
        self.model.manage.clicked.connect(self.versions.show_beside)
        napari_viewer.bind_key(KEY, self._on_key, overwrite=True)
        # a closed dock is destroyed; its work must end with it
        parts = (
            self.keys, self.apply, self.correct, self.compare, self.trial, self.preview,
            self.preferences, self.tuning, self.binding,
        )  # fmt: skip
        self.destroyed.connect(_Farewell(napari_viewer, parts))
        self.destroyed.connect(self.list_of_keys.release)
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.apply.close)
            application.aboutToQuit.connect(self.tuning.close)
            application.aboutToQuit.connect(self.session.close)

    def _lay_out(self) -> None:
        column = QWidget()
        layout = QVBoxLayout(column)
        layout.setContentsMargins(0, 4, 0, 4)
        layout.setSpacing(2)
        for panel in (self.image, self.model, self.run, *self.folds):
            layout.addWidget(panel)
        layout.addStretch(1)
        self.setWidget(column)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumWidth(MIN_WIDTH)
        self.setMaximumWidth(MAX_WIDTH)

    def sizeHint(self) -> QSize:  # noqa: N802 Qt's name
        return QSize(300, 600)

    def _sections(self) -> Sequence[Section]:
        tools = [(tool.key, tool.tooltip) for tool in tools_of(self.correct, self.session)]
        flip = (FLIP, "Hold: the old masks, while others lie over them")
        return sections([*tools, flip], self.session.brush.preset == "qupath")

    def _on_key(self, _viewer: Any) -> None:
        self.run.run()


class Closing(Protocol):
    def close(self) -> None: ...


class _Farewell:
    """Lets go of the viewer after the dock is gone; holds no widget."""

    def __init__(self, viewer: Any, parts: Sequence[Closing]) -> None:
        self._viewer = viewer
        self._parts = parts

    def __call__(self) -> None:
        self._viewer.bind_key(KEY, None)
        for part in self._parts:
            part.close()
