"""What people read about a model in a bioimage.io package: who made it, from what, how good."""

import json
from typing import Annotated

from pydantic import Field, JsonValue

from napari_touchup.nn.header import Header
from napari_touchup.options import Options

# of each architecture: reference, DOI
_UNET = ("Ronneberger, Fischer and Brox: U-Net (MICCAI 2015)", "10.1007/978-3-319-24574-4_28")
CITATIONS = {
    "unet": _UNET,
    "unet-paper": _UNET,
    "unetpp": ("Zhou et al.: UNet++ (DLMIA 2018)", "10.1007/978-3-030-00889-5_1"),
    "deeplabv3plus": ("Chen et al.: DeepLabV3+ (ECCV 2018)", "10.1007/978-3-030-01234-2_49"),
} | dict.fromkeys(
    ("fcn32s", "fcn16s", "fcn8s"),
    ("Long, Shelhamer and Darrell: FCN (CVPR 2015)", "10.1109/CVPR.2015.7298965"),
)
WHAT = {
    "maps": "Three maps, each from 0 to 1: how likely a pixel is part of an object (`mask`), how "
    "likely it lies where two objects touch (`border`), and how deep inside its object it lies "
    "(`distance`).",
    "softmax": "How likely a pixel is of each class, from 0 to 1; class 0 is the background.",
}


class About(Options):
    """What only its makers can say of a model."""

    authors: Annotated[tuple[str, ...], Field(min_length=1)]
    license: str = "CC-BY-4.0"  # SPDX identifier
    description: str = "Segments microscopy images; made with napari-touchup."


def card(header: Header, about: About, halo: int) -> str:
    """Markdown of a model card; `halo` in pixels."""
    spec, normalize = header.spec, header.normalize
    return f"""# {header.name}

{about.description}

## What it takes and gives

{spec.in_channels} channel(s){_named(header)}, with objects of about {header.diameter_px:g} pixels.
For every image and channel, the intensities at the percentiles {normalize.low:g} and
{normalize.high:g} become 0 and 1. {WHAT[spec.output]}

A network that sees nothing beyond the edge of an image is less sure there: give it {halo} pixels of
the mirrored image around, and cut them off, as napari-touchup does.

## Training

{_listed(header.training)}

## Validation

{_listed(header.lineage)}

Score it against masks of your own images before you rely on it: `touchup evaluate`.

## Use it

In napari-touchup, `touchup import-model PACKAGE.zip -o MODEL.safetensors` gives back the model, to
segment with, to correct, and to fine-tune. Programs that know bioimage.io take it as it is.
"""


def _named(header: Header) -> str:
    return f" ({', '.join(header.channels)})" if header.channels else ""


def _listed(facts: dict[str, JsonValue]) -> str:
    rows = [f"- {name}: `{json.dumps(value)}`" for name, value in facts.items()]
    return "\n".join(rows) or "Nothing is noted in the model."
