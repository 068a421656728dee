from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from napari_touchup.nn.build import build, spec_of
from napari_touchup.nn.encoders import Encoder, make_encoder
from napari_touchup.nn.pretrained import Loaded, load_encoder
from napari_touchup.options import ModelSpec

BASE = 4
HEAD = {"fc.weight": torch.zeros(10, 32), "fc.bias": torch.zeros(10)}


def pretrained(name: str = "resnet18", base: int = BASE) -> Encoder:
    """An encoder for colours, with statistics, as ImageNet would have left it."""
    torch.manual_seed(1)
    encoder = make_encoder(name, 3, base)
    for layer in encoder.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for values in (layer.weight, layer.bias, layer.running_mean, layer.running_var):
                assert isinstance(values, Tensor)
                nn.init.uniform_(values, 0.5, 1.5)
    return encoder.eval()


def network(channels: int = 3, encoder: str = "resnet18") -> nn.Module:
    torch.manual_seed(0)
    return build(spec_of("unet", encoder=encoder, base=BASE, in_channels=channels)).eval()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "resnet.safetensors"


def write(path: Path, tensors: dict[str, Tensor]) -> Path:
    safetensors.torch.save_file(tensors, path)
    return path


def normalised(x: Tensor) -> Tensor:
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    return (x - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]


def stem(encoder: nn.Module, x: Tensor) -> Tensor:
    """First features, less what the padding reaches: at stride 2 these read 3 px beyond."""
    with torch.inference_mode():
        first: Tensor = encoder(x)[0][:, :, 2:-2, 2:-2]
    return first


@pytest.mark.parametrize("encoder", ["resnet18", "resnet34", "resnet50", "xception"])
def test_colours_are_seen_as_in_pretraining(path: Path, encoder: str) -> None:
    theirs, ours = pretrained(encoder), network(encoder=encoder)
    before = {n: t.clone() for n, t in ours.state_dict().items()}
    loaded = load_encoder(ours, write(path, theirs.state_dict() | HEAD))
    assert loaded == Loaded(len(theirs.state_dict()), ("fc.bias", "fc.weight"))
    x = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(
        stem(ours.encoder, x), stem(theirs, normalised(x)), atol=1e-5, rtol=1e-4
    )
    # all but the first convolution and the mean behind it are the file's; the decoder is as it was
    changed = {f"{theirs.first[0]}.weight", f"{theirs.first[1]}.running_mean"}
    for name, tensor in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[f"encoder.{name}"], tensor) == (name not in changed)
    for name, tensor in ours.state_dict().items():
        assert name.startswith("encoder.") or torch.equal(tensor, before[name])


def test_deep_features_are_those_of_pretraining_far_from_the_border(path: Path) -> None:
    theirs, ours = pretrained(), network()
    load_encoder(ours, write(path, theirs.state_dict()))
    x = torch.rand(1, 3, 512, 512)
    with torch.inference_mode():
        expected, found = theirs(normalised(x))[-1], ours.encoder(x)[-1]
    assert expected.std() > 0
    middle = slice(7, 9)  # the last features reach 217 px: 7 x 32 of 16 x 32
    scale = expected.abs().max()
    torch.testing.assert_close(
        found[..., middle, middle] / scale, expected[..., middle, middle] / scale, atol=1e-4, rtol=0
    )


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 6, 7])
def test_a_grey_image_is_seen_alike_in_any_number_of_channels(path: Path, channels: int) -> None:
    theirs, ours = pretrained(), network(channels)
    load_encoder(ours, write(path, theirs.state_dict()))
    grey = torch.rand(1, 1, 64, 64)
    expected = stem(theirs, normalised(grey.expand(-1, 3, -1, -1)))
    found = stem(ours.encoder, grey.expand(-1, channels, -1, -1))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_one_channel_has_the_sum_of_the_colours_and_six_have_each_twice(path: Path) -> None:
    theirs = pretrained()
    kernel = (
        theirs.get_parameter("conv1.weight").detach()
        / torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    )
    write(path, theirs.state_dict())
    one, six = network(1), network(6)
    load_encoder(one, path)
    load_encoder(six, path)
    weight = one.get_parameter("encoder.conv1.weight").detach()
    torch.testing.assert_close(weight, kernel.sum(1, keepdim=True))
    weight = six.get_parameter("encoder.conv1.weight").detach()
    torch.testing.assert_close(weight, torch.cat([kernel, kernel], dim=1) / 2)


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda state: state,
        lambda state: {f"module.{n}": t for n, t in (state | HEAD).items()},
        lambda state: {f"encoder.{n}": t for n, t in state.items()},
        lambda state: (
            {f"backbone.{n}": t for n, t in state.items()} | {"classifier.0.bias": Tensor()}
        ),
        lambda state: {f"module.model.{n}": t for n, t in state.items()},
        lambda state: {"epoch": 90, "arch": "resnet18", "state_dict": state},
        lambda state: {"model": {f"module.{n}": t for n, t in state.items()}},
        lambda state: {n: t for n, t in state.items() if not n.endswith("num_batches_tracked")},
        lambda state: {n: t.half() if t.ndim else t for n, t in state.items()},
    ],
)
@pytest.mark.parametrize("legacy", [False, True])
def test_state_dicts_as_they_are_found(
    path: Path, wrapped: Callable[[dict[str, Tensor]], Any], legacy: bool
) -> None:
    state = pretrained().state_dict()
    given = wrapped(dict(state))
    torch.save(given, path, _use_new_zipfile_serialization=not legacy)
    ours = network()
    loaded = load_encoder(ours, path)
    assert loaded.taken in (120, 100)  # of 20 norms the counter may be missing
    expected = state["layer4.1.conv2.weight"]
    found = ours.state_dict()["encoder.layer4.1.conv2.weight"]
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)


