"""The predicted frames of one image: their maps, and which of them a person touched."""

import shutil
import weakref
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
from numpy.typing import NDArray

from napari_touchup.options import InstanceOptions
from napari_touchup.session.paste import Window

Index = tuple[int, ...]  # of a frame, e.g. (3, 0) in "TZ"
IN_MEMORY = 2**30  # bytes of maps that are kept in memory; the rest goes to a temporary folder


@dataclass(frozen=True, eq=False)
class Kept:
    """What is kept of a predicted frame, so that masks can be made again."""

    maps: NDArray[np.floating]  # (K, h, w) float16, after the activation
    output: str  # of the network: "maps" or "softmax"
    window: Window | None  # where the maps lie in the frame; None: all of it
    made_with: InstanceOptions  # the options of the masks that are shown


class Frames:
    """Maps of the predicted frames, and the frames that hold brush strokes."""

    def __init__(self, in_memory: int = IN_MEMORY) -> None:
        self._kept: dict[Index, Kept] = {}
        self._room = in_memory
        self._folder: Path | None = None
        self.edited: set[Index] = set()

    def __contains__(self, index: object) -> bool:
        return index in self._kept

    def __getitem__(self, index: Index) -> Kept:
        return self._kept[index]

    def __len__(self) -> int:
        return len(self._kept)

    def indices(self) -> tuple[Index, ...]:
        return tuple(sorted(self._kept))

    def protects(self, index: Index) -> bool:
        """Whether a person painted in this frame: nothing may write over it unasked."""
        return index in self.edited

    def put(self, index: Index, kept: Kept) -> None:
        """Keep a prediction; maps beyond the room in memory go to a file."""
        self._drop(index)
        maps = kept.maps
        if not isinstance(maps, np.memmap):
            self._room -= maps.nbytes
            if self._room < 0:
                self._room += maps.nbytes
                maps = self._on_disk(index, maps)
        self._kept[index] = replace(kept, maps=maps)

    def mark(self, index: Index, made_with: InstanceOptions) -> None:
        """Note with which options the shown masks were made."""
        self._kept[index] = replace(self._kept[index], made_with=made_with)

    def outdated(self, options: InstanceOptions) -> tuple[Index, ...]:
        """Frames without brush strokes whose masks were made with other options."""
        return tuple(
            index
            for index in self.indices()
            if self._kept[index].made_with != options and index not in self.edited
        )

    def _drop(self, index: Index) -> None:
        old = self._kept.pop(index, None)
        if old is not None and not isinstance(old.maps, np.memmap):
            self._room += old.maps.nbytes

    def _on_disk(self, index: Index, maps: NDArray[np.floating]) -> NDArray[np.floating]:
        if self._folder is None:
            self._folder = Path(mkdtemp(prefix="touchup-maps-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        path = self._folder / f"frame-{'-'.join(map(str, index))}.npy"
        path.unlink(missing_ok=True)  # an array that is mapped must not be written over
        np.save(path, maps)
        loaded: NDArray[np.floating] = np.load(path, mmap_mode="r")
        return loaded
