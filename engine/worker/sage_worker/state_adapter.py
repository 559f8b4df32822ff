"""Checkpoints of LoRA training: adapters in the format that diffusers' loaders take as it is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from diffusers.loaders.lora_base import LORA_ADAPTER_METADATA_KEY, LORA_WEIGHT_NAME_SAFE
from torch import Tensor

from sage_worker import tensor_files
from sage_worker.optimizer import AdamWState
from sage_worker.state_full import FIRST, SECOND, STEP
from sage_worker.trainable.lora import TRAINED, LoraTrainable

NETWORK = "transformer."
"""Prefix by which diffusers finds the part of a pipeline that an adapter is for."""


def save_adapter_state(folder: Path, trainable: LoraTrainable, optimizer: AdamWState) -> None:
    """Writes `adapter/`, `anchor/` where there is one, and the optimizer's moments; all float32."""
    _write_adapter(folder / "adapter", trainable, trainable.masters)
    if trainable.versions.has_anchor:
        _write_adapter(folder / "anchor", trainable, trainable.anchor_values())
    moments = {FIRST + name: value for name, value in zip(trainable.names, optimizer.first, strict=True)}
    moments |= {SECOND + name: value for name, value in zip(trainable.names, optimizer.second, strict=True)}
    tensor_files.write(folder / "optimizer.safetensors", moments, {STEP: str(optimizer.step)})


def load_adapter_state(folder: Path, trainable: LoraTrainable, optimizer: AdamWState) -> None:
    """Restores what `save_adapter_state` wrote.

    :raises WorkerError: `policy/weights` where the files are of another model or rank
    """
    shapes = {name: value.shape for name, value in zip(trainable.names, trainable.masters, strict=True)}
    adapter, anchor = (folder / name / LORA_WEIGHT_NAME_SAFE for name in ("adapter", "anchor"))
    current = tensor_files.read_named(adapter, shapes, NETWORK)
    anchor_values = tensor_files.read_named(anchor, shapes, NETWORK) if anchor.exists() else None
    file = folder / "optimizer.safetensors"
    first, second = (tensor_files.read_named(file, shapes, prefix) for prefix in (FIRST, SECOND))
    trainable.restore(current, anchor_values)
    optimizer.restore(first, second, tensor_files.step_of(file))


def _write_adapter(folder: Path, trainable: LoraTrainable, values: Sequence[Tensor]) -> None:
    folder.mkdir(exist_ok=True)
    named = {NETWORK + name: value.to(torch.float32) for name, value in zip(trainable.names, values, strict=True)}
    config = trainable.network.peft_config[TRAINED].to_dict()
    settings = {NETWORK + key: sorted(value) if isinstance(value, set) else value for key, value in config.items()}
    metadata = {"format": "pt", LORA_ADAPTER_METADATA_KEY: json.dumps(settings, indent=2, sort_keys=True)}
    tensor_files.write(folder / LORA_WEIGHT_NAME_SAFE, named, metadata)
