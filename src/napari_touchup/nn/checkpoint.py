"""Models in files: safetensors with a JSON header, which cannot run code."""

import os
from collections.abc import Collection
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from napari_touchup.nn.build import build, pruned
from napari_touchup.nn.header import KEY, Header, ModelFileError, read_header
from napari_touchup.options import ModelSpec


@dataclass(frozen=True)
class Model:
    """A network with what is known of it."""

    module: nn.Module
    header: Header


def save(
    path: str | PathLike[str], module: nn.Module, header: Header, *, half: bool = False
) -> None:
    """Write a model; the file appears whole or not at all.

    Parameters
    ----------
    path : ends in .safetensors; an existing file is replaced
    module : the network of `header.spec`, on any device
    header : what the file says about it
    half : kernels are stored as float16, in half the space; norms and biases stay float32

    Raises
    ------
    ValueError
        If the weights are not those of `header.spec`, or not finite.
    """
    path = Path(path)
    tensors = {name: _stored(name, t, half) for name, t in module.state_dict().items()}
    if difference := _difference(empty(header.spec), tensors):
        raise ValueError(f"expected the network of the header's spec: {difference}")
    content = safetensors.torch.save(tensors, {KEY: header.model_dump_json()})
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def load(path: str | PathLike[str], device: str = "cpu", prune: int | None = None) -> Model:
    """Read a model; its network is in evaluation mode, float32.

    Parameters
    ----------
    path : of a model file
    device : where the network goes
    prune : the level down to which it is wanted; only the tensors of that part are read, and the
        header's spec is that of the part. None: all of it

    Raises
    ------
    ValueError
        If the network has no such level.
    ModelFileError
        If the file cannot be read, is cut short, is no model of this package or is a newer one's,
        or if its tensors are not those of its architecture.
    """
    path = Path(path)
    header = read_header(path)
    try:
        module = empty(header.spec)
    except ValueError as error:
        raise ModelFileError(f"{path.name} cannot be used: {error}") from error
    if prune is not None:
        header = header.model_copy(update={"spec": pruned(header.spec, prune)})
        module = empty(header.spec)
    tensors = _read(path, None if prune is None else module.state_dict().keys())
    if difference := _difference(module, tensors):
        raise ModelFileError(f"{path.name} does not hold the network that it names: {difference}")
    weights = {n: t.float() if t.is_floating_point() else t for n, t in tensors.items()}
    module.load_state_dict(weights, assign=True)
    return Model(module.to(device).eval(), header)


def at_level(model: Model, prune: int | None) -> Model:
    """Give the part of a model in memory that a level needs, as `load` would read it.

    Weights are shared. A model that was pruned to this level before comes back as it is.

    Raises
    ------
    ValueError
        If the network has no such level.
    """
    header = model.header.model_copy(update={"spec": pruned(model.header.spec, prune)})
    if header.spec == model.header.spec:
        return model
    module, weights = empty(header.spec), model.module.state_dict()
    module.load_state_dict({name: weights[name] for name in module.state_dict()}, assign=True)
    return Model(module.eval(), header)


def _read(path: Path, names: Collection[str] | None) -> dict[str, Tensor]:
    """Tensors of a file; of some names only, where it has them, or all of them."""
    try:
        if names is None:
            # a copy in memory: a mapped file could not be replaced on Windows
            return safetensors.torch.load(path.read_bytes())
        with safe_open(path, "pt") as file:
            return {n: file.get_tensor(n).clone() for n in file.keys() if n in names}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise ModelFileError(f"{path.name} cannot be read: {error}") from error


def empty(spec: ModelSpec) -> nn.Module:
    """Make a network without memory: one of any size costs nothing until it is given weights."""
    with torch.device("meta"), _WithoutInitialisation():
        return build(spec)


class _WithoutInitialisation(TorchFunctionMode):
    """Random numbers on the meta device are nothing, but make PyTorch load its compiler: 1-3 s."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if getattr(func, "__module__", "") == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        return func(*args, **(kwargs or {}))


def _stored(name: str, tensor: Tensor, half: bool) -> Tensor:
    tensor = tensor.detach().cpu()
    if half and tensor.is_floating_point() and tensor.ndim > 1:
        tensor = tensor.half()
    if not tensor.isfinite().all():
        raise ValueError(f"expected finite weights, got inf or nan in {name}")
    return tensor.contiguous()


def _difference(module: nn.Module, tensors: dict[str, Tensor]) -> str:
    """How tensors differ from those of a network, in a few words; "" where they do not."""
    wanted = module.state_dict()
    if missing := sorted(wanted.keys() - tensors.keys()):
        return f"{missing[0]} is missing ({len(missing)} in all)"
    if extra := sorted(tensors.keys() - wanted.keys()):
        return f"{extra[0]} is unknown ({len(extra)} in all)"
    for name, tensor in tensors.items():
        if tensor.shape != wanted[name].shape:
            return f"{name}: expected {tuple(wanted[name].shape)}, got {tuple(tensor.shape)}"
        if tensor.is_floating_point() != wanted[name].is_floating_point():
            return f"{name}: expected {wanted[name].dtype}, got {tensor.dtype}"
    return ""
