"""Architectures by name. Each is a function of one ModelSpec, imported when it is asked for."""

from importlib import import_module
from typing import TYPE_CHECKING, cast

from napari_touchup.options import ModelSpec

if TYPE_CHECKING:
    from torch import nn

ARCHITECTURES = {
    "unet": "napari_touchup.nn.unet:UNet",
}


def build(spec: ModelSpec) -> "nn.Module":
    """Make the network of a spec, with fresh weights.

    Raises
    ------
    ValueError
        If the architecture is unknown; the message lists those that exist.
    """
    if spec.arch not in ARCHITECTURES:
        raise ValueError(f"expected an architecture of {sorted(ARCHITECTURES)}, got {spec.arch!r}")
    module, function = ARCHITECTURES[spec.arch].split(":")
    return cast("nn.Module", getattr(import_module(module), function)(spec))
