"""Keys of the viewer that do something for as long as a dock lives."""

from collections.abc import Callable, Mapping
from typing import Any

from napari.components import ViewerModel


class BoundKeys:
    """Binds keys, and gives them back to what had them before."""

    def __init__(self, viewer: ViewerModel, calls: Mapping[str, Callable[[], None]]) -> None:
        self._viewer = viewer
        self._before = {
            key: viewer.bind_key(key, pressed(call), overwrite=True) for key, call in calls.items()
        }

    def close(self) -> None:
        for key, before in self._before.items():
            self._viewer.bind_key(key, before, overwrite=True)  # None: nothing had it


def pressed(call: Callable[[], None]) -> Callable[[Any], None]:
    """Make a function as napari binds one to a key: it reads the `__name__` of each."""

    def press(_viewer: Any) -> None:
        call()

    return press
