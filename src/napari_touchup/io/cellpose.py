"""Masks of Cellpose's `_seg.npy`, a pickle, read without running what it asks for.

A pickle names functions that are called while it is read. Here numpy's own few are stood in for
by what is below, which only notes the numbers; any other name refuses the file. No array is made
by numpy's pickle code (`numpy.ndarray.__setstate__`), as that trusts what it is given.
"""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from napari_touchup.io.images import explained

NUMBERS = "biufc"  # kinds of numpy dtypes
MASKS = "masks"


def read_cellpose(path: Path) -> NDArray[np.integer]:
    """Read the masks of a `_seg.npy` file, or labels of a plain .npy file.

    Returns
    -------
    (Y, X) or (Z, Y, X) int array

    Raises
    ------
    ImageFileError
        If the file cannot be read, names anything but arrays, numbers, texts and plain
        containers, or holds no masks.
    """
    with explained(path), path.open("rb") as file:
        content = _content(file)
        found = content.get(MASKS) if isinstance(content, Mapping) else content
        masks = found.data if isinstance(found, _Array) else found
        if not isinstance(masks, np.ndarray):
            raise ValueError(f"it holds no {MASKS}")
        if masks.ndim not in (2, 3) or masks.dtype.kind not in "biu" or masks.min(initial=0) < 0:
            got = f"{masks.dtype} of shape {masks.shape}"
            raise ValueError(f"expected masks of integers >= 0, (Y, X) or (Z, Y, X), got {got}")
        return masks


class _Dtype:
    """In place of `numpy.dtype`."""

    value = np.dtype(np.void)

    def __init__(self, spec: str, *_: Any) -> None:
        # no fields and no parts: only what one short text names
        self.value = np.dtype(str(spec)[:8])

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, order, *_ = state
        if order in ("<", ">"):
            self.value = self.value.newbyteorder(order)


class _Array:
    """In place of `numpy.ndarray`, and of numpy's scalars, which nobody needs."""

    data: Any = None

    def __init__(self, *_: Any) -> None:
        pass

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, fortran, content = state
        # lists are what arrays of objects hold
        is_list = isinstance(content, list)
        self.data = content if is_list else _numbers(content, dtype, shape, fortran)


class _FromBuffer(_Array):
    """In place of `numpy.ndarray` where it lies in a pickle of protocol 5."""

    def __init__(self, content: bytes, dtype: _Dtype, shape: Any, order: str) -> None:
        self.data = _numbers(content, dtype, shape, order == "F")


def _numbers(content: bytes, dtype: _Dtype, shape: Any, fortran: bool) -> NDArray[Any]:
    if dtype.value.kind not in NUMBERS:
        return np.empty(0)  # texts are of no use here
    flat: NDArray[Any] = np.frombuffer(content, dtype.value) if content else np.empty(0)
    shape = tuple(int(n) for n in shape)
    return flat.reshape(shape, order="F") if fortran else flat.reshape(shape)


# what a name stands for: classes, as a pickle may set attributes of functions; numpy's modules
# lost and gained an underscore in 2.0
STAND_INS: dict[str, type] = {
    "numpy.ndarray": _Array,
    "numpy.dtype": _Dtype,
    "builtins.set": set,
    "builtins.frozenset": frozenset,
    **{
        f"numpy.{core}.{name}": stand_in
        for core in ("core", "_core")
        for name, stand_in in (
            ("multiarray._reconstruct", _Array),
            ("multiarray.scalar", _Array),
            ("numeric._frombuffer", _FromBuffer),
        )
    },
}


class _Plain(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> type:
        full = f"{module}.{name}"
        if full not in STAND_INS:
            raise ValueError(f"it asks to run {full!r}, which is no data: not opened")
        return STAND_INS[full]


def _content(file: BinaryIO) -> Any:
    """Arrays as they are, pickled ones by stand-ins; of Cellpose's a mapping."""
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    _, _, dtype = read(file)
    if not dtype.hasobject:
        file.seek(0)
        return npy.read_array(file, allow_pickle=False)
    try:
        array = _Plain(file).load()
    except (pickle.UnpicklingError, EOFError, AttributeError, AssertionError) as error:
        raise ValueError("it is damaged") from error
    content = array.data if isinstance(array, _Array) else None
    return content[0] if isinstance(content, list) and len(content) == 1 else None
