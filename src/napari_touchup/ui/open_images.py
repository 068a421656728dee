"""The images that were chosen once, each with its layer and what was found in it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeGuard

from napari.components import ViewerModel
from napari.layers import Image as ImageLayer

from napari_touchup.core.axes import check_axes, resolve_axes
from napari_touchup.session.images import Image
from napari_touchup.session.session import Session
from napari_touchup.ui.channel_names import names_of
from napari_touchup.ui.layers import is_result, level_0
from napari_touchup.ui.results import Results


class OpenImages:
    """One `Results` for each image layer that was chosen, or looked at for its channels."""

    def __init__(self, viewer: ViewerModel, session: Session) -> None:
        self._viewer = viewer
        self._session = session
        self._all: list[Results] = []

    def __iter__(self) -> Iterator[Results]:
        return iter(tuple(self._all))

    def of_image(self, image: Image | None) -> Results | None:
        return next((results for results in self._all if results.image is image), None)

    def of_layer(self, layer: Any) -> Results | None:
        return next((results for results in self._all if results.source is layer), None)

    def open(self, layer: ImageLayer, axes: str | None = None) -> Results:
        """Give the results of a layer; with `axes` that a person gave, it is opened anew."""
        results = self.of_layer(layer)
        if results is None or axes is not None:
            data, path = level_0(layer), layer.source.path
            known = Path(path) if path else None
            letters = axes_of(layer, axes)
            names = names_of(layer, letters)
            image = Image(layer.name, data, letters, layer.rgb, known, names)
            if results is not None:
                self.drop(results)
            results = Results(self._viewer, self._session, layer, image)
            self._all.append(results)
        return results

    def drop(self, results: Results) -> None:
        """Let go of an image: what was found in it counts no more, its channels are gone."""
        self._all.remove(results)
        results.close()
        gone = results.image.channels
        kept = (None if channel in gone else channel for channel in self._session.channels)
        self._session.channels = tuple(kept)


def can_segment(layer: Any) -> TypeGuard[ImageLayer]:
    if not isinstance(layer, ImageLayer) or is_result(layer):
        return False
    try:
        axes_of(layer)
    except ValueError:  # more axes than a film of stacks of channels has
        return False
    return True


def axes_of(layer: ImageLayer, override: str | None = None) -> str:
    """Axes of a layer's data: what a person said, or what the shape and its labels tell."""
    shape = level_0(layer).shape
    if override is not None:
        return check_axes(override, shape)
    return resolve_axes(shape, rgb=layer.rgb, labels=layer.axis_labels)
