"""Checkpoints of LoRA training: adapters in the format that diffusers' loaders take as it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from sage_worker import tensor_files
from sage_worker.models.adapters import FILE, PREFIX, adapter_metadata
from sage_worker.optimizer import AdamWState
from sage_worker.state_full import FIRST, SECOND, STEP
from sage_worker.trainable.lora import TRAINED, LoraTrainable


def save_adapter_state(folder: Path, trainable: LoraTrainable, optimizer: AdamWState) -> None:
    """Writes `adapter/`, `anchor/` where there is one, and the optimizer's moments; all float32."""
    _write(folder / "adapter", trainable, trainable.masters)
    if trainable.versions.has_anchor:
        _write(folder / "anchor", trainable, trainable.anchor_values())
    moments = {FIRST + name: value for name, value in zip(trainable.names, optimizer.first, strict=True)}
    moments |= {SECOND + name: value for name, value in zip(trainable.names, optimizer.second, strict=True)}
    tensor_files.write(folder / "optimizer.safetensors", moments, {STEP: str(optimizer.step)})


def load_adapter_state(folder: Path, trainable: LoraTrainable, optimizer: AdamWState) -> None:
    """Restores what `save_adapter_state` wrote.

    :raises WorkerError: `policy/weights` where the files are of another model or rank
    """
    shapes = {name: value.shape for name, value in zip(trainable.names, trainable.masters, strict=True)}
    adapter, anchor = (folder / name / FILE for name in ("adapter", "anchor"))
    current = tensor_files.read_named(adapter, shapes, f"{PREFIX}.")
    anchor_values = tensor_files.read_named(anchor, shapes, f"{PREFIX}.") if anchor.exists() else None
    file = folder / "optimizer.safetensors"
    first, second = (tensor_files.read_named(file, shapes, prefix) for prefix in (FIRST, SECOND))
    trainable.restore(current, anchor_values)
    optimizer.restore(first, second, tensor_files.step_of(file))


def _write(folder: Path, trainable: LoraTrainable, values: Sequence[Tensor]) -> None:
    # The masters, not the network's rounded copies of them.
    folder.mkdir(exist_ok=True)
    named = {f"{PREFIX}.{name}": value for name, value in zip(trainable.names, values, strict=True)}
    tensor_files.write(folder / FILE, named, adapter_metadata(trainable.network, TRAINED))
