"""A network as an ONNX file."""

import logging
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn


def save_onnx(network: nn.Module, image: Tensor, path: Path) -> int:
    """Write a network as ONNX; images of any number and accepted size can be given to it.

    Parameters
    ----------
    network : in evaluation mode, on the CPU
    image : (B, C, Y, X) float32, of a size that it accepts
    path : of one file, which holds the weights too

    Returns
    -------
    int
        Version of ONNX's operators.
    """
    # it tells of operators of torchvision, which no network here uses
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    free = torch.export.Dim.DYNAMIC
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # PyTorch's own, of its own code
        program = torch.onnx.export(
            network,
            (image,),
            dynamo=True,
            verbose=False,
            input_names=["image"],
            output_names=["maps"],
            dynamic_shapes=({0: free, 2: free, 3: free},),
        )
    if program is None:
        raise RuntimeError("expected an ONNX program, got none")
    program.save(path, external_data=False)
    return int(program.model.opset_imports[""])
