"""Ctrl+Z and Ctrl+Shift+Z belong to the project, whatever layer is active."""

from collections.abc import Callable
from typing import Any

from napari.components import ViewerModel
from napari.layers import Labels, Layer

from napari_touchup.ui.keys import BoundKeys, pressed
from napari_touchup.ui.layers import is_result

UNDO, REDO = "Control-Z", "Control-Shift-Z"  # Ctrl+Y is napari's 3D switch


class UndoKeys:
    """Binds the keys on the viewer, and on our labels layers over napari's own undo.

    A labels layer of the person's own keeps napari's undo: what was painted there is in no
    project.
    """

    def __init__(
        self, viewer: ViewerModel, undo: Callable[[], None], redo: Callable[[], None]
    ) -> None:
        self._viewer = viewer
        self._calls = {UNDO: undo, REDO: redo}
        self._keys = BoundKeys(viewer, self._calls)
        self._layers: list[Labels] = []
        viewer.layers.events.inserted.connect(self._on_inserted)
        viewer.layers.events.removed.connect(self._on_removed)
        for layer in viewer.layers:
            self._bind(layer)

    def close(self) -> None:
        """Give the keys back."""
        self._viewer.layers.events.inserted.disconnect(self._on_inserted)
        self._viewer.layers.events.removed.disconnect(self._on_removed)
        self._keys.close()
        for layer in list(self._layers):
            self._release(layer)

    def _on_inserted(self, event: Any) -> None:
        self._bind(event.value)

    def _on_removed(self, event: Any) -> None:
        self._release(event.value)

    def _bind(self, layer: Layer) -> None:
        if isinstance(layer, Labels) and is_result(layer):
            self._layers.append(layer)
            for key, call in self._calls.items():
                # a layer's own keys go before those of its class, which are napari's
                layer.bind_key(key, pressed(call), overwrite=True)

    def _release(self, layer: Any) -> None:
        if layer in self._layers:
            self._layers.remove(layer)
            for key in self._calls:
                layer.bind_key(key, None)
