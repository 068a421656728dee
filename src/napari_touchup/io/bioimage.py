"""Models as bioimage.io packages, which other programs check and run.

A package is a zip with a description (`rdf.yaml`, https://bioimage.io), the weights for PyTorch
and for ONNX, a test input with its output, and texts. To write one needs the extra `bioimageio`,
to read one of ours does not.
"""

import re
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import shorten
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from pydantic import ValidationError
from skimage.color import label2rgb
from torch import nn

from napari_touchup.core.normalize import affine, limits
from napari_touchup.core.synth import make_image
from napari_touchup.engine.rescale import normalized
from napari_touchup.engine.runner import ACTIVATIONS
from napari_touchup.engine.segment import make_masks
from napari_touchup.io.bioimage_card import CITATIONS, About, card
from napari_touchup.io.one_file import one_file
from napari_touchup.io.onnx_file import save_onnx
from napari_touchup.nn.checkpoint import Model
from napari_touchup.nn.grid import OnGrid
from napari_touchup.nn.header import Header
from napari_touchup.options import ModelSpec

if TYPE_CHECKING:
    from bioimageio.spec.model import v0_5

NEEDED = ("bioimageio.core", "onnx", "onnxscript", "onnxruntime")  # of the extra
KEY = "napari_touchup"  # of our header in the description
ENTRY = "network"  # the callable in the source of the architecture
TEST_PX = 256  # least edge of the test image
TOLERANCE = 1e-4  # absolute, of what the weights give
OUTPUTS = ("mask", "border", "distance")  # of a network that gives maps
PREFIX = "touchup-package-"  # of a temporary folder
MESSAGE = 120  # letters; a list of all licences has thousands
OTHER = re.compile(r"[^a-zA-Z0-9_+\- ()]")  # not allowed in the name of a model


class PackageError(ValueError):
    """A package could not be made or read; the message says why, in one line."""


def write_package(model: Model, path: str | PathLike[str], about: About) -> None:
    """Write a model as a bioimage.io package, and have bioimageio.core run it.

    Parameters
    ----------
    model : of a network that gives maps or classes
    path : ends in .zip; an existing file is replaced
    about : what only its makers know

    Raises
    ------
    PackageError
        If the extra is not installed, the network gives objects instead of maps, what is said
        about it is refused, or bioimageio.core does not get the same results.
    """
    absent = [name for name in NEEDED if find_spec(name.split(".")[0]) is None]
    if absent:
        raise PackageError(
            f"{', '.join(absent)} needs to be installed: pip install 'napari-touchup[bioimageio]'"
        )
    if model.header.spec.output == "instances":
        raise PackageError(
            f"{model.header.spec.arch} gives objects one by one, which bioimage.io cannot "
            "describe; a network that gives maps or classes can be packed"
        )
    # bioimageio leaves files open, which Windows cannot delete then
    with TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as folder:
        package = _packed(model, Path(folder), about)
        _check(package)
        Path(path).write_bytes(package.read_bytes())


def _packed(model: Model, folder: Path, about: About) -> Path:
    from bioimageio.spec import save_bioimageio_package

    package = folder / "package.zip"
    try:
        save_bioimageio_package(_described(model, folder, about), output_path=package)
    except ValidationError as error:
        wrong = error.errors()[0]
        said = shorten(wrong["msg"], MESSAGE, placeholder=" ...")
        raise PackageError(
            f"bioimage.io refuses {wrong['loc'][0]} {wrong['input']!r}: {said}"
        ) from error
    return package


def _check(package: Path) -> None:
    """Have bioimageio.core run both kinds of weights on the test input."""
    from bioimageio.core import test_model

    for weights in ("pytorch_state_dict", "onnx"):
        summary = test_model(
            package, weights, absolute_tolerance=TOLERANCE, relative_tolerance=TOLERANCE
        )
        if summary.status != "passed":
            said = [error.msg for detail in summary.details for error in detail.errors]
            raise PackageError(f"bioimageio.core does not run the {weights}: {'; '.join(said)}")


def _described(model: Model, folder: Path, about: About) -> "v0_5.ModelDescr":
    """Write the parts into a folder, and describe them."""
    from bioimageio.spec.model import v0_5

    header, network = model.header, cast(OnGrid, model.module)
    image, maps = _tested(model)
    np.save(folder / "test_input.npy", image[np.newaxis])
    np.save(folder / "test_output.npy", maps[np.newaxis])
    _cover(image[0], make_masks(maps, header.spec.output)).save(folder / "cover.png")
    (folder / "README.md").write_text(card(header, about, _halo(network)), encoding="utf-8")
    text, doi = CITATIONS[header.spec.arch]
    return v0_5.ModelDescr(
        name=f"napari-touchup {OTHER.sub('-', header.name)}",
        description=about.description,
        authors=[v0_5.Author(name=name) for name in about.authors],
        license=about.license,
        cite=[v0_5.CiteEntry(text=text, doi=doi)],
        tags=["segmentation", "microscopy", "2d", "napari", header.spec.arch],
        documentation=v0_5.FileDescr(source=folder / "README.md"),
        covers=[v0_5.FileDescr(source=folder / "cover.png")],
        inputs=[_input(header, network, folder / "test_input.npy")],
        outputs=[_output(header.spec, network, folder / "test_output.npy")],
        weights=_weights(model, image, folder),
        config=v0_5.Config(**{KEY: header.model_dump(mode="json")}),
    )


