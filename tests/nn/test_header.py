import json
import pickle
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from napari_touchup.nn.header import (
    DEFAULT_MODEL,
    FORMAT,
    HEAD_LIMIT,
    Header,
    ModelFileError,
    content_hash,
    find_model,
    read_header,
)
from napari_touchup.options import ModelSpec, NormalizeOptions

HEADER = Header(
    name="nuclei",
    spec=ModelSpec(in_channels=2, base=8),
    normalize=NormalizeOptions(low=2.0),
    diameter_px=21.5,
    channels=("DAPI", "actin"),
    training={"steps": 100, "rate": 0.002, "flips": [True, None]},
    lineage={"parent": "ab12", "scores": {"ap50": 0.81}},
)


def head(metadata: object, **tensors: object) -> bytes:
    text = json.dumps({"__metadata__": metadata, **tensors}).encode()
    return struct.pack("<Q", len(text)) + text


def ours(**changes: object) -> bytes:
    return head({"napari_touchup": json.dumps(HEADER.model_dump(mode="json") | changes)})


def written(folder: Path, content: bytes) -> Path:
    path = folder / "model.safetensors"
    path.write_bytes(content)
    return path


def test_header_comes_back_as_it_was(tmp_path: Path) -> None:
    assert read_header(written(tmp_path, ours())) == HEADER


def test_weights_are_not_looked_at(tmp_path: Path) -> None:
    tensor = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
    content = head({"napari_touchup": HEADER.model_dump_json()}, w=tensor) + b"no numbers......"
    assert read_header(written(tmp_path, content)) == HEADER


def test_a_length_that_begins_like_a_pickle_is_a_length(tmp_path: Path) -> None:
    content = struct.pack("<Q", 0x10280) + ours()[8:].ljust(0x10280)
    assert content.startswith(b"\x80\x02")
    assert read_header(written(tmp_path, content)) == HEADER


def test_an_older_header_is_read_and_is_then_one_of_today(tmp_path: Path) -> None:
    old = ours(format=1, spec={"arch": "unet", "in_channels": 2, "base": 8})
    assert read_header(written(tmp_path, old)).format == FORMAT


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "is something else", id="empty"),
        pytest.param(b"II*\x00" + bytes(100), "is something else", id="tiff"),
        pytest.param(pickle.dumps({"a": 1}), "a pickled file, which could run code", id="pickle"),
        pytest.param(b"PK\x03\x04" + bytes(99), "a pickled file, which could run code", id="zip"),
        pytest.param(ours()[:60], "cut short: it has 60 of", id="cut in the head"),
        pytest.param(
            head({}, w={"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}) + bytes(15),
            "cut short",
            id="cut in the tensors",
        ),
        pytest.param(struct.pack("<Q", HEAD_LIMIT + 1) + b"{", "something else", id="huge head"),
        pytest.param(struct.pack("<Q", 6) + b"{[[[[}", "damaged", id="no json"),
        pytest.param(struct.pack("<Q", 4) + b'{"\xff}', "damaged", id="no utf-8"),
        pytest.param(
            struct.pack("<Q", 5 + 99999) + b'{"a":' + b"[" * 99999, "damaged", id="deep json"
        ),
        pytest.param(head({}, w="x"), "list of tensors is not readable", id="no offsets"),
        pytest.param(head({"format": "pt"}), "written by another program", id="foreign"),
        pytest.param(head(None), "written by another program", id="no metadata"),
        pytest.param(head({"napari_touchup": 3}), "damaged header: name", id="no text"),
        pytest.param(head({"napari_touchup": "3"}), "its head is not readable", id="no object"),
        pytest.param(ours(diameter_px=-1), "diameter_px .*greater than 0", id="negative diameter"),
        pytest.param(ours(extra=1), "damaged header: extra", id="unknown field"),
        pytest.param(ours(spec={"base": 10**9}), "damaged header: spec.base", id="absurd width"),
        pytest.param(
            ours(format=FORMAT + 1, version="9.9.0", surprise=True),
            "has format 3, of napari-touchup 9.9.0; .*up to format 2: update napari-touchup",
            id="newer",
        ),
    ],
)
def test_what_is_no_model_is_told_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(ModelFileError, match=message) as caught:
        read_header(written(tmp_path, content))
    text = str(caught.value)
    assert "\n" not in text
    assert "model.safetensors" in text
    assert str(tmp_path) not in text


@pytest.mark.parametrize("name", ["absent.safetensors", "."])
def test_unreadable_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelFileError, match="cannot be read"):
        read_header(tmp_path / name)


@pytest.mark.parametrize(
    "changes", [{"channels": ("one",)}, {"name": ""}, {"diameter_px": float("inf")}, {"path": "/x"}]
)
def test_header_is_validated(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Header.model_validate(HEADER.model_dump() | changes)


def test_header_names_the_version_that_wrote_it() -> None:
    assert Header(name="a", spec=ModelSpec(), diameter_px=1).version.startswith("0.")


def test_default_names_the_bundled_model() -> None:
    assert DEFAULT_MODEL.parent.parent.name == "napari_touchup"
    assert DEFAULT_MODEL.name == "default.safetensors"


def test_find_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, b"")
    monkeypatch.setattr("napari_touchup.nn.header.DEFAULT_MODEL", path)
    assert find_model("default") == find_model(path) == find_model(str(path)) == path
    with pytest.raises(ModelFileError, match="'default' or a model file, got other"):
        find_model("other")


def test_content_hash_is_sha256(tmp_path: Path) -> None:
    assert content_hash(written(tmp_path, b"abc")) == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_reading_headers_needs_no_torch(tmp_path: Path) -> None:
    path = written(tmp_path, ours())
    code = (
        "import sys; from napari_touchup.nn.header import read_header;"
        f"print(read_header({str(path)!r}).name, {{'torch', 'numpy', 'napari'}} & {{*sys.modules}})"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "nuclei set()"
