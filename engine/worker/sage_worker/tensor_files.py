"""safetensors files of a checkpoint: written whole or not at all, read with an answer to what does not fit."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from sage_worker.errors import WorkerError


def write(file: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str]) -> None:
    """Writes tensors of any device; a reader never sees half a file. The same tensors make the same bytes."""
    temporary = file.with_suffix(".partial")
    on_cpu = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    save_file(on_cpu, temporary, metadata=metadata)
    _sort_metadata(temporary)
    temporary.chmod(0o644)
    os.replace(temporary, file)


def _sort_metadata(file: Path) -> None:
    """Puts the metadata into the order of their names; safetensors writes them in a random one."""
    with file.open("r+b") as handle:
        length = int.from_bytes(handle.read(8), "little")
        header = json.loads(handle.read(length))
        header["__metadata__"] = dict(sorted(header.get("__metadata__", {}).items()))
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        handle.seek(8)
        # The header ends in spaces, so that the tensors are aligned.
        handle.write(text.ljust(length))
        if handle.tell() != 8 + length:
            raise ValueError(f"the header of {file} has {length} bytes, which is too short for {len(text)}")


def read(file: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors on the CPU and metadata.

    :raises WorkerError: `policy/weights` where the file is missing or broken
    """
    try:
        with safe_open(file, framework="pt") as handle:
            return {name: handle.get_tensor(name) for name in handle.keys()}, handle.metadata() or {}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise _other(file, str(error)) from error


def read_named(file: Path, shapes: Mapping[str, torch.Size], prefix: str = "") -> list[Tensor]:
    """The float32 tensors of the given names and shapes, in their order; names in the file begin with the prefix.

    :raises WorkerError: `policy/weights` where one is missing or has another shape or dtype
    """
    tensors, _ = read(file)
    found = []
    for name, shape in shapes.items():
        value = tensors.get(prefix + name)
        if value is None or value.dtype != torch.float32 or value.shape != shape:
            raise _other(file, f'there is no float32 tensor "{prefix}{name}" of shape {list(shape)}')
        found.append(value)
    return found


def step_of(file: Path) -> int:
    """Number of updates that an optimizer's file says.

    :raises WorkerError: `policy/weights` where it says none
    """
    step = read(file)[1].get("step", "")
    if not step.isdecimal():
        raise _other(file, "its metadata names no step")
    return int(step)


def _other(file: Path, reason: str) -> WorkerError:
    return WorkerError(
        "policy/weights",
        f"{file} is not of this run's model and adapter: {reason}.",
        "Resume with the model, the adapter and its rank that the checkpoint was written with.",
    )
