"""What may be trained where there is no GPU: small models of one's own, and nothing that would be downloaded for it."""

from __future__ import annotations

from pathlib import Path

import torch

from sage_worker.errors import WorkerError
from sage_worker.models.base import ModelOptions
from sage_worker.models.pipeline_folder import REPOSITORY, Published, part_config, quiet

MOST_PARAMETERS = 100_000_000
"""Of a transformer that a CPU is let train."""


def require_gpu(options: ModelOptions, published: Published) -> None:
    """Refuses a large model on a CPU, before anything of it is downloaded or read.

    :raises WorkerError: unless there is a GPU, or the weights are a folder with a small transformer; what else may be
        wrong with them is left to the loading
    """
    if options.device.type != "cpu":
        return
    name = options.weights if options.weights is not None else published.repository
    folder = Path(name).expanduser()
    if folder.is_dir():
        parameters = count_parameters(folder, published)
        if parameters is None or parameters < MOST_PARAMETERS:
            return
        what = f"{folder} holds a transformer of {parameters / 1e9:.1f} billion parameters"
    elif REPOSITORY.fullmatch(name):
        what = f"{name} would have to be downloaded for it"
    else:
        return
    raise WorkerError(
        "policy/no-gpu",
        f"PyTorch finds no GPU on this machine, and {published.title} is too large for a CPU: {what}.",
        "Train on a machine with a CUDA GPU; the doctor says what this one lacks. A CPU trains a model "
        f"of less than {MOST_PARAMETERS // 1_000_000} million parameters, given as a folder in policy.weights.",
    )


def count_parameters(folder: Path, published: Published) -> int | None:
    """Parameters of the transformer that its config describes; None where that is none of the model."""
    import diffusers

    quiet()
    kind = getattr(diffusers, str(published.parts["transformer"]))
    try:
        with torch.device("meta"):
            transformer = kind.from_config(part_config(folder, "transformer", published))
    except (WorkerError, ArithmeticError, AttributeError, RuntimeError, TypeError, ValueError):
        return None
    return sum(parameter.numel() for parameter in transformer.parameters())
