import pickle
from pathlib import Path

import pytest
import torch

from napari_touchup.nn import device
from napari_touchup.nn.device import bfloat16_gain, choose, nvidia_without_cuda

GIB = 2**30


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "available", lambda: ["cpu"])


@pytest.fixture
def two_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    free = {"cuda:0": 3 * GIB, "cuda:1": 5 * GIB}
    monkeypatch.setattr(device, "available", lambda: ["cuda:0", "cuda:1", "cpu"])
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda name: "Card")
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda name: (free[name], 8 * GIB))
    monkeypatch.setattr(device, "bfloat16_gain", lambda name: 4.0)


@pytest.mark.usefixtures("two_cards")
@pytest.mark.parametrize(
    ("asked", "name", "reason"),
    [
        ("auto", "cuda:1", "Card (cuda:1), the least used of 2; bfloat16: 4.0 times"),
        ("cuda", "cuda:1", "Card (cuda:1), the least used of 2; bfloat16: 4.0 times"),
        ("cuda:0", "cuda:0", "Card (cuda:0); bfloat16: 4.0 times"),
        ("cpu", "cpu", "CPU ("),
    ],
)
def test_cards(asked: str, name: str, reason: str) -> None:
    chosen = choose(asked)
    assert chosen.name == name
    assert chosen.reason.startswith(reason)


@pytest.mark.parametrize(
    ("found", "asked", "name"),
    [
        (["cuda:0", "cpu"], "auto", "cuda:0"),
        (["cuda:0", "cpu"], "cuda", "cuda:0"),
        (["mps", "cpu"], "auto", "mps"),
        (["mps", "cpu"], "cpu", "cpu"),
        (["cpu"], "auto", "cpu"),
    ],
)
def test_order(monkeypatch: pytest.MonkeyPatch, found: list[str], asked: str, name: str) -> None:
    monkeypatch.setattr(device, "available", lambda: found)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda name: "Card")
    assert choose(asked, "float32").name == name


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize("asked", ["cuda", "cuda:0", "mps", "tpu", ""])
def test_absent_device_is_named_with_those_that_exist(asked: str) -> None:
    with pytest.raises(ValueError, match=rf"\['auto', 'cpu'\], got '{asked}'"):
        choose(asked)


@pytest.mark.parametrize(
    ("cards", "apple", "names"),
    [
        (2, False, ["cuda:0", "cuda:1", "cpu"]),
        (0, True, ["mps", "cpu"]),
        (0, False, ["cpu"]),
    ],
)
def test_available(
    monkeypatch: pytest.MonkeyPatch, cards: int, apple: bool, names: list[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cards)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: apple)
    assert device.available() == names


def test_unknown_precision_is_named() -> None:
    with pytest.raises(ValueError, match=r"'bfloat16', 'float16'.*got 'float8'"):
        choose("cpu", "float8")


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize(
    ("gain", "precision", "dtype", "words"),
    [
        (2.0, "auto", torch.bfloat16, "bfloat16: 2.0 times as fast as float32 in a trial"),
        (1.1, "auto", torch.float32, "float32: bfloat16 was 1.1 times as fast in a trial"),
        (2.0, "float32", torch.float32, "float32, as asked for"),
        (0.5, "bfloat16", torch.bfloat16, "bfloat16, as asked for"),
        (0.5, "float16", torch.float16, "float16, as asked for"),
    ],
)
def test_precision(
    monkeypatch: pytest.MonkeyPatch, gain: float, precision: str, dtype: torch.dtype, words: str
) -> None:
    monkeypatch.setattr(device, "bfloat16_gain", lambda name: gain)
    chosen = choose("auto", precision)
    assert chosen.dtype == dtype
    assert chosen.reason.startswith("CPU (")
    assert chosen.reason.endswith(f", as there is no GPU that PyTorch can use; {words}")


def test_trial_is_run_once_and_leaves_the_threads_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    bfloat16_gain.cache_clear()
    threads = torch.get_num_threads()
    first = bfloat16_gain("cpu")
    assert first > 0
    assert torch.get_num_threads() == threads
    monkeypatch.setattr(device, "_trial", None)
    assert bfloat16_gain("cpu") == first


def test_old_macos_has_no_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_macos_or_newer", lambda major, minor: False)
    bfloat16_gain.cache_clear()
    assert bfloat16_gain("mps") == 0
    bfloat16_gain.cache_clear()


def test_choice_travels_to_a_worker() -> None:
    chosen = choose("cpu", "bfloat16")
    assert pickle.loads(pickle.dumps(chosen)) == chosen


@pytest.mark.parametrize(
    ("cuda", "hip", "card", "warned"),
    [
        (None, None, True, True),
        (None, None, False, False),
        ("12.8", None, True, False),
        (None, "6.4", True, False),
    ],
)
def test_nvidia_card_without_cuda(
    monkeypatch: pytest.MonkeyPatch, cuda: str | None, hip: str | None, card: bool, warned: bool
) -> None:
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr(torch.version, "hip", hip)
    monkeypatch.setattr(device, "_has_nvidia_card", lambda: card)
    advice = nvidia_without_cuda()
    assert (advice is not None) == warned
    assert advice is None or "https://pytorch.org/get-started/locally/" in advice


def test_nvidia_card_is_found_by_its_tool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setenv("SYSTEMROOT", str(tmp_path))
    tool = tmp_path / "System32" / "nvidia-smi.exe"
    tool.parent.mkdir()
    tool.touch()
    assert nvidia_without_cuda()
