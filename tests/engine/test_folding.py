import torch
from torch import nn

from napari_touchup.engine.folding import fold
from napari_touchup.nn.build import build
from napari_touchup.options import ModelSpec


def unet() -> nn.Module:
    torch.manual_seed(0)
    net = build(ModelSpec(base=4, depth=2, up="3x3"))
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for values in (layer.weight, layer.bias, layer.running_mean, layer.running_var):
                nn.init.uniform_(values, 0.5, 1.5)
    return net.eval()


def norms(net: nn.Module) -> int:
    return sum(isinstance(layer, nn.BatchNorm2d) for layer in net.modules())


def test_folding_keeps_the_numbers_and_leaves_no_batch_norm():
    net = unet()
    folded = fold(net)
    assert (norms(net), norms(folded)) == (10, 0)
    x = torch.rand(1, 1, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(folded(x), net(x), atol=1e-4, rtol=1e-4)


def test_folding_of_transposed_and_of_repeated_layers():
    relu = nn.ReLU()
    net = nn.Sequential(
        nn.ConvTranspose2d(2, 6, 2, stride=2), nn.BatchNorm2d(6), relu,
        nn.Conv2d(6, 4, 3), relu, nn.BatchNorm2d(4),  # after an activation: cannot be folded
        nn.ConvTranspose2d(4, 4, 2, groups=2), nn.BatchNorm2d(4),  # groups: not by PyTorch
    ).eval()  # fmt: skip
    for i in (1, 5, 7):
        nn.init.uniform_(net[i].running_mean)
    folded = fold(net)
    assert norms(folded) == 2
    x = torch.rand(2, 2, 5, 5)
    with torch.no_grad():
        torch.testing.assert_close(folded(x), net(x), atol=1e-5, rtol=1e-5)
