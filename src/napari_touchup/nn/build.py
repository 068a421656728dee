"""Architectures by name. Each is a class made of one ModelSpec, imported when it is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from napari_touchup.options import ModelSpec, paper_spec

if TYPE_CHECKING:
    from torch import nn

FOR_ALL = {"arch", "in_channels", "output", "classes"}  # fields that every architecture heeds
UNET = (
    "base", "depth", "padding", "norm", "activation", "up", "dropout", "dropout_levels", "head",
)  # fmt: skip


@dataclass(frozen=True)
class Architecture:
    """What can be known of an architecture without PyTorch.

    Attributes
    ----------
    network : "module:class" below this package
    heeds : fields of a ModelSpec that it heeds, beside those of `FOR_ALL`
    usual : fields of a new network that differ from those of ModelSpec()
    prunes : with deep supervision, the network of a smaller depth is a part of a deeper one
    """

    network: str
    heeds: tuple[str, ...]
    usual: Mapping[str, Any] = field(default_factory=dict)
    prunes: bool = False


_FCN = Architecture("fcn:FCN", ("base", "norm", "dropout"), {"base": 64, "dropout": 0.5})
ARCHITECTURES: dict[str, Architecture] = {
    "unet": Architecture("unet:UNet", UNET),
    "unet-paper": Architecture(
        "unet:UNet", UNET, paper_spec().model_dump(exclude_defaults=True, exclude={"arch"})
    ),
    "unetpp": Architecture(
        "unetpp:UNetPlusPlus",
        ("base", "depth", "norm", "activation", "deep_supervision"),
        {"deep_supervision": True},
        prunes=True,
    ),
    "fcn32s": _FCN,
    "fcn16s": _FCN,
    "fcn8s": _FCN,
    "deeplabv3plus": Architecture(
        "deeplab:DeepLabV3Plus", ("encoder", "base"), {"encoder": "resnet34", "base": 64}
    ),
    "mask-rcnn": Architecture(
        "mask_rcnn:MaskRCNN",
        ("encoder", "base"),
        {"output": "instances", "encoder": "resnet18", "base": 64},
    ),
}
# of those that can have an encoder instead of their own contracting path
ENCODED = {
    "unet": Architecture("encoder_unet:EncoderUNet", ("encoder", "base", "up"), {"base": 64}),
}


def spec_of(arch: str, **given: Any) -> ModelSpec:
    """Make the spec of a new network: what is given, and else what is usual for it.

    Raises
    ------
    ValueError
        If the architecture is unknown or has no such fields; the message lists what there is.
    """
    spec = ModelSpec.model_validate({"arch": arch, **given})
    usual = _architecture(spec).usual
    spec = ModelSpec.model_validate({"arch": arch, **usual, **given})
    _check(spec)
    return spec


def build(spec: ModelSpec) -> "nn.Module":
    """Make the network of a spec, with fresh weights.

    Raises
    ------
    ValueError
        If the architecture is unknown or does not have what the spec asks for; the message lists
        what there is.
    """
    _check(spec)
    module, name = _architecture(spec).network.split(":")
    made = getattr(import_module(f"napari_touchup.nn.{module}"), name)(spec)
    return cast("nn.Module", made)


def shape_of(spec: ModelSpec) -> dict[str, Any]:
    """Give the fields that tell a network from others of its architecture: size, variants."""
    known = _architecture(spec).heeds if spec.arch in ARCHITECTURES else ()
    told = {"base", "depth"} | spec.model_dump(exclude_defaults=True, exclude=FOR_ALL).keys()
    return {name: getattr(spec, name) for name in known if name in told}


def levels(spec: ModelSpec) -> tuple[int, ...]:
    """Levels that a network can be pruned to, the last being all of it; (): it cannot be."""
    known = spec.arch in ARCHITECTURES  # a window asks this of any file
    prunes = known and spec.deep_supervision and _architecture(spec).prunes
    return tuple(range(1, spec.depth + 1)) if prunes else ()


def pruned(spec: ModelSpec, level: int | None) -> ModelSpec:
    """Spec of the part of a network that a level needs; None: all of it.

    Raises
    ------
    ValueError
        If the network does not have that level.
    """
    if level is None:
        return spec
    known = levels(spec)
    if not known:
        raise ValueError(
            f"expected a model that can be pruned (unetpp with deep supervision), got {spec.arch}"
        )
    if level not in known:
        raise ValueError(f"expected to prune to a level of {list(known)}, got {level}")
    return spec.model_copy(update={"depth": level})


def _architecture(spec: ModelSpec) -> Architecture:
    if spec.arch not in ARCHITECTURES:
        raise ValueError(f"expected an architecture of {list(ARCHITECTURES)}, got {spec.arch!r}")
    if spec.encoder is not None and spec.arch in ENCODED:
        return ENCODED[spec.arch]
    return ARCHITECTURES[spec.arch]


def _check(spec: ModelSpec) -> None:
    """Refuse what an architecture does not give, or would silently leave unheeded."""
    known, own = _architecture(spec).heeds, _architecture(spec).usual.get("output")
    if (spec.output == "instances") != (own == "instances"):
        gives = "instances, each on its own" if own == "instances" else "maps or classes"
        raise ValueError(f"{spec.arch} gives {gives}; it has no output {spec.output!r}")
    given = spec.model_dump(exclude_defaults=True, exclude=FOR_ALL)
    unknown = [f"{name} {value}" for name, value in given.items() if name not in known]
    if unknown:
        encoder = f" with the encoder {spec.encoder}" if "encoder" in known else ""
        raise ValueError(
            f"{spec.arch}{encoder} has no {', no '.join(unknown)}; it has {', '.join(known)}"
        )
