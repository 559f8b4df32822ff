"""Running exported graphs with onnxruntime, with the session options of the embedded engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

Arrays = dict[str, np.ndarray]


def open_session(
    file: Path, threads: int = 2, spin: bool = True, profile: str | None = None
) -> onnxruntime.InferenceSession:
    """A CPU session with all optimisations. Replay is exact because every graph is opened with these options.

    `spin`: threads wait for work in a busy loop, which is faster on an idle machine and slower on a shared one.
    `profile`: the time of every operator is written into a file whose name begins so.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spin else "0")
    if profile is not None:
        options.enable_profiling, options.profile_file_prefix = True, profile
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def run_session(session: onnxruntime.InferenceSession, inputs: Arrays) -> Arrays:
    """All outputs by name."""
    names = [value.name for value in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))
