"""Reading and writing the Shapes weights as safetensors.

`policy.safetensors` holds the velocity network's parameters (float32) and its architecture. `decoder.safetensors` holds
the frozen decoder in half precision: its values are rounded once, and the graph is exported from the rounded values.
"""

from __future__ import annotations

import os
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from sage_worker.shapes.autoencoder import Decoder
from sage_worker.shapes.model import LATENT_SIZE, Architecture, ShapesModel


def _write(tensors: dict[str, torch.Tensor], file: Path, metadata: dict[str, str]) -> None:
    temporary = file.with_suffix(".partial")
    save_file({name: value.detach().contiguous() for name, value in tensors.items()}, temporary, metadata=metadata)
    temporary.chmod(0o644)
    os.replace(temporary, file)


def _read(file: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    with safe_open(file, framework="pt") as handle:
        return {name: handle.get_tensor(name) for name in handle.keys()}, handle.metadata() or {}  # noqa: SIM118


def save_policy(model: ShapesModel, file: Path, extra: dict[str, str]) -> None:
    """Writes the policy's parameters in float32 with its architecture and `extra` as metadata."""
    metadata = {"format": "sage-shapes-policy", "version": "1", "latent_size": str(LATENT_SIZE)}
    tensors = {name: value.float() for name, value in model.named_parameters()}
    _write(tensors, file, {**metadata, **model.arch.metadata(), **extra})


def load_policy(file: Path) -> ShapesModel:
    """Reads what `save_policy` wrote."""
    tensors, metadata = _read(file)
    model = ShapesModel(Architecture.from_metadata(metadata))
    model.load_state_dict(tensors)
    return model


def save_decoder(decoder: Decoder, file: Path, extra: dict[str, str]) -> None:
    """Writes the decoder in float16."""
    tensors = {name: value.half() for name, value in decoder.state_dict().items()}
    _write(tensors, file, {"format": "sage-shapes-decoder", "version": "1", **extra})


def load_decoder(file: Path) -> Decoder:
    """Reads what `save_decoder` wrote, in float32."""
    tensors, _ = _read(file)
    decoder = Decoder()
    decoder.load_state_dict({name: value.float() for name, value in tensors.items()})
    return decoder
