"""The real network behind a session; nothing heavy is imported before it is used."""

import ctypes
import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from napari_touchup.options import InstanceOptions, SegmentOptions
from napari_touchup.session.run import Advice, Device, Note, Predicted, Tile

if TYPE_CHECKING:
    from napari_touchup.nn.checkpoint import Model


_Key = tuple[Path, int, int | None]  # file, when it was written (ns), level


class TorchNetwork:
    """Loads a model file once and runs it; used by one job at a time."""

    def __init__(self) -> None:
        self._model: Model | None = None
        self._key: _Key | None = None

    def loaded(self, path: Path, prune: int | None = None) -> bool:
        return self._key is not None and path.exists() and self._key == _key(path, prune)

    def load(self, path: Path, prune: int | None = None) -> Iterator[Advice]:
        """Read a model file, or what a level of its network needs.

        Raises
        ------
        ValueError
            If the network has no such level, or the file is no model that can be used.
        """
        map_torch_library()
        from napari_touchup.nn.checkpoint import load
        from napari_touchup.nn.device import nvidia_without_cuda

        key = _key(path, prune)
        self._model = load(path, prune=prune)
        self._key = key
        if advice := nvidia_without_cuda():
            yield Advice(advice)

    def segment(
        self,
        frame: NDArray[Any],
        options: SegmentOptions,
        instances: InstanceOptions,
        limits: NDArray[np.floating] | None = None,
    ) -> Iterator[Device | Note | Tile | Predicted]:
        """Run the loaded model.

        Raises
        ------
        RuntimeError
            If no model was loaded before.
        """
        from napari_touchup.engine.segment import Notice, Prepared, TileDone, segment

        if self._model is None:
            raise RuntimeError("expected a call of load() before segment()")
        for event in segment(self._model, frame, options, instances, limits=limits):
            if isinstance(event, Prepared):
                yield Device(event.device)
            elif isinstance(event, Notice):
                yield Note(event.text)
            elif isinstance(event, TileDone):
                yield Tile(event.done, event.total)
            else:
                yield Predicted(event.maps, event.masks, self._model.header.spec.output)

    def make_masks(
        self, maps: NDArray[np.floating], output: str, instances: InstanceOptions
    ) -> NDArray[np.integer]:
        from napari_touchup.engine.segment import make_masks

        if not isinstance(maps, np.memmap):  # else read block by block: they are large
            maps = np.asarray(maps, np.float32)
        return make_masks(maps, cast("Any", output), instances)


def _key(path: Path, prune: int | None) -> _Key:
    return path, path.stat().st_mtime_ns, prune  # a file that was written anew is read anew


def map_torch_library() -> None:
    """Let the system map PyTorch's libraries while Python goes on.

    An import holds the interpreter's lock while it maps them, 0.2 s and more in which the window
    would stand still; a foreign call does not. Where this fails the import does it all.
    """
    spec = find_spec("torch")
    if "torch" in sys.modules or os.name != "posix" or spec is None or spec.origin is None:
        return
    suffix = "dylib" if sys.platform == "darwin" else "so"
    library = Path(spec.origin).parent / "lib" / f"libtorch_python.{suffix}"
    system = ctypes.CDLL(None)
    system.dlopen.restype = ctypes.c_void_p
    system.dlopen(os.fsencode(library), ctypes.c_int(os.RTLD_NOW))
