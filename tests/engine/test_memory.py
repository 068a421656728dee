import psutil
import pytest
import torch

from napari_touchup.engine.memory import free_memory, is_out_of_memory, values_per_pixel
from napari_touchup.nn.build import build
from napari_touchup.options import ModelSpec, paper_spec


@pytest.mark.parametrize(
    ("spec", "values"),
    [
        # input 1, level 0: 2 channels * (conv, norm, relu) * 4 + up 2 = 26, halved at each of two
        # levels more, bottom 8 channels * 6 / 16, head 3
        pytest.param(ModelSpec(base=2, depth=2), 1 + 26 + 13 + 3 + 3, id="with norms"),
        pytest.param(ModelSpec(base=2, depth=2, norm="none"), 1 + 18 + 9 + 2 + 3, id="without"),
        pytest.param(ModelSpec(base=4, depth=2, in_channels=3), 3 + 52 + 26 + 6 + 3, id="wider"),
    ],
)
def test_values_per_pixel(spec, values):
    assert values_per_pixel(build(spec).eval(), spec.in_channels) == values


def test_valid_networks_have_fewer():
    spec = paper_spec(base=2)
    same = spec.model_copy(update={"padding": "same"})
    assert values_per_pixel(build(spec).eval(), 1) < values_per_pixel(build(same).eval(), 1)


def test_counting_leaves_no_hooks():
    net = build(ModelSpec(base=2, depth=1)).eval()
    values_per_pixel(net, 1)
    assert not any(layer._forward_hooks for layer in net.modules())


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (MemoryError("Unable to allocate 3.00 TiB"), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:121] . DefaultCPUAllocator: "
                      "not enough memory: you tried to allocate 9 bytes"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)  # fmt: skip
def test_is_out_of_memory(error, expected):
    assert is_out_of_memory(error) == expected


def test_a_real_lack_of_memory_is_recognised():
    with pytest.raises((RuntimeError, MemoryError)) as raised:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(raised.value)


def test_free_memory_of_the_cpu():
    assert 0 < free_memory("cpu") <= psutil.virtual_memory().total
