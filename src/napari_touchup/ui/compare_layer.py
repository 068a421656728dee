"""The masks of another version, over those of the model in use."""

from napari.components import ViewerModel
from napari.layers import Labels

from napari_touchup.session.comparison import Compared, Comparison
from napari_touchup.ui.binding import Binding
from napari_touchup.ui.other_masks import OtherMasks


class CompareLayer:
    """There for as long as versions are compared."""

    def __init__(self, viewer: ViewerModel, binding: Binding, comparison: Comparison) -> None:
        self._comparison = comparison
        self._masks = OtherMasks(viewer, binding)
        comparison.events.shown.connect(self._on_shown)
        self._masks.removed.connect(comparison.end)

    @property
    def layer(self) -> Labels | None:
        return self._masks.layer

    def close(self) -> None:
        self._comparison.events.shown.disconnect(self._on_shown)
        self._comparison.close()
        self._masks.close()

    def show_old(self, old: bool) -> None:
        """Show the masks as they are, or as they would be."""
        self._masks.flip(old)

    def _on_shown(self, shown: Compared | None) -> None:
        self._masks.take_away()
        if shown is not None:
            self._masks.show(shown.image, shown.frame, shown.labels, shown.version.name)
