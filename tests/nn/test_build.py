import subprocess
import sys

import pytest
import torch

from napari_touchup.nn.build import ARCHITECTURES, build
from napari_touchup.options import ModelSpec


@pytest.mark.parametrize("arch", sorted(ARCHITECTURES))
def test_every_architecture_takes_frames_and_gives_maps(arch: str) -> None:
    network = build(ModelSpec(arch=arch, base=2, depth=2)).eval()
    edge = network.input_size(1)
    maps = network(torch.zeros(1, 1, edge, edge))
    assert maps.shape == (1, 3, network.output_size(edge), network.output_size(edge))


def test_unknown_architecture_is_named_with_those_that_exist() -> None:
    with pytest.raises(ValueError, match=r"\[.*'unet'.*\], got 'vnet'"):
        build(ModelSpec(arch="vnet"))


def test_names_are_known_without_torch() -> None:
    code = "import sys, napari_touchup.nn.build; print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
