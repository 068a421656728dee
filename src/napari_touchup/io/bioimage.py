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
from napari_touchup.io.bioimage_tensors import halo_px, image_tensor, maps_tensor
from napari_touchup.io.one_file import one_file
from napari_touchup.io.onnx_file import save_onnx
from napari_touchup.nn.checkpoint import Model
from napari_touchup.nn.grid import OnGrid

if TYPE_CHECKING:
    from bioimageio.spec.model import v0_5

NEEDED = ("bioimageio.core", "onnx", "onnxscript", "onnxruntime")  # of the extra
KEY = "napari_touchup"  # of our header in the description
ENTRY = "network"  # the callable in the source of the architecture
TEST_PX = 256  # least edge of the test image
TOLERANCE = 1e-4  # absolute, of what the weights give
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
    (folder / "README.md").write_text(card(header, about, halo_px(network)), encoding="utf-8")
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
        inputs=[image_tensor(header, network, folder / "test_input.npy")],
        outputs=[maps_tensor(header.spec, network, folder / "test_output.npy")],
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
