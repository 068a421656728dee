"""Masks made again from kept maps, in a thread; the newest wish replaces older ones."""

from collections.abc import Set
from dataclasses import dataclass, replace

from psygnal import Signal

from napari_touchup.core.entries import Index
from napari_touchup.options import InstanceOptions
from napari_touchup.session.images import Image
from napari_touchup.session.job import Dispatch, Job
from napari_touchup.session.run import FrameDone, Network, remake_masks
from napari_touchup.session.status import Status, capital, failed, found


@dataclass(frozen=True, eq=False)
class Wish:
    image: Image
    indices: tuple[Index, ...]
    instances: InstanceOptions
    even_done: bool = False  # change frames whose review is ended too


class Remaker:
    """Serves one wish at a time.

    A slider sends many wishes a second. While one is served only the last of those that come
    waits, so the work keeps up with the hand without a timer.
    """

    said = Signal(Status)
    done = Signal(Image, FrameDone)
    ended = Signal()  # nothing is left to do

    def __init__(self, network: Network, dispatch: Dispatch) -> None:
        self._network = network
        self._dispatch = dispatch
        self._job: Job | None = None
        self._serving: Wish | None = None
        self._waiting: Wish | None = None

    def make(self, wish: Wish) -> None:
        """Serve this wish next; what an older one of the same options promised is kept."""
        promised = self.promised(wish.image, wish.instances)
        if promised and not wish.even_done:
            wish = replace(wish, indices=tuple(sorted({*wish.indices, *promised})))
        self._waiting = wish
        if self._job is None:
            self._serve()
        else:
            self._job.stop()

    def stop(self) -> None:
        self._waiting = None
        if self._job is not None:
            self._job.stop()

    def promised(self, image: Image, instances: InstanceOptions) -> Set[Index]:
        """Frames of an image whose masks are about to be made with these options."""
        wish = self._waiting or self._serving
        if wish is None or wish.image is not image or wish.instances != instances:
            return set()
        return set(wish.indices) & set(image.frames.outdated(instances))

    def _serve(self) -> None:
        wish, self._waiting = self._waiting, None
        self._serving = wish
        if wish is None:
            self.ended.emit()
            return
        frames = wish.image.frames
        events = remake_masks(frames, wish.indices, wish.instances, self._network, wish.even_done)
        self._job = Job(events, self._dispatch)
        self._job.progressed.connect(lambda event: self._on_made(wish, event))
        self._job.failed.connect(lambda error: self.said.emit(failed(error)))
        self._job.ended.connect(self._on_ended)
        self._job.start()

    def _on_made(self, wish: Wish, event: FrameDone) -> None:
        if wish.image.frames[event.index].maps is not event.kept.maps:
            return  # the network ran over this frame meanwhile
        self.done.emit(wish.image, event)
        text = capital(found([event.summary], wish.instances.threshold))
        if len(wish.indices) > 1:
            number = wish.indices.index(event.index) + 1
            text = f"Masks made again: frame {number} of {len(wish.indices)}"
        self.said.emit(Status("done", text))

    def _on_ended(self) -> None:
        self._job = None
        self._serve()
