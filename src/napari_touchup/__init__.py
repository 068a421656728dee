"""Segment microscopy images with a U-Net, correct the masks, teach the network.

Names load when they are first used, so that importing the package costs nothing::

    import napari_touchup as touchup

    model = touchup.load_model()
    for event in touchup.segment(model, image[None]):
        ...
    masks = event.masks  # the last event is the Prediction
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_touchup.core.instances import masks_from_maps, masks_from_probability
    from napari_touchup.core.metrics import average_precision, score
    from napari_touchup.core.synth import make_image
    from napari_touchup.core.weights import class_weights, weight_map
    from napari_touchup.engine.samples import Sample, SampleSet
    from napari_touchup.engine.segment import Prediction, make_masks, segment
    from napari_touchup.engine.state import with_weights
    from napari_touchup.engine.train import fit
    from napari_touchup.io.batch import BatchOptions, segment_files
    from napari_touchup.io.images import open_image, read_labels, write_image, write_labels
    from napari_touchup.io.outputs import Task
    from napari_touchup.nn.checkpoint import Model
    from napari_touchup.nn.checkpoint import save as save_model
    from napari_touchup.nn.header import Header, ModelFileError, read_header
    from napari_touchup.options import (
        InstanceOptions,
        ModelSpec,
        NormalizeOptions,
        SegmentOptions,
        TrainOptions,
        WeightOptions,
    )
    from napari_touchup.session.current import find_model

# public name: (module, name there)
_PLACES = {
    "BatchOptions": ("io.batch", "BatchOptions"),
    "Header": ("nn.header", "Header"),
    "InstanceOptions": ("options", "InstanceOptions"),
    "Model": ("nn.checkpoint", "Model"),
    "ModelFileError": ("nn.header", "ModelFileError"),
    "ModelSpec": ("options", "ModelSpec"),
    "NormalizeOptions": ("options", "NormalizeOptions"),
    "Prediction": ("engine.segment", "Prediction"),
    "Sample": ("engine.samples", "Sample"),
    "SampleSet": ("engine.samples", "SampleSet"),
    "SegmentOptions": ("options", "SegmentOptions"),
    "Task": ("io.outputs", "Task"),
    "TrainOptions": ("options", "TrainOptions"),
    "WeightOptions": ("options", "WeightOptions"),
    "average_precision": ("core.metrics", "average_precision"),
    "class_weights": ("core.weights", "class_weights"),
    "find_model": ("session.current", "find_model"),
    "fit": ("engine.train", "fit"),
    "make_image": ("core.synth", "make_image"),
    "make_masks": ("engine.segment", "make_masks"),
    "masks_from_maps": ("core.instances", "masks_from_maps"),
    "masks_from_probability": ("core.instances", "masks_from_probability"),
    "open_image": ("io.images", "open_image"),
    "read_header": ("nn.header", "read_header"),
    "read_labels": ("io.images", "read_labels"),
    "save_model": ("nn.checkpoint", "save"),
    "score": ("core.metrics", "score"),
    "segment": ("engine.segment", "segment"),
    "segment_files": ("io.batch", "segment_files"),
    "weight_map": ("core.weights", "weight_map"),
    "with_weights": ("engine.state", "with_weights"),
    "write_image": ("io.images", "write_image"),
    "write_labels": ("io.images", "write_labels"),
}

__all__ = [
    "BatchOptions",
    "Header",
    "InstanceOptions",
    "Model",
    "ModelFileError",
    "ModelSpec",
    "NormalizeOptions",
    "Prediction",
    "Sample",
    "SampleSet",
    "SegmentOptions",
    "Task",
    "TrainOptions",
    "WeightOptions",
    "average_precision",
    "class_weights",
    "find_model",
    "fit",
    "load_model",
    "make_image",
    "make_masks",
    "masks_from_maps",
    "masks_from_probability",
    "open_image",
    "read_header",
    "read_labels",
    "save_model",
    "score",
    "segment",
    "segment_files",
    "weight_map",
    "with_weights",
    "write_image",
    "write_labels",
]


def load_model(name: str = "default", device: str = "cpu", prune: int | None = None) -> "Model":
    """Load the bundled model ("default"), a model file, or the model of a project.

    Parameters
    ----------
    name : str
    device : str
        "cpu", "mps", "cuda" or "cuda:N".
    prune : int, optional
        Levels of the network that are loaded, for models that can be pruned; by default all.

    Raises
    ------
    ModelFileError
        If there is no such file, or it is no model that this version can use.
    ValueError
        If a folder is no project, or the network has no such level.
    """
    from napari_touchup.nn.checkpoint import load
    from napari_touchup.session.current import find_model

    return load(find_model(name), device, prune)


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, there = _PLACES[name]
    value = getattr(import_module(f"{__name__}.{module}"), there)
    globals()[name] = value  # asked for once only
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
