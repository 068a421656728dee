"""Weights that an encoder learned on ImageNet, from a file that a user has.

Such files hold colour images' statistics: three colours, of which a mean is taken away and which
are divided by a deviation. Ours are 0 to 1 in any number of channels, so the first convolution and
the mean behind it are changed to see them as the encoder saw its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import torch
from torch import Tensor, nn

from napari_touchup.nn.build import ARCHITECTURES, ENCODED
from napari_touchup.nn.encoders import ENCODERS, Encoder, ResNet
from napari_touchup.nn.state_dict import read_state_dict
from napari_touchup.nn.transfer import shared_out

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's colours, torchvision's
COLOURS = 3
PREFIXES = ("module.", "encoder.", "backbone.", "model.")
HEADS = ("fc.", "classifier.", "aux_classifier.")  # no encoder has them
COUNTER = "num_batches_tracked"  # older files lack it, and nothing is computed from it


@dataclass(frozen=True)
class Loaded:
    """What was made of a file.

    Attributes
    ----------
    taken : number of tensors that went into the encoder
    unused : names of the others, as in the file
    """

    taken: int
    unused: tuple[str, ...]


def load_encoder(network: nn.Module, path: str | PathLike[str]) -> Loaded:
    """Put weights learned on ImageNet into the encoder of a network; the rest stays as it is.

    Parameters
    ----------
    network : of `nn.build`, with an encoder, on any device
    path : safetensors, or a state dict saved by ``torch.save`` (no code of it is run), with
        torchvision's names; all of them may be behind "module.", "encoder." and the like

    Notes
    -----
    With C input channels the colours of the first convolution are shared out by
    `nn.transfer.shared_out`. ImageNet's mean and deviation go into this convolution and the mean
    of its batch norm: exact except in the outermost pixels, where the padding used to be of mean
    grey and now is 0.

    Raises
    ------
    ValueError
        If the network has no encoder, or the file's tensors are not those of this encoder.
    ModelFileError
        If the file cannot be read, is damaged, or holds other things than tensors.
    """
    encoder = _encoder_of(network)
    path = Path(path).expanduser()
    found, unused = _sorted(read_state_dict(path))
    expected = dict(encoder.state_dict())
    first, norm = encoder.first
    kernel = expected[f"{first}.weight"]
    expected[f"{first}.weight"] = kernel.new_empty(len(kernel), COLOURS, *kernel.shape[2:])
    if difference := _difference(expected, found):
        raise ValueError(f"{_wanted(network, encoder)}, got {path.name}: {difference}")
    weights = {name: t.float() if t.is_floating_point() else t for name, t in found.items()}
    filter_, shift = _unnormalised(weights[f"{first}.weight"])
    weights[f"{first}.weight"] = shared_out(filter_, kernel.shape[1])
    weights[f"{norm}.running_mean"] = weights[f"{norm}.running_mean"] + shift
    encoder.load_state_dict({**encoder.state_dict(), **weights})
    return Loaded(len(found), unused)


def _unnormalised(kernel: Tensor) -> tuple[Tensor, Tensor]:
    """Kernel for colours 0 to 1, and by how much its answers are higher: (N, 3, 7, 7), (N,)."""
    mean, std = (torch.tensor(v)[:, None, None] for v in (MEAN, STD))
    kernel = kernel / std
    return kernel, (kernel * mean).sum((1, 2, 3))


def _encoder_of(network: nn.Module) -> Encoder:
    encoder = getattr(network, "encoder", None)
    if isinstance(encoder, Encoder):
        return encoder
    able = [a for a in ARCHITECTURES if "encoder" in ENCODED.get(a, ARCHITECTURES[a]).heeds]
    arch = getattr(getattr(network, "spec", None), "arch", type(network).__name__)
    raise ValueError(
        f"expected a network with an encoder (--arch of {able} with --encoder of "
        f"{list(ENCODERS)}), got {arch} without one"
    )


def _wanted(network: nn.Module, encoder: Encoder) -> str:
    spec = getattr(network, "spec", None)
    name, base = getattr(spec, "encoder", None), getattr(spec, "base", None)
    whose = "torchvision's names" if isinstance(encoder, ResNet) else "names"
    return f"expected the weights of {name} ({whose}: {encoder.first[0]}.weight, ...; base {base})"


def _difference(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> str:
    """How tensors differ from those of an encoder, in a few words; "" where they do not."""
    missing = [n for n in expected if n not in found and not n.endswith(COUNTER)]
    if missing:
        return f"{_some(missing)} missing ({len(missing)} in all)"
    # such as the other half of a deeper network, whose first half is worth nothing
    if unknown := sorted(found.keys() - expected.keys()):
        return f"{_some(unknown)} unknown ({len(unknown)} in all)"
    for name in (n for n in expected if n in found):
        tensor = found[name]
        if tensor.shape != expected[name].shape:
            return f"{name}: expected {tuple(expected[name].shape)}, got {tuple(tensor.shape)}"
        if not tensor.isfinite().all():
            return f"{name}: expected finite numbers, got inf or nan"
    return ""


def _some(names: list[str]) -> str:
    return f"{', '.join(names[:3])} {'is' if len(names) == 1 else 'are'}"


def _sorted(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Tensors of an encoder by their own names, and the names of those that are a head's."""
    bare = {name: name for name in tensors}  # own name -> name in the file
    while prefix := _prefix([name for name in bare if not name.startswith(HEADS)]):
        bare = {name.removeprefix(prefix): stored for name, stored in bare.items()}
    found = {n: tensors[stored] for n, stored in bare.items() if not n.startswith(HEADS)}
    return found, tuple(sorted(stored for n, stored in bare.items() if n.startswith(HEADS)))


def _prefix(names: list[str]) -> str | None:
    """Find a prefix that all of some names have."""
    return next((p for p in PREFIXES if names and all(n.startswith(p) for n in names)), None)
