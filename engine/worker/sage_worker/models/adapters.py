"""Trained adapters in the format in which LoRA weights of diffusers' models are published.

One file, pytorch_lora_weights.safetensors, whose names begin with "transformer.", and whose metadata hold the peft
configuration (rank, alpha, targets) under names of the same kind. diffusers loads the folder by
`pipeline.load_lora_weights(folder)` where the pipeline has that method, and by
`transformer.load_lora_adapter(folder, weight_name="pytorch_lora_weights.safetensors")` everywhere. Without a
weight_name the latter looks for a pickle, and given the file's path it drops the metadata and takes the rank for alpha.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from sage_worker.errors import WorkerError

FILE = "pytorch_lora_weights.safetensors"
PREFIX = "transformer"
METADATA = "lora_adapter_metadata"


def adapter_state(
    network: Any, adapter_name: str = "default", state: dict[str, Tensor] | None = None, prefix: str | None = PREFIX
) -> dict[str, Tensor]:
    """The adapter's tensors on the CPU under their published names, without the adapter's name.

    `state` takes the place of `network.state_dict()`, e.g. where shards were gathered. With prefix None the names are
    those of `network.save_lora_adapter`, which `load_lora_adapter(prefix=None)` reads.
    """
    from peft.utils import get_peft_model_state_dict

    tensors = get_peft_model_state_dict(network, state_dict=state, adapter_name=adapter_name)
    start = "" if prefix is None else f"{prefix}."
    return {f"{start}{name}": tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def adapter_metadata(network: Any, adapter_name: str = "default", prefix: str | None = PREFIX) -> dict[str, str]:
    """Metadata of the file: the adapter's peft configuration as JSON."""
    config = network.peft_config[adapter_name].to_dict()
    start = "" if prefix is None else f"{prefix}."
    plain = {f"{start}{key}": sorted(value) if isinstance(value, set) else value for key, value in config.items()}
    return {"format": "pt", METADATA: json.dumps(plain, indent=2, sort_keys=True)}


def save_adapter(
    folder: Path, network: Any, adapter_name: str = "default", state: dict[str, Tensor] | None = None
) -> Path:
    """Writes the adapter into the folder, whole or not at all, and returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{FILE}.{os.getpid()}.part"
    save_file(adapter_state(network, adapter_name, state), draft, metadata=adapter_metadata(network, adapter_name))
    os.replace(draft, folder / FILE)
    return folder / FILE


def read_adapter(folder: Path) -> dict[str, Tensor]:
    """Tensors of a saved adapter under their names in the network, e.g. `transformer_blocks.0.attn.to_q.lora_A.weight`.

    Raises WorkerError where there is no adapter.
    """
    try:
        with safe_open(folder / FILE, framework="pt") as store:
            return {name.removeprefix(f"{PREFIX}."): store.get_tensor(name) for name in store.keys()}  # noqa: SIM118
    except Exception as error:
        message = f"{folder / FILE} cannot be read: {error}"
        raise WorkerError("policy/adapter", message, "Resume from another checkpoint.") from error