def _tested(model: Model) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Nuclei, (C, Y, X), and what the network makes of them, (K, Y', X')."""
    header, network = model.header, cast(OnGrid, model.module)
    edge = network.input_size(TEST_PX)
    made = [make_image("nuclei", (edge, edge), seed=c) for c in range(header.spec.in_channels)]
    image = np.stack([each.image for each in made]).astype(np.float32)
    x = normalized(image, *affine(limits(image, header.normalize)))
    with torch.inference_mode():
        maps = ACTIVATIONS[header.spec.output](network(torch.from_numpy(x)[np.newaxis]))
    return image, maps[0].numpy()


def _input(header: Header, network: OnGrid, test: Path) -> "v0_5.InputTensorDescr":
    from bioimageio.spec.model import v0_5

    names = header.channels or [f"channel {c}" for c in range(1, header.spec.in_channels + 1)]
    channels = [v0_5.Identifier(_identifier(name)) for name in names]
    # where a halo is cut off, something has to remain
    size = v0_5.ParameterizedSize(
        min=network.input_size(2 * _halo(network) + 1), step=network.stride
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


def _output(spec: ModelSpec, network: OnGrid, test: Path) -> "v0_5.OutputTensorDescr":
    from bioimageio.spec.model import v0_5

    names = OUTPUTS if spec.output == "maps" else [f"class_{k}" for k in range(spec.classes)]
    channels = [v0_5.Identifier(name) for name in names]
    after = {
        "maps": v0_5.SigmoidDescr(),
        "softmax": v0_5.SoftmaxDescr(),
    }
    lost = network.input_size(TEST_PX) - network.output_size(network.input_size(TEST_PX))
    axes = []
    for name in ("y", "x"):
        axis = v0_5.AxisId(name)
        size = v0_5.SizeReference(tensor_id=v0_5.TensorId("image"), axis_id=axis, offset=-lost)
        axes.append(
            v0_5.SpaceOutputAxisWithHalo(id=axis, size=size, halo=_halo(network))
            if _halo(network)
            else v0_5.SpaceOutputAxis(id=axis, size=size)
        )
    return v0_5.OutputTensorDescr(
        id=v0_5.TensorId("maps"),
        axes=[v0_5.BatchAxis(), v0_5.ChannelAxis(channel_names=channels), *axes],
        test_tensor=v0_5.FileDescr(source=test),
        postprocessing=[after[spec.output]],
    )


def _weights(model: Model, image: NDArray[np.float32], folder: Path) -> "v0_5.WeightsDescr":
    from bioimageio.spec.model import v0_5

    network, spec = model.module, model.header.spec
    files = ("network.py", "weights.pt", "weights.onnx")
    source, torch_file, onnx_file = (folder / name for name in files)
    source.write_text(_source(type(network)), encoding="utf-8")
    torch.save(network.state_dict(), torch_file)
    opset = save_onnx(network, torch.from_numpy(image)[np.newaxis], onnx_file)
    architecture = v0_5.ArchitectureFromFileDescr(
        source=source, callable=v0_5.Identifier(ENTRY), kwargs=spec.model_dump(mode="json")
    )
    return v0_5.WeightsDescr(
        pytorch_state_dict=v0_5.PytorchStateDictWeightsDescr(
            source=torch_file,
            architecture=architecture,
            pytorch_version=v0_5.Version(torch.__version__.split("+")[0]),
        ),
        onnx=v0_5.OnnxWeightsDescr(
            source=onnx_file, opset_version=opset, parent="pytorch_state_dict"
        ),
    )


def _source(network: type[nn.Module]) -> str:
    """Python that makes a network of the fields of its spec, where this package is not."""
    return f'''"""A network of napari-touchup (BSD-3-Clause), put together from its files."""

{one_file(network.__module__, network.__name__)}

def {ENTRY}(**spec):
    """The network of these fields of a ModelSpec, with fresh weights; it gives raw values."""
    return {network.__name__}(ModelSpec(**spec))
'''


def _identifier(name: str) -> str:
    """Turn a name into one that Python allows.

    >>> _identifier("405 nm")
    'c405_nm'
    """
    allowed = re.sub(r"\W", "_", name)
    return allowed if allowed.isidentifier() else f"c{allowed}"


def _halo(network: OnGrid) -> int:
    """By how much an image is extended by reflection, and cut again: even, pixels."""
    if network.spec.padding == "valid":
        return 0  # it gives nothing there by itself
    reach = max(network.mirror)
    return reach + reach % 2


def _cover(image: NDArray[np.float32], masks: NDArray[np.unsignedinteger]) -> Image.Image:
    """Image and masks side by side."""
    cut = [(a - b) // 2 for a, b in zip(image.shape, masks.shape, strict=True)]
    y, x = (slice(c, c + n) for c, n in zip(cut, masks.shape, strict=True))
    low, high = np.percentile(image, (1, 99.8))
    grey = np.clip((image[y, x] - low) / max(high - low, 1e-9), 0, 1)
    painted = label2rgb(  # type: ignore[no-untyped-call]
        masks, grey, alpha=0.5, bg_label=0
    )
    both = np.hstack([np.dstack([grey] * 3), painted])
    return Image.fromarray((both * 255).astype(np.uint8))
