import pytest
import torch

from napari_touchup.nn.checkpoint import load
from napari_touchup.nn.header import ModelFileError, read_header
from napari_touchup.nn.naming import copy_named


def test_only_the_name_is_another(model_file, tmp_path):
    source = model_file("old.safetensors", training={"steps": 3}, channels=("DAPI",))
    copy_named(source, tmp_path / "new.safetensors", "Zellkerne, 40×")
    old, new = load(source), load(tmp_path / "new.safetensors")
    assert new.header == old.header.model_copy(update={"name": "Zellkerne, 40×"})
    pairs = zip(old.module.parameters(), new.module.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("name", ["m", "mo", "mod", "mode", "model", "model1", "model12"])
def test_the_numbers_stay_byte_for_byte_and_aligned(model_file, tmp_path, name):
    source, target = model_file("old.safetensors"), tmp_path / "new.safetensors"
    copy_named(source, target, name)
    before, after = source.read_bytes(), target.read_bytes()
    starts = [8 + int.from_bytes(content[:8], "little") for content in (before, after)]
    assert before[starts[0] :] == after[starts[1] :]
    assert starts[1] % 8 == 0


def test_what_is_no_model_leaves_no_file(tmp_path):
    (tmp_path / "old.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelFileError, match="is something else"):
        copy_named(tmp_path / "old.safetensors", tmp_path / "new.safetensors", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["old.safetensors"]


def test_a_model_can_be_copied_over_itself(model_file):
    source = model_file("old.safetensors")
    copy_named(source, source, "new")
    assert read_header(source).name == "new"
