import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor

from napari_touchup.nn.build import build
from napari_touchup.nn.checkpoint import Model, at_level, load, save
from napari_touchup.nn.header import Header, ModelFileError, content_hash, read_header
from napari_touchup.options import ModelSpec

SPEC = ModelSpec(base=2, depth=1)
HEADER = Header(name="tiny", spec=SPEC, diameter_px=20)


def network(spec: ModelSpec = SPEC) -> torch.nn.Module:
    torch.manual_seed(0)
    module = build(spec)
    module(torch.randn(4, spec.in_channels, 8, 8))  # moves the statistics of batch norm
    return module.eval()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize("spec", [SPEC, ModelSpec(base=2, depth=2, in_channels=3, up="3x3")])
def test_model_comes_back_exactly(path: Path, spec: ModelSpec) -> None:
    module, header = network(spec), Header(name="a", spec=spec, diameter_px=9)
    save(path, module.to(memory_format=torch.channels_last), header)
    model = load(path)
    assert model.header == header == read_header(path)
    assert not model.module.training
    pairs = zip(module.state_dict().items(), model.module.state_dict().items(), strict=True)
    assert all(n == m and torch.equal(a, b) for (n, a), (m, b) in pairs)
    frame = torch.randn(1, spec.in_channels, 8, 8)
    torch.testing.assert_close(model.module(frame), module(frame))


def test_loaded_model_can_learn(path: Path) -> None:
    save(path, network(), HEADER)
    module = load(path).module.train()
    optimizer = torch.optim.SGD(module.parameters(), lr=1.0)
    before = module.get_parameter("head.weight").clone()
    module(torch.randn(1, 1, 8, 8)).sum().backward()
    optimizer.step()
    assert not torch.equal(module.get_parameter("head.weight"), before)


def test_half_halves_the_kernels_and_loads_as_float32(path: Path) -> None:
    module = network()
    save(path, module, HEADER, half=True)
    stored = safetensors.torch.load(path.read_bytes())
    assert stored["head.weight"].dtype == torch.float16
    assert stored["head.bias"].dtype == stored["down.0.1.running_var"].dtype == torch.float32
    loaded = load(path).module
    assert {t.dtype for t in loaded.state_dict().values()} == {torch.float32, torch.int64}
    frame = torch.randn(1, 1, 8, 8)
    torch.testing.assert_close(loaded(frame), module(frame), atol=0.02, rtol=0.02)


def test_same_model_same_file(path: Path) -> None:
    save(path, network(), HEADER)
    first = content_hash(path)
    save(path, network(), HEADER)
    assert content_hash(path) == first


def test_a_failed_save_leaves_the_old_file_and_nothing_else(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    path.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save(path, network(), HEADER)
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


def test_save_leaves_no_other_file(path: Path) -> None:
    save(path, network(), HEADER)
    assert list(path.parent.iterdir()) == [path]


def test_another_network_than_the_header_says_is_not_saved(path: Path) -> None:
    with pytest.raises(ValueError, match=r"spec: down\.0\.0\.weight: expected \(2, 1, 3, 3\)"):
        save(path, network(ModelSpec(base=4, depth=1)), HEADER)
    assert not path.exists()


@pytest.mark.parametrize(("value", "half"), [(float("nan"), False), (1e6, True)])
def test_weights_that_are_not_finite_are_not_saved(path: Path, value: float, half: bool) -> None:
    module = network()
    with torch.no_grad():
        module.get_parameter("head.weight")[0] = value
    with pytest.raises(ValueError, match=r"inf or nan in head\.weight"):
        save(path, module, HEADER, half=half)


def with_tensors(change: Callable[[dict[str, Tensor]], object]) -> bytes:
    tensors = dict(network().state_dict())
    change(tensors)
    return safetensors.torch.save(tensors, {"napari_touchup": HEADER.model_dump_json()})


def with_header(**changes: object) -> bytes:
    header = HEADER.model_copy(update={"spec": SPEC.model_copy(update=changes)})
    return safetensors.torch.save(
        network().state_dict(), {"napari_touchup": header.model_dump_json()}
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(
            with_tensors(lambda t: t.pop("head.bias")),
            r"head\.bias is missing \(1 in all\)",
            id="missing",
        ),
        pytest.param(
            with_tensors(lambda t: t.update(more=torch.zeros(1))), "more is unknown", id="extra"
        ),
        pytest.param(
            with_tensors(lambda t: t.update({"head.bias": torch.zeros(4)})),
            r"head\.bias: expected \(3,\), got \(4,\)",
            id="wrong shape",
        ),
        pytest.param(
            with_tensors(lambda t: t.update({"head.bias": torch.zeros(3, dtype=torch.int32)})),
            r"head\.bias: expected torch.float32, got torch.int32",
            id="wrong type",
        ),
        # 1.9 million million parameters: refused before any memory is taken
        pytest.param(with_header(base=1024, depth=7), "does not hold the network", id="huge"),
        pytest.param(with_header(arch="vnet"), r"cannot be used: .*got 'vnet'", id="architecture"),
        pytest.param(with_tensors(len)[:-1], "cut short", id="one byte cut"),
        pytest.param(with_tensors(len)[:300], "cut short", id="cut in the head"),
        pytest.param(with_tensors(len) + b"x", "cannot be read", id="one byte more"),
        pytest.param(
            safetensors.torch.save({"a": torch.zeros(1)}), "another program", id="foreign"
        ),
    ],
)
def test_what_is_no_model_is_told_in_one_line(path: Path, content: bytes, message: str) -> None:
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=message) as caught:
        load(path)
    assert "\n" not in str(caught.value)


