"""Masks of ImageJ, QuPath and Cellpose that are dropped on napari become a layer of labels."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_touchup.io.sniff import holds_masks

if TYPE_CHECKING:
    from napari.layers import Image as ImageLayer

    from napari_touchup.io.foreign import Foreign
    from napari_touchup.io.images import ImageFile

Paths = str | Sequence[str]
LayerData = tuple[Any, dict[str, Any], str]

NO_IMAGE = (
    "no image says how large the masks are, so they end where their outlines do. Open the image"
    " first, or put it beside the file, as {}.tif"
)


def read_masks(path: Paths) -> Callable[[Paths], list[LayerData]] | None:
    """Give the function that reads masks, as napari asks for it; None for other files."""
    return _layers if all(holds_masks(Path(each)) for each in _listed(path)) else None


def _layers(path: Paths) -> list[LayerData]:
    return [_layer(Path(each)) for each in _listed(path)]


def _layer(path: Path) -> LayerData:
    """Read masks on the image that they belong to; one message says what was not as it should."""
    from napari.utils.notifications import show_warning

    from napari_touchup.io.foreign import NPY, own_name

    name, drawn = own_name(path), path.suffix.lower() not in NPY
    layer = _open_layer(name, any_other=drawn)
    with _image_of(path, layer) as image:
        found, trouble = _read(path, image)
    if image is None and drawn:
        trouble = NO_IMAGE.format(name)
    data, place = _placed(found, None if trouble else layer)
    notes = [*([trouble] if trouble else []), *found.notes]
    if notes:
        show_warning(f"{path.name}: {'; '.join(notes)}")
    return data, {"name": f"{name} masks", **place}, "labels"


def _read(path: Path, image: "ImageFile | None") -> tuple["Foreign", str]:
    """Read masks of an image's shape; those that do not fit it by themselves, with the reason."""
    from napari_touchup.io.foreign import read_foreign

    try:
        return read_foreign(path, image), ""
    except ValueError as error:
        if image is None:
            raise
        # a file that is broken fails again
        return read_foreign(path), f"the masks do not fit the image: {error.__cause__ or error}"


@contextmanager
def _image_of(path: Path, layer: "ImageLayer | None") -> "Generator[ImageFile | None]":
    """Give the image of a layer, or of the file of the same name in the folder."""
    from napari_touchup.io.converted import opened
    from napari_touchup.io.foreign import own_name
    from napari_touchup.io.images import SUFFIXES, ImageFile
    from napari_touchup.ui.layers import level_0
    from napari_touchup.ui.open_images import axes_of

    if layer is not None:
        yield ImageFile(level_0(layer), axes_of(layer), layer.rgb)
        return
    places = [path.parent / f"{own_name(path)}{suffix}" for suffix in (*SUFFIXES, ".ome.tif")]
    with opened(next((place for place in places if place.is_file()), None)) as image:
        yield image


def _open_layer(name: str, any_other: bool) -> "ImageLayer | None":
    """Give the open image of that name; else, where it is the only one, that of another name."""
    import napari

    from napari_touchup.io.pairs import name_of
    from napari_touchup.ui.open_images import can_segment

    viewer = napari.current_viewer()
    layers = [] if viewer is None else [layer for layer in viewer.layers if can_segment(layer)]
    for layer in layers:
        if name in (layer.name, name_of(Path(layer.source.path or layer.name))):
            return layer
    return layers[0] if any_other and len(layers) == 1 else None


def _placed(found: "Foreign", layer: "ImageLayer | None") -> tuple[Any, dict[str, Any]]:
    """Labels and their place: over the layer of their image, as results are, or by themselves."""
    from napari_touchup.ui.layers import grid_of
    from napari_touchup.ui.open_images import axes_of
    from napari_touchup.ui.pixel import place_of

    masks = found.masks
    if layer is None:
        labels = list(masks.axes.lower())
        return masks.data, {"axis_labels": labels, **place_of(masks.axes, masks.pixel)}
    grid = grid_of(layer, axes_of(layer))
    order = [masks.axes.index(letter) for letter in grid.axes if letter != "C"]
    return masks.data.transpose(order).reshape(grid.shape), grid.place


def _listed(path: Paths) -> list[str]:
    return [path] if isinstance(path, str) else list(path)
