"""Weights from other programs: tensors by name, read without running what else a file holds."""

from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import BinaryIO, cast

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from napari_touchup.nn.header import PICKLED, ModelFileError, read_head

WRAPPERS = ("state_dict", "model")  # what training scripts keep a state dict under


def read_state_dict(path: Path) -> Mapping[str, Tensor]:
    """Read tensors by name from a safetensors file, or from what ``torch.save`` wrote; to the CPU.

    Of a training script's dict that has the tensors under "state_dict" or "model", these are read.

    Raises
    ------
    ModelFileError
        If the file cannot be read, is damaged, or holds other things than tensors; no code of it
        is run.
    """
    if not path.is_file():
        raise ModelFileError(f"expected a file of weights, got {path}: no such file")
    try:
        with path.open("rb") as file:
            first = file.read(9)
            file.seek(0)
            # a head of 640 bytes begins like a pickle, but after its length there is JSON
            if first.startswith(PICKLED) and first[8:] != b"{":
                return _unpickled(path, file)
            read_head(path, file)  # says in words what is wrong
        return safetensors.torch.load(path.read_bytes())
    except (OSError, SafetensorError) as error:
        raise ModelFileError(f"{path.name} cannot be read: {error}") from error


def _unpickled(path: Path, file: BinaryIO) -> Mapping[str, Tensor]:
    try:
        found = torch.load(file, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise ModelFileError(
            f"{path.name} holds other things than tensors, which could run code: save its "
            "state_dict() alone, or as safetensors"
        ) from error
    except Exception as error:  # whatever a file that is no pickle may do to its reader
        raise ModelFileError(f"{path.name} is damaged, or no state dict of PyTorch") from error
    for wrapper in WRAPPERS:
        if isinstance(found, dict) and isinstance(found.get(wrapper), dict):
            found = found[wrapper]
    if not (isinstance(found, dict) and all(isinstance(n, str) for n in found)):
        raise ModelFileError(f"expected a state dict in {path.name}, got {type(found).__name__}")
    if other := [n for n, value in found.items() if not isinstance(value, Tensor)]:
        raise ModelFileError(
            f"expected a state dict of tensors in {path.name}, got something else: {other[0]}"
        )
    return cast("dict[str, Tensor]", found)
