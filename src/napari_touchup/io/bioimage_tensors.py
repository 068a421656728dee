"""What a bioimage.io package says of the arrays that go into a network and come out of it."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from napari_touchup.nn.grid import OnGrid
from napari_touchup.nn.header import Header
from napari_touchup.options import ModelSpec

if TYPE_CHECKING:
    from bioimageio.spec.model import v0_5

MAPS = ("mask", "border", "distance")  # of a network that gives maps


def image_tensor(header: Header, network: OnGrid, test: Path) -> "v0_5.InputTensorDescr":
    """Describe what a network takes: raw intensities, and how they are scaled."""
    from bioimageio.spec.model import v0_5

    names = header.channels or [f"channel {c}" for c in range(1, header.spec.in_channels + 1)]
    channels = [v0_5.Identifier(_identifier(name)) for name in names]
    # where a halo is cut off, something has to remain
    size = v0_5.ParameterizedSize(
        min=network.input_size(2 * halo_px(network) + 1), step=network.stride
    )
    percentiles = v0_5.ScaleRangeKwargs(
        axes=[v0_5.AxisId("y"), v0_5.AxisId("x")],
        min_percentile=header.normalize.low,
        max_percentile=header.normalize.high,
        eps=1e-9,  # we add nothing to the range
    )
    return v0_5.InputTensorDescr(
        id=v0_5.TensorId("image"),
        axes=[
            v0_5.BatchAxis(),
            v0_5.ChannelAxis(channel_names=channels),
            v0_5.SpaceInputAxis(id=v0_5.AxisId("y"), size=size),
            v0_5.SpaceInputAxis(id=v0_5.AxisId("x"), size=size),
        ],
        test_tensor=v0_5.FileDescr(source=test),
        preprocessing=[v0_5.ScaleRangeDescr(kwargs=percentiles)],
    )


def maps_tensor(spec: ModelSpec, network: OnGrid, test: Path) -> "v0_5.OutputTensorDescr":
    """Describe what a network gives: raw values, and how they become maps."""
    from bioimageio.spec.model import v0_5

    names = MAPS if spec.output == "maps" else [f"class_{k}" for k in range(spec.classes)]
    channels = [v0_5.Identifier(name) for name in names]
    after = {"maps": v0_5.SigmoidDescr(), "softmax": v0_5.SoftmaxDescr()}
    edge, halo = network.input_size(1), halo_px(network)
    lost = edge - network.output_size(edge)
    axes = []
    for name in ("y", "x"):
        axis = v0_5.AxisId(name)
        size = v0_5.SizeReference(tensor_id=v0_5.TensorId("image"), axis_id=axis, offset=-lost)
        axes.append(
            v0_5.SpaceOutputAxisWithHalo(id=axis, size=size, halo=halo)
            if halo
            else v0_5.SpaceOutputAxis(id=axis, size=size)
        )
    return v0_5.OutputTensorDescr(
        id=v0_5.TensorId("maps"),
        axes=[v0_5.BatchAxis(), v0_5.ChannelAxis(channel_names=channels), *axes],
        test_tensor=v0_5.FileDescr(source=test),
        postprocessing=[after[spec.output]],
    )


def halo_px(network: OnGrid) -> int:
    """By how much an image is extended by reflection, and cut again: even, pixels."""
    if network.spec.padding == "valid":
        return 0  # it gives nothing there by itself
    reach = max(network.mirror)
    return reach + reach % 2


def _identifier(name: str) -> str:
    """Turn a name into one that Python allows.

    >>> _identifier("405 nm")
    'c405_nm'
    """
    allowed = re.sub(r"\W", "_", name)
    return allowed if allowed.isidentifier() else f"c{allowed}"