class Bomb:
    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, ("exploded",)


@pytest.mark.parametrize(
    "write", [torch.save, lambda bomb, path: path.write_bytes(pickle.dumps(bomb))]
)
def test_pickles_are_never_opened(
    path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Bomb, Path], object]
) -> None:
    monkeypatch.chdir(path.parent)
    write(Bomb(), path)
    with pytest.raises(ModelFileError, match="a pickled file, which could run code"):
        load(path)
    assert not Path("exploded").exists()


def test_file_can_be_replaced_while_its_model_is_in_use(path: Path) -> None:
    save(path, network(), HEADER)
    model = load(path)
    before = model.module.get_parameter("head.weight").clone()
    path.write_bytes(bytes(path.stat().st_size))
    assert torch.equal(model.module.get_parameter("head.weight"), before)


def test_loading_and_running_leave_pytorchs_compiler_alone(tmp_path):
    # its import holds the interpreter for a second or more, and with it the window
    path = tmp_path / "net.safetensors"
    spec = ModelSpec(base=2, depth=1)
    save(path, build(spec), Header(name="net", spec=spec, diameter_px=20))
    code = f"""
import sys
import numpy as np
from pathlib import Path
from napari_touchup.engine.segment import segment
from napari_touchup.nn.checkpoint import load
list(segment(load(Path({str(path)!r})), np.zeros((1, 32, 32), np.uint8)))
print(sorted({{"torch._dynamo", "sympy"}} & set(sys.modules)))
"""
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == "[]"


def test_a_level_in_memory_is_what_would_be_loaded(path: Path, layered: ModelSpec) -> None:
    whole = Model(build(layered).eval(), Header(name="deep", spec=layered, diameter_px=9))
    save(path, whole.module, whole.header)
    part, loaded = at_level(whole, 2), load(path, prune=2)
    assert part.header == loaded.header
    assert part.header.spec.depth == 2
    assert not part.module.training
    pairs = zip(part.module.state_dict().items(), loaded.module.state_dict().items(), strict=True)
    assert all(n == m and torch.equal(a, b) for (n, a), (m, b) in pairs)
    own = whole.module.state_dict()
    assert all(t.data_ptr() == own[n].data_ptr() for n, t in part.module.state_dict().items())
    assert at_level(part, 2) is part
    assert at_level(whole, None) is at_level(whole, 3) is whole


def test_a_level_in_memory_that_is_not_there(layered: ModelSpec) -> None:
    deep = Model(build(layered), Header(name="deep", spec=layered, diameter_px=9))
    with pytest.raises(ValueError, match=r"a level of \[1, 2, 3\], got 4"):
        at_level(deep, 4)
    with pytest.raises(ValueError, match=r"a level of \[1, 2\], got 3"):
        at_level(at_level(deep, 2), 3)
    with pytest.raises(ValueError, match="expected a model that can be pruned"):
        at_level(Model(network(), HEADER), 1)
