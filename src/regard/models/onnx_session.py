"""An ONNX graph ready to run on one thread, or one clear error."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from regard.domain.errors import InvalidInput, Unavailable


def session(where: str, graph: NDArray[np.uint8]) -> Any:
    """The onnxruntime session of the bytes `graph` on one thread; `where` names it in errors."""
    try:
        import onnxruntime
    except ImportError as error:
        raise Unavailable(where, "the package onnxruntime", str(error), "pip install onnxruntime") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(graph.tobytes(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises classes of its own making
        raise InvalidInput(where, "an ONNX graph", str(error)[:200], "Fit the model again.") from error
