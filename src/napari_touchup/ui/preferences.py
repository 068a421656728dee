"""What a person set under File > Preferences > Touch-Up."""

from pathlib import Path
from typing import Any

from napari.settings import get_plugin_settings

from napari_touchup.session.fine_tuning import FineTuning
from napari_touchup.session.keeper import Keeper
from napari_touchup.session.session import Session
from napari_touchup.ui.fields import with_value

PLUGIN = "napari-touchup"


class Preferences:
    """Brings preferences into a window: when it opens those that are set, later what is changed.

    A window goes its own way where its dock says something else afterwards.
    """

    def __init__(self, session: Session, tuning: FineTuning, keeper: Keeper) -> None:
        self._session = session
        self._tuning = tuning
        self._keeper = keeper
        self._settings = _settings()
        if self._settings is None:
            return
        for group, name, follow in self._all():
            preferred = getattr(self._settings, group)
            if getattr(preferred, name) != type(preferred).model_fields[name].default:
                follow()
            preferred.events[name].connect(follow)

    def close(self) -> None:
        """Follow no longer."""
        if self._settings is not None:
            for group, name, follow in self._all():
                getattr(self._settings, group).events[name].disconnect(follow)

    def _all(self) -> tuple[tuple[str, str, Any], ...]:
        return (
            ("compute", "device", self._on_device),
            ("compute", "memory", self._on_memory),
            ("projects", "folder", self._on_folder),
            ("projects", "ring", self._on_ring),
            ("painting", "mouse", self._on_mouse),
        )

    def _on_device(self, _event: Any = None) -> None:
        device = self._settings.compute.device
        self._session.options = with_value(self._session.options, "device", device)
        self._tuning.options = with_value(self._tuning.options, "device", device)

    def _on_memory(self, _event: Any = None) -> None:
        # 0 stands for None, as in the dock
        memory = self._settings.compute.memory or None
        self._session.options = with_value(self._session.options, "memory", memory)

    def _on_folder(self, _event: Any = None) -> None:
        self._keeper.place = _folder(self._settings.projects.folder)

    def _on_ring(self, _event: Any = None) -> None:
        self._keeper.ring_px = self._settings.projects.ring

    def _on_mouse(self, _event: Any = None) -> None:
        mouse = self._settings.painting.mouse
        self._session.brush = with_value(self._session.brush, "preset", mouse)


def shared_folder() -> Path | None:
    """Folder of models that are listed too; None where none is set."""
    settings = _settings()
    return None if settings is None else _folder(settings.models.folder)


def _settings() -> Any:
    # made of the manifest when napari starts; none where the plugin is not registered
    return get_plugin_settings().get(PLUGIN)


def _folder(text: str) -> Path | None:
    return Path(text).expanduser() if text.strip() else None
