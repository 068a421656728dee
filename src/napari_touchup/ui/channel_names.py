"""What the channels of an image layer are called, if they have names at all."""

import re
from contextlib import suppress
from pathlib import Path

from napari.layers import Image as ImageLayer

from napari_touchup.core.channel_names import real_name
from napari_touchup.io.images import ImageFileError, channel_names
from napari_touchup.ui.layers import level_0

TWIN = re.compile(r" \[\d+\]$")  # napari's end of a name that is there already
DEFAULT = "Image"  # napari's name of a layer without one


def names_of(layer: ImageLayer, axes: str) -> tuple[str, ...]:
    """Give a name for each of C, as the layer's file has them; of a plane the layer's own.

    A layer that is called as its file is has no name for its channel: () then.
    """
    path = Path(layer.source.path) if layer.source.path else None
    if "C" not in axes:
        name = _own_name(layer, path)
        return (name,) if name else ()
    if path is None or not path.is_file() or layer.rgb:
        return ()
    with suppress(ImageFileError):  # of a format of another plugin
        return channel_names(path, level_0(layer).shape[axes.index("C")])
    return ()


def _own_name(layer: ImageLayer, path: Path | None) -> str:
    name = TWIN.sub("", layer.name).strip()
    # files and samples are images, whatever they show
    of_file = path is not None and path.name.startswith(name)
    return "" if of_file or layer.source.sample or name == DEFAULT else real_name(name)
