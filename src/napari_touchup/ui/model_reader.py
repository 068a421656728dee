"""A model file that is dropped on napari goes to the Touch-Up dock."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_touchup.session.versions import SUFFIX

if TYPE_CHECKING:
    import napari.viewer

    from napari_touchup.ui.dock import TouchUpDock

NO_LAYERS = [(None,)]  # napari's sign for a file that was read and holds none

Paths = str | Sequence[str]


def read_model(path: Paths) -> Callable[[Paths], list[tuple[Any]]] | None:
    """Give the function that opens a model, as napari asks for it; None for another file."""
    return _bring_in if all(Path(each).suffix == SUFFIX for each in _listed(path)) else None


def _bring_in(path: Paths) -> list[tuple[Any]]:
    import napari

    viewer = napari.current_viewer()
    if viewer is None:
        raise ValueError("expected a napari window: a model is opened in its Touch-Up dock")
    dock = dock_of(viewer)
    for each in _listed(path):
        dock.models.bring_in(Path(each))
    return NO_LAYERS


def dock_of(viewer: "napari.viewer.Viewer") -> "TouchUpDock":
    """Give the dock of a viewer, opening it where there is none."""
    from napari_touchup.ui.app import add_dock
    from napari_touchup.ui.dock import TouchUpDock

    for widget in viewer.window.dock_widgets.values():
        if isinstance(widget, TouchUpDock):
            return widget
    return add_dock(viewer)


def _listed(path: Paths) -> list[str]:
    return [path] if isinstance(path, str) else list(path)
