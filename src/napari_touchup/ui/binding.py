"""Follows the viewer: which image is chosen, which frame is shown, which layers are gone."""

from typing import Any

from napari.components import ViewerModel
from napari.layers import Image as ImageLayer
from napari.layers import Layer
from psygnal import Signal

from napari_touchup.core.entries import Index
from napari_touchup.session.images import Channel, Image
from napari_touchup.session.run import FrameDone
from napari_touchup.session.session import Session
from napari_touchup.ui.channel_names import names_of
from napari_touchup.ui.layers import level_0, look_at, show_frame, shown_frame, visible_window
from napari_touchup.ui.open_images import OpenImages, can_segment
from napari_touchup.ui.results import Results


class Binding:
    """Keeps a viewer and a session together; lives as long as the dock."""

    images_changed = Signal()  # the list of images, or the one that is chosen

    def __init__(self, viewer: ViewerModel, session: Session) -> None:
        self.viewer = viewer
        self.session = session
        self.opened = OpenImages(viewer, session)
        viewer.layers.events.inserted.connect(self._on_inserted)
        viewer.layers.events.removed.connect(self._on_removed)
        viewer.layers.selection.events.active.connect(self._on_active)
        viewer.dims.events.point.connect(self._on_frame)
        session.events.model.connect(self._look_beside)
        session.frame_done.connect(self._on_frame_done)
        session.shown_frame.connect(self.show_frame)
        for layer in viewer.layers:
            self._watch(layer)
        self._on_active()
        if self.current is None and self.images():
            self.choose(self.images()[-1])

    @property
    def current(self) -> Results | None:
        """The image that is chosen."""
        return self.opened.of_image(self.session.image)

    def images(self) -> list[ImageLayer]:
        """Layers that can be segmented, bottom to top."""
        return [layer for layer in self.viewer.layers if can_segment(layer)]

    def choose(self, layer: ImageLayer, axes: str | None = None) -> None:
        """Make a layer the session's image.

        Raises
        ------
        ValueError
            If the axes do not fit the layer's data.
        """
        results = self.opened.open(layer, axes)
        self.session.beside = self._beside(results)
        self.session.image = results.image
        if self.session.project.frames() and self.session.project.masked(results.image.key):
            results.masks_layer()  # the same pixels were worked on before
        self._on_frame()
        self.images_changed.emit()

    def window(self) -> tuple[slice, slice] | None:
        """Return what the canvas shows of the image, pixels of the frame."""
        now = self.current
        return None if now is None else visible_window(now.source, now.image.axes)

    def show_frame(self, key: str, frame: Index) -> None:
        """Move the sliders to a frame of an image that is open."""
        results = next((r for r in self.opened if r.image.key == key), None)
        if results is not None:
            show_frame(self.viewer, results.source, results.image.axes, frame)

    def look_at(self, layer: Layer, box: tuple[slice, slice], margin: float) -> None:
        """Centre the canvas on a box of the frame, with so many times its size around it."""
        results = self.current
        if results is not None:
            look_at(self.viewer, layer, results.grid, box, margin)

    def close(self) -> None:
        """Let go of the viewer."""
        self.viewer.layers.events.inserted.disconnect(self._on_inserted)
        self.viewer.layers.events.removed.disconnect(self._on_removed)
        self.viewer.layers.selection.events.active.disconnect(self._on_active)
        self.viewer.dims.events.point.disconnect(self._on_frame)
        self.session.close()

    def _beside(self, now: Results | None) -> tuple[tuple[str, Channel], ...]:
        """Channels of the other image layers that lie on the same pixels."""
        model = self.session.model
        if now is None or model is None or model.header.spec.in_channels == 1:
            return ()  # only a model with several inputs wants other layers
        others = [self.opened.open(layer) for layer in self.images() if layer is not now.source]
        return tuple(
            (other.image.title(channel), channel)
            for other in others
            for channel in other.image.channels
            if channel.plane_shape == now.image.channels[0].plane_shape
        )

    def _look_beside(self) -> None:
        """Tell the session which other channels there are now."""
        beside = self._beside(self.current)
        if beside != self.session.beside:
            self.session.beside = beside
            self.session.fit_channels()

    def _watch(self, layer: Any) -> None:
        if can_segment(layer):
            layer.events.data.connect(self._on_data)
            layer.events.name.connect(self._on_name)

    def _on_inserted(self, event: Any) -> None:
        self._watch(event.value)
        if self.session.image is None and can_segment(event.value):
            self.choose(event.value)
        self._on_images()

    def _on_removed(self, event: Any) -> None:
        for results in self.opened:
            results.forget(event.value)
        gone = self.opened.of_layer(event.value)
        if gone is not None:
            self.opened.drop(gone)
            if self.session.image is gone.image:
                self.session.stop()
                self.session.image = None
                if self.images():
                    self.choose(self.images()[-1])
        self._on_images()

    def _on_active(self) -> None:
        for results in self.opened:
            results.strokes.check_stroke()
        layer = self.viewer.layers.selection.active
        if layer is not None and can_segment(layer):
            now = self.current
            if now is None or now.source is not layer:
                self.choose(layer)

    def _on_frame(self) -> None:
        now = self.current
        if now is not None:
            now.strokes.catch()
            self.session.frame = shown_frame(now.source, now.image.axes, self.viewer.dims.point)

    def _on_frame_done(self, image: Image, done: FrameDone) -> None:
        results = self.opened.of_image(image)
        if results is not None:  # the layer may be gone, or hold other data by now
            results.write(done)

    def _on_data(self, event: Any) -> None:
        """Other pixels in the same layer: what was found in the old ones counts no more."""
        old = self.opened.of_layer(event.source)
        if old is None or old.image.data is level_0(old.source):
            return
        self.opened.drop(old)
        if self.session.image is old.image:
            self.choose(old.source)

    def _on_name(self, event: Any) -> None:
        for results in self.opened:
            if results.source is event.source:
                names = names_of(event.source, results.image.axes)
                results.image.rename(event.source.name, names)
        self._on_images()

    def _on_images(self) -> None:
        self._look_beside()
        self.images_changed.emit()