def test_unused_names_are_those_of_the_file(path: Path) -> None:
    state = {f"module.{n}": t for n, t in (pretrained().state_dict() | HEAD).items()}
    loaded = load_encoder(network(), write(path, state))
    assert loaded == Loaded(120, ("module.fc.bias", "module.fc.weight"))


EXPECTED = r"^expected the weights of resnet34 \(torchvision's names: conv1.weight, ...; base 4\), "


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (
            lambda: pretrained("resnet18").state_dict(),
            # 8 of 16 blocks are missing, each of two convolutions with norms; 5 entries of each
            EXPECTED + r"got resnet.safetensors: layer1.2.conv1.weight, layer1.2.bn1.weight, "
            r"layer1.2.bn1.bias are missing \(80 in all\)$",
        ),
        (
            lambda: {
                n: t for n, t in pretrained("resnet34").state_dict().items() if n != "bn1.bias"
            },
            r": bn1.bias is missing \(1 in all\)$",
        ),
        (
            lambda: {f"features.{i}.weight": torch.zeros(2) for i in range(9)},
            r": conv1.weight, bn1.weight, bn1.bias are missing \(180 in all\)$",
        ),
        (lambda: {"fc.weight": torch.zeros(2)}, r"conv1.weight, .* are missing \(180 in all\)$"),
        (
            lambda: pretrained("resnet34", base=8).state_dict(),
            r": conv1.weight: expected \(4, 3, 7, 7\), got \(8, 3, 7, 7\)$",
        ),
        (
            lambda: pretrained("resnet34").state_dict() | {"layer9.0.bias": torch.zeros(1)},
            r": layer9.0.bias is unknown \(1 in all\)$",
        ),
        (
            lambda: pretrained("resnet34").state_dict() | {"bn1.bias": torch.full((4,), torch.nan)},
            ": bn1.bias: expected finite numbers, got inf or nan$",
        ),
    ],
)
def test_weights_of_another_network_are_named(
    path: Path, state: Callable[[], dict[str, Tensor]], message: str
) -> None:
    ours = network(encoder="resnet34")
    before = {n: t.clone() for n, t in ours.state_dict().items()}
    with pytest.raises(ValueError, match=message) as caught:
        load_encoder(ours, write(path, state()))
    assert "\n" not in str(caught.value)
    assert all(torch.equal(t, before[n]) for n, t in ours.state_dict().items())


def test_a_deeper_network_is_not_cut_off(path: Path) -> None:
    with pytest.raises(ValueError, match=r"layer1\.2\..* are unknown \(96 in all\)$"):
        load_encoder(network(), write(path, pretrained("resnet34").state_dict()))


def test_a_network_without_an_encoder_is_told_which_has_one(path: Path) -> None:
    write(path, pretrained().state_dict())
    with pytest.raises(
        ValueError,
        match=r"--arch of \['unet', 'deeplabv3plus', 'mask-rcnn'\] with --encoder of .*got unet",
    ):
        load_encoder(build(ModelSpec(base=2, depth=1)), path)


def test_what_was_loaded_learns_on(path: Path) -> None:
    ours = network(1).train()
    load_encoder(ours, write(path, pretrained().state_dict()))
    ours(torch.rand(1, 1, 64, 64)).square().sum().backward()
    idle = [n for n, p in ours.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == []
