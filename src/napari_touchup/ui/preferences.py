"""What a person set under File > Preferences > Touch-Up."""

from pathlib import Path
from typing import Any

from napari.settings import get_plugin_settings

PLUGIN = "napari-touchup"


def shared_folder() -> Path | None:
    """Folder of models that are listed too; None where none is set."""
    # made of the manifest when napari starts; none where the plugin is not registered
    settings: Any = get_plugin_settings().get(PLUGIN)
    folder = "" if settings is None else settings.models.folder
    return Path(folder).expanduser() if folder else None
