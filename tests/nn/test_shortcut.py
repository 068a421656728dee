import subprocess
import sys

import pytest
import torch
from torch import nn

from napari_touchup.engine.folding import fold
from napari_touchup.nn.shortcut import Shortcut


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("edge", [6, 7])
def test_it_is_a_strided_1x1_convolution(stride: int, edge: int) -> None:
    torch.manual_seed(0)
    shortcut, plain = Shortcut(3, 5, stride), nn.Conv2d(3, 5, 1, stride, bias=False)
    plain.load_state_dict(shortcut.state_dict())
    x = torch.randn(2, 3, edge, edge)
    for layer in (shortcut, plain):
        layer(x).square().sum().backward()
    torch.testing.assert_close(shortcut(x), plain(x))
    torch.testing.assert_close(shortcut.weight.grad, plain.weight.grad)


def test_its_batch_norm_folds() -> None:
    layers = nn.Sequential(Shortcut(3, 5, 2), nn.BatchNorm2d(5)).eval()
    nn.init.uniform_(layers[1].running_mean)
    x = torch.randn(2, 3, 6, 6)
    folded = fold(layers)
    assert isinstance(folded[1], nn.Identity)
    torch.testing.assert_close(folded(x), layers(x))


def test_few_channels_that_lie_last_do_not_crash_the_process() -> None:
    code = """
import torch
from napari_touchup.nn.shortcut import Shortcut
torch.set_num_threads(1)
layer = Shortcut(8, 16, 2).to(memory_format=torch.channels_last)
for _ in range(5):
    x = torch.randn(2, 8, 64, 64).contiguous(memory_format=torch.channels_last)
    layer(x.requires_grad_()).sum().backward()
    held = [torch.empty(n) for n in range(1, 200)]
"""
    subprocess.run([sys.executable, "-c", code], check=True)
