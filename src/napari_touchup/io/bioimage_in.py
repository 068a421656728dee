"""Models out of bioimage.io packages that were written here; nothing in them is run."""

import io
import zipfile
from os import PathLike
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
import yaml
from pydantic import ValidationError

from napari_touchup.io.bioimage import KEY, PackageError
from napari_touchup.nn.checkpoint import Model, empty
from napari_touchup.nn.header import Header

# what PyTorch says of files that are no tensors, other ones, or more than tensors
UNREADABLE = (
    RuntimeError, ValueError, TypeError, AttributeError, LookupError, EOFError, UnpicklingError,
)  # fmt: skip
DESCRIPTIONS = ("bioimageio.yaml", "rdf.yaml")


def read_package(path: str | PathLike[str]) -> Model:
    """Read the model of a package that napari-touchup wrote.

    The description says what network it is, and the weights are read as numbers only: no code of
    the package is run.

    Raises
    ------
    PackageError
        If it is no package, one of another program, or damaged.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as package:
            description = _description(path, package)
            header = _header(path, description)
            weights = package.read(_source(path, description))
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise PackageError(f"{path.name} cannot be read: {error}") from error
    try:
        network = empty(header.spec)
        tensors = torch.load(io.BytesIO(weights), map_location="cpu", weights_only=True)
        network.load_state_dict(tensors, assign=True)
    except UNREADABLE as error:
        first = str(error).strip().splitlines()[0]
        raise PackageError(
            f"{path.name} does not hold the weights of its network: {first}"
        ) from error
    return Model(network.eval(), header)


def _description(path: Path, package: zipfile.ZipFile) -> dict[str, Any]:
    name = next((name for name in DESCRIPTIONS if name in package.namelist()), None)
    if name is None:
        raise PackageError(f"expected a bioimage.io package, but {path.name} has no rdf.yaml")
    try:
        found = yaml.safe_load(package.read(name))
    except yaml.YAMLError as error:
        raise PackageError(f"{path.name} is damaged: its {name} is not readable") from error
    if not isinstance(found, dict):
        raise PackageError(f"{path.name} is damaged: its {name} holds no description")
    return found


def _header(path: Path, description: dict[str, Any]) -> Header:
    config = description.get("config")
    ours = config.get(KEY) if isinstance(config, dict) else None
    if ours is None:
        raise PackageError(
            f"expected a package of napari-touchup, but {path.name} is "
            f"{description.get('name', 'a model')!r}, whose network is not one of ours"
        )
    try:
        return Header.model_validate(ours)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise PackageError(f"{path.name} has a damaged header: {place} {first['msg']}") from error


def _source(path: Path, description: dict[str, Any]) -> str:
    match description:
        case {"weights": {"pytorch_state_dict": {"source": str(source)}}}:
            return source
    raise PackageError(f"{path.name} has no weights for PyTorch")
