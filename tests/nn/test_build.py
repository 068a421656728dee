import subprocess
import sys

import pytest
import torch

from napari_touchup.nn.build import ARCHITECTURES, build, levels, pruned, shape_of, spec_of
from napari_touchup.nn.detections import Detections
from napari_touchup.options import ModelSpec, paper_spec

NESTED = ModelSpec(arch="unetpp", deep_supervision=True, depth=3)


@pytest.mark.parametrize("arch", sorted(ARCHITECTURES))
def test_every_architecture_takes_frames_and_gives_maps_or_objects(arch: str) -> None:
    spec = spec_of(arch, base=2, in_channels=2)
    network = build(spec).eval()
    edge = network.input_size(1)
    with torch.inference_mode():
        given = network(torch.zeros(1, 2, edge, edge))
    output = network.output_size(edge)
    if spec.output == "instances":
        assert len(given) == 1
        assert isinstance(given[0], Detections)
    else:
        assert given.shape == (1, spec.classes, output, output)


def test_a_new_network_has_what_is_usual_for_it_and_what_is_given() -> None:
    assert spec_of("unet-paper") == paper_spec()
    assert spec_of("unet", depth=3) == ModelSpec(depth=3)
    assert spec_of("unetpp", base=8) == ModelSpec(arch="unetpp", base=8, deep_supervision=True)
    assert spec_of("unet", encoder="resnet18").base == 64


@pytest.mark.parametrize("make", [lambda: build(ModelSpec(arch="vnet")), lambda: spec_of("vnet")])
def test_unknown_architecture_is_named_with_those_that_exist(make) -> None:
    with pytest.raises(ValueError, match=r"\['unet', .*'mask-rcnn'\], got 'vnet'"):
        make()


@pytest.mark.parametrize(
    ("arch", "given", "message"),
    [
        ("fcn8s", {"depth": 3, "up": "3x3"}, "fcn8s has no depth 3, no up 3x3; it has base, norm"),
        ("unetpp", {"encoder": "resnet18"}, "unetpp has no encoder resnet18; it has base, depth"),
        (
            "mask-rcnn",
            {"encoder": "resnet18", "output": "softmax"},
            "mask-rcnn gives instances, each on its own; it has no output 'softmax'",
        ),
        (
            "unet",
            {"output": "instances"},
            "unet gives maps or classes; it has no output 'instances'",
        ),
        (
            "unet",
            {"encoder": "resnet18", "padding": "valid"},
            "unet with the encoder resnet18 has no padding valid; it has encoder, base, up",
        ),
    ],
)
def test_what_an_architecture_does_not_heed_is_refused(arch, given, message) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        spec_of(arch, **given)
    with pytest.raises(ValueError, match=f"^{message}"):
        build(ModelSpec(arch=arch, **given))


def test_shape_of_a_network_in_a_few_fields() -> None:
    assert shape_of(ModelSpec(base=16)) == {"base": 16, "depth": 4}
    assert shape_of(NESTED) == {"base": 32, "depth": 3, "deep_supervision": True}
    assert shape_of(spec_of("unet", encoder="resnet18")) == {"encoder": "resnet18", "base": 64}
    assert shape_of(spec_of("fcn8s", norm="none")) == {"base": 64, "norm": "none", "dropout": 0.5}
    assert shape_of(ModelSpec(arch="vnet")) == {}


def test_levels_of_a_network_that_can_be_pruned() -> None:
    assert levels(NESTED) == (1, 2, 3)
    assert pruned(NESTED, 2) == NESTED.model_copy(update={"depth": 2})
    assert pruned(NESTED, None) == NESTED
    assert levels(ModelSpec(arch="unetpp")) == levels(ModelSpec()) == ()


@pytest.mark.parametrize(
    ("spec", "level", "message"),
    [
        (NESTED, 5, r"expected to prune to a level of \[1, 2, 3\], got 5"),
        (ModelSpec(), 3, "expected a model that can be pruned .*, got unet"),
    ],
)
def test_a_level_that_is_not_there_is_refused(spec: ModelSpec, level: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pruned(spec, level)


def test_names_are_known_without_torch() -> None:
    code = "import sys, napari_touchup.nn.build; print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
