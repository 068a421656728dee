"""Masks made again from kept maps, in a thread; the newest wish replaces older ones."""

from dataclasses import dataclass

from psygnal import Signal

from napari_touchup.options import InstanceOptions
from napari_touchup.session.frames import Index
from napari_touchup.session.images import Image
from napari_touchup.session.job import Dispatch, Job
from napari_touchup.session.run import FrameDone, Network, remake_masks


@dataclass(frozen=True, eq=False)
class Wish:
    image: Image
    indices: tuple[Index, ...]
    instances: InstanceOptions
    replace: bool = False  # write over brush strokes


class Remaker:
    """Serves one wish at a time.

    A slider sends many wishes a second. While one is served only the last of those that come
    waits, so the work keeps up with the hand without a timer.
    """

    done = Signal(Wish, FrameDone)
    failed = Signal(object)
    ended = Signal()  # nothing is left to do

    def __init__(self, network: Network, dispatch: Dispatch) -> None:
        self._network = network
        self._dispatch = dispatch
        self._job: Job | None = None
        self._waiting: Wish | None = None

    def make(self, wish: Wish) -> None:
        self._waiting = wish
        if self._job is None:
            self._serve()
        else:
            self._job.stop()

    def stop(self) -> None:
        self._waiting = None
        if self._job is not None:
            self._job.stop()

    def _serve(self) -> None:
        wish, self._waiting = self._waiting, None
        if wish is None:
            self.ended.emit()
            return
        frames = wish.image.frames
        events = remake_masks(frames, wish.indices, wish.instances, self._network, wish.replace)
        self._job = Job(events, self._dispatch)
        self._job.progressed.connect(lambda event: self.done.emit(wish, event))
        self._job.failed.connect(lambda error: self.failed.emit(error))
        self._job.ended.connect(self._on_ended)
        self._job.start()

    def _on_ended(self) -> None:
        self._job = None
        self._serve()
