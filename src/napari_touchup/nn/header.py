"""What a model file says about itself, read without torch so that a window can list models.

A model is a safetensors file: 8 bytes with the length N of its head, N bytes of JSON, the raw
numbers. The JSON names the tensors and may hold texts under ``__metadata__``; ours is one of them.
Reading it runs no code, and every size is checked before it is used.
"""

import json
import struct
from hashlib import file_digest
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Self

from pydantic import (
    Field,
    FiniteFloat,
    JsonValue,
    ValidationError,
    field_validator,
    model_validator,
)

from napari_touchup.options import ModelSpec, NormalizeOptions, Options

# Raised when older versions of this package cannot read what is written. 2: more architectures.
FORMAT = 2
KEY = "napari_touchup"  # of our text under __metadata__
HEAD_LIMIT = 16 * 2**20  # bytes; heads of real models have some 10 kB
PICKLED = (
    b"PK\x03\x04",
    b"\x80\x02",
    b"\x80\x03",
    b"\x80\x04",
    b"\x80\x05",
)  # torch.save, old, new
DEFAULT_MODEL = Path(__file__).parents[1] / "models" / "default.safetensors"


class ModelFileError(ValueError):
    """A file is not a model that this version can use; the message says why, in one line."""


class Header(Options):
    """All of a model except its weights; holds no pixels and no paths."""

    format: int = FORMAT
    version: str = Field(default_factory=lambda: version("napari-touchup"))  # that wrote the file
    name: Annotated[str, Field(min_length=1)]
    spec: ModelSpec
    normalize: NormalizeOptions = NormalizeOptions()
    diameter_px: Annotated[FiniteFloat, Field(gt=0)]  # typical object in training, pixels
    channels: tuple[str, ...] = ()  # one name for each input channel; (): unnamed
    training: dict[str, JsonValue] = Field(default_factory=dict)  # options and amounts
    lineage: dict[str, JsonValue] = Field(
        default_factory=dict
    )  # parent's hash, data digest, scores

    @field_validator("format")
    @classmethod
    def _todays(cls, _format: int) -> int:
        return FORMAT  # an older header that was read is written anew with all that there is now

    @model_validator(mode="after")
    def _all_channels_or_none(self) -> Self:
        if self.channels and len(self.channels) != self.spec.in_channels:
            raise ValueError(
                f"expected {self.spec.in_channels} channel names or none, got {self.channels}"
            )
        return self


def find_model(name: str | PathLike[str]) -> Path:
    """Path of the bundled model ("default") or of a model file.

    Raises
    ------
    ModelFileError
        If there is no such file.
    """
    path = DEFAULT_MODEL if name == "default" else Path(name).expanduser()
    if not path.is_file():
        raise ModelFileError(f"expected 'default' or a model file, got {name!s}: no such file")
    return path


def read_header(path: str | PathLike[str]) -> Header:
    """Read a model's header; the weights are left alone.

    Raises
    ------
    ModelFileError
        If the file cannot be read, is cut short, is no model of this package or is a newer one's.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            head = read_head(path, file)
    except OSError as error:
        raise ModelFileError(f"{path.name} cannot be read: {error.strerror or error}") from error
    texts = head.get("__metadata__")
    if not isinstance(texts, dict) or KEY not in texts:
        raise ModelFileError(
            f"expected a model of napari-touchup, but {path.name} was written by another program"
        )
    return _parse(path, texts[KEY])


def content_hash(path: str | PathLike[str]) -> str:
    """SHA-256 of a file, hexadecimal: the name of a model version in a lineage."""
    with open(path, "rb") as file:
        return file_digest(file, "sha256").hexdigest()


def read_head(path: Path, file: BinaryIO) -> dict[str, Any]:
    """Read the JSON at the front of an open safetensors file; the raw numbers come next.

    Raises
    ------
    ModelFileError
        If it is something else, or cut short.
    """
    first = file.read(8)
    length = struct.unpack("<Q", first)[0] if len(first) == 8 else 0
    text = file.read(length) if length <= HEAD_LIMIT else b""
    if not text.startswith(b"{"):
        found = (
            "a pickled file, which could run code"
            if first.startswith(PICKLED)
            else "something else"
        )
        raise ModelFileError(f"expected a model file (.safetensors), but {path.name} is {found}")
    if len(text) < length:
        raise ModelFileError(
            f"{path.name} is cut short: it has {8 + len(text)} of {8 + length} bytes"
        )
    head = _json(path, text)
    ends = (_end(path, tensor) for name, tensor in head.items() if name != "__metadata__")
    size, whole = path.stat().st_size, 8 + length + max(ends, default=0)
    if size < whole:
        raise ModelFileError(f"{path.name} is cut short: it has {size} of {whole} bytes")
    return head


def _end(path: Path, tensor: object) -> int:
    match tensor:
        case {"data_offsets": [int(_), int(end)]}:
            return end
    raise ModelFileError(f"{path.name} is damaged: its list of tensors is not readable")


def _parse(path: Path, text: object) -> Header:
    found = _json(path, text) if isinstance(text, str) else {}
    written = found.get("format")
    if isinstance(written, int) and written > FORMAT:
        raise ModelFileError(
            f"{path.name} has format {written}, of napari-touchup {found.get('version')}; "
            f"this version reads up to format {FORMAT}: update napari-touchup"
        )
    try:
        return Header.model_validate_json(json.dumps(found))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ModelFileError(f"{path.name} has a damaged header: {place} {first['msg']}") from error


def _json(path: Path, text: str | bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:  # RecursionError: nested without end
        raise ModelFileError(f"{path.name} is damaged: its head is not readable") from error
    if not isinstance(found, dict):
        raise ModelFileError(f"{path.name} is damaged: its head is not readable")
    return found
