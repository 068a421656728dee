"""A model file under another name; needs no PyTorch."""

import json
import os
import shutil
import struct
from os import PathLike
from pathlib import Path

from napari_touchup.nn.header import KEY, read_head, read_header

ALIGNMENT = 8  # bytes; where the numbers of a safetensors file begin


def copy_named(source: str | PathLike[str], target: str | PathLike[str], name: str) -> None:
    """Copy a model file and give it a name; its numbers stay byte for byte.

    The copy appears whole or not at all.

    Raises
    ------
    ModelFileError
        If the source is no model that this version can use.
    OSError
        If the target cannot be written.
    """
    source, target = Path(source), Path(target)
    header = read_header(source).model_copy(update={"name": name})
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        with source.open("rb") as old, part.open("wb") as new:
            head = read_head(source, old)  # the numbers are what follows
            text = json.dumps(head | {"__metadata__": {KEY: header.model_dump_json()}}).encode()
            text += b" " * (-len(text) % ALIGNMENT)
            new.write(struct.pack("<Q", len(text)) + text)
            shutil.copyfileobj(old, new)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
