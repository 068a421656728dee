import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor

from napari_touchup.nn.header import ModelFileError
from napari_touchup.nn.state_dict import read_state_dict

STATE = {"a.weight": torch.arange(2000.0), "a.count": torch.tensor(3)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "resnet.safetensors"  # names say nothing of what is in a file


def same(found: Any) -> bool:
    return found.keys() == STATE.keys() and all(torch.equal(found[n], t) for n, t in STATE.items())


def test_safetensors(path: Path) -> None:
    safetensors.torch.save_file(STATE, path)
    assert same(read_state_dict(path))


@pytest.mark.parametrize(
    "wrap", [dict, lambda s: {"epoch": 9, "state_dict": s}, lambda s: {"model": s}]
)
@pytest.mark.parametrize("legacy", [False, True])
def test_state_dicts(path: Path, wrap: Callable[[dict[str, Tensor]], Any], legacy: bool) -> None:
    torch.save(wrap(STATE), path, _use_new_zipfile_serialization=not legacy)
    assert same(read_state_dict(path))


def test_a_head_whose_length_looks_like_a_pickle(path: Path) -> None:
    content = safetensors.torch.save(STATE)
    end = 8 + int.from_bytes(content[:8], "little")
    path.write_bytes(b"\x80\x02" + bytes(6) + content[8:end].ljust(0x280) + content[end:])
    assert same(read_state_dict(path))


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, where: Path) -> None:
        self.where = where

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.where),)


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.txt", "no state dict")


def _cut_short(path: Path) -> None:
    torch.save(STATE, path)
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "got .*: no such file$"),
        (lambda path: path.mkdir(), "got .*: no such file$"),
        (lambda path: path.write_bytes(b""), "resnet.safetensors is something else$"),
        (lambda path: path.write_text("<html>not found"), "is something else$"),
        (lambda path: path.write_bytes(bytes([99, 0, 0, 0, 0, 0, 0, 0]) + b"{}"), "is cut short"),
        (
            lambda path: torch.save(torch.nn.Linear(2, 2), path),
            "other things than tensors",
        ),
        (lambda path: torch.save([torch.zeros(2)], path), "expected a state dict .*, got list$"),
        (lambda path: torch.save({"a": 1}, path), "of tensors in .*, got something else: a$"),
        (lambda path: torch.save({1: torch.zeros(2)}, path), "expected a state dict"),
        (lambda path: path.write_bytes(b"\x80\x02garbage"), "is damaged, or no state dict|other"),
        (lambda path: path.write_bytes(b"\x80\x02"), "is damaged, or no state dict|other"),
        (_zip, "is damaged, or no state dict"),
        (_cut_short, "is damaged, or no state dict"),
    ],
)
def test_what_is_no_file_of_weights_is_refused_in_one_line(
    path: Path, make: Callable[[Path], Any], message: str
) -> None:
    make(path)
    with pytest.raises(ModelFileError, match=message) as caught:
        read_state_dict(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("write_trap", "message"),
    [
        (lambda trap, path: torch.save({"conv1.weight": trap}, path), "which could run code"),
        (lambda trap, path: path.write_bytes(pickle.dumps(trap)), "no state dict of PyTorch"),
    ],
)
def test_no_code_is_run(
    path: Path, tmp_path: Path, write_trap: Callable[[Trap, Path], Any], message: str
) -> None:
    write_trap(Trap(tmp_path / "sprung"), path)
    with pytest.raises(ModelFileError, match=message):
        read_state_dict(path)
    assert not (tmp_path / "sprung").exists()
