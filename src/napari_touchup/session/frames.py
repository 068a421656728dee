"""The predicted frames of one image: the maps behind their masks."""

import shutil
import weakref
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_touchup.core.entries import Index
from napari_touchup.core.scratch import scratch_folder
from napari_touchup.options import InstanceOptions
from napari_touchup.session.paste import Window

IN_MEMORY = 2**30  # bytes of maps that are kept in memory; the rest goes to a temporary folder
ROWS = 512  # that are copied at once


@dataclass(frozen=True, eq=False)
class Kept:
    """What is kept of a predicted frame, so that masks can be made again."""

    maps: Any  # (K, h, w) float16, after the activation; `Frames` gives numpy or a memory map
    output: str  # of the network, as in ModelSpec
    window: Window | None  # where the maps lie in the frame; None: all of it
    made_with: InstanceOptions  # of the masks that are shown


class Frames:
    """Maps of the predicted frames."""

    def __init__(self, in_memory: int = IN_MEMORY) -> None:
        self._kept: dict[Index, Kept] = {}
        self._room = in_memory
        self._folder: Path | None = None
        self._saved = 0  # files so far

    def __contains__(self, index: object) -> bool:
        return index in self._kept

    def __getitem__(self, index: Index) -> Kept:
        return self._kept[index]

    def __len__(self) -> int:
        return len(self._kept)

    def indices(self) -> tuple[Index, ...]:
        return tuple(sorted(self._kept))

    def put(self, index: Index, kept: Kept) -> None:
        """Keep a prediction; maps beyond the room in memory go to a file."""
        old = self._kept.get(index)
        if old is not None and not isinstance(old.maps, np.memmap):
            self._room += old.maps.nbytes
        maps = kept.maps
        if not isinstance(maps, np.memmap):
            if maps.nbytes > self._room or not isinstance(maps, np.ndarray):
                maps = self._on_disk(maps)
            else:
                self._room -= maps.nbytes
        self._kept[index] = replace(kept, maps=maps)  # at once: a job may be reading
        if old is not None and isinstance(old.maps, np.memmap) and old.maps is not maps:
            with suppress(PermissionError):  # Windows deletes no file that is still mapped
                Path(str(old.maps.filename)).unlink(missing_ok=True)

    def outdated(self, options: InstanceOptions) -> tuple[Index, ...]:
        """Frames whose masks were made with other options."""
        return tuple(n for n in self.indices() if self._kept[n].made_with != options)

    def _on_disk(self, maps: Any) -> NDArray[np.floating]:
        if self._folder is None:
            self._folder = scratch_folder()
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._saved += 1
        # a new name: an array that is mapped must not be written over
        path = self._folder / f"{self._saved}.npy"
        file = np.lib.format.open_memmap(path, "w+", np.float16, maps.shape)
        for top in range(0, maps.shape[1], ROWS):  # they may be on disk as they do not fit
            file[:, top : top + ROWS] = maps[:, top : top + ROWS]
        file.flush()
        loaded: NDArray[np.floating] = np.load(path, mmap_mode="r")
        return loaded
