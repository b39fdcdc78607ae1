"""Exporting: a module as an ONNX graph, so that what serves needs no torch."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from typing import Any

import onnx  # noqa: F401  (the exporter needs it; better missed before training than after)
import torch
from torch import Tensor, nn

OPSET = 17
Axes = Mapping[str, Mapping[int, str]]  # by name: the axes whose length may differ


def exported(module: nn.Module, example: Mapping[str, Tensor], outputs: Axes, axes: Axes) -> bytes:
    """The graph of `module` in evaluation mode, with the inputs of `example` by name and the named `outputs`."""
    file: Any = io.BytesIO()  # the tracing exporter writes to files, too; its type says names only
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter is old, small and needs no other package than onnx
        torch.onnx.export(
            module.eval(),
            tuple(example.values()),
            file,
            input_names=list(example),
            output_names=list(outputs),
            dynamic_axes={name: dict(own) for name, own in {**axes, **outputs}.items() if own},
            opset_version=OPSET,
            dynamo=False,
        )
    graph: bytes = file.getvalue()
    return graph
