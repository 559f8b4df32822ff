"""Checkpoints of full fine-tuning: one file each for Shapes, shards for large models."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader, HuggingFaceStorageWriter
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save

from sage_worker import tensor_files
from sage_worker.distributed import Ranks
from sage_worker.errors import WorkerError
from sage_worker.optimizer import AdamWState
from sage_worker.sharding import as_laid_out, from_whole, local, to_whole
from sage_worker.trainable.full import FullTrainable

FIRST, SECOND = "first_moment:", "second_moment:"
"""Prefixes of the moments' names, as the embedded engine writes them."""
STEP = "step"


def save_whole_state(folder: Path, model: str, trainable: FullTrainable, optimizer: AdamWState, ranks: Ranks) -> None:
    """Writes whole tensors from rank 0, in the files and names of engine/policy/onnx/state.ts."""
    parameters = dict(zip(trainable.names, trainable.parameters, strict=True))

    def whole(parts: Sequence[Tensor], prefix: str = "") -> dict[str, Tensor]:
        pairs = zip(parameters.items(), parts, strict=True)
        return {prefix + name: to_whole(part, like) for (name, like), part in pairs}

    def write(name: str, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
        if ranks.rank == 0:
            tensor_files.write(folder / f"{name}.safetensors", tensors, metadata)

    write("policy", whole(trainable.masters), {"model": model})
    if trainable.versions.has_anchor:
        write("anchor", whole(trainable.anchor_values()), {"model": model})
    moments = whole(optimizer.first, FIRST) | whole(optimizer.second, SECOND)
    write("optimizer", moments, {STEP: str(optimizer.step)})


def load_whole_state(folder: Path, trainable: FullTrainable, optimizer: AdamWState) -> None:
    """Every rank reads the files and keeps its part."""
    shapes = {name: like.shape for name, like in zip(trainable.names, trainable.parameters, strict=True)}

    def read(name: str, prefix: str = "") -> list[Tensor]:
        whole = tensor_files.read_named(folder / f"{name}.safetensors", shapes, prefix)
        return [from_whole(value, like) for value, like in zip(whole, trainable.parameters, strict=True)]

    anchor = read("anchor") if (folder / "anchor.safetensors").exists() else None
    moments = read("optimizer", FIRST), read("optimizer", SECOND)
    trainable.restore(read("policy"), anchor)
    optimizer.restore(*moments, tensor_files.step_of(folder / "optimizer.safetensors"))


def save_sharded_state(folder: Path, trainable: FullTrainable, optimizer: AdamWState, ranks: Ranks) -> None:
    """Every rank writes its shards."""

    def write(name: str, tensors: dict[str, Tensor]) -> None:
        writer = HuggingFaceStorageWriter(str(folder / name), save_distributed=True)
        with _quiet():
            save(tensors, storage_writer=writer, process_group=ranks.group, no_dist=ranks.group is None)

    write("policy", _distributed(trainable, trainable.masters))
    if trainable.versions.has_anchor:
        write("anchor", _distributed(trainable, trainable.anchor_values()))
    write("optimizer", _moments(trainable, optimizer.first, optimizer.second, optimizer.step))


def load_sharded_state(folder: Path, trainable: FullTrainable, optimizer: AdamWState, ranks: Ranks) -> None:
    """Reads the parts that are this rank's, whoever wrote them."""

    def read(name: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        reader = HuggingFaceStorageReader(str(folder / name))
        try:
            with _quiet():
                load(tensors, storage_reader=reader, process_group=ranks.group, no_dist=ranks.group is None)
        except (CheckpointException, RuntimeError, ValueError, KeyError, OSError) as error:
            raise WorkerError(
                "policy/weights",
                f"{folder / name} is no sharded checkpoint of this run's model: {error}",
                "Resume with the model and the adapter that the checkpoint was written with.",
            ) from error
        return tensors

    def empty() -> list[Tensor]:
        return [torch.empty_like(master) for master in trainable.masters]

    def parts(tensors: dict[str, Tensor], prefix: str = "") -> list[Tensor]:
        return [local(tensors[prefix + name]) for name in trainable.names]

    current = read("policy", _distributed(trainable, empty()))
    has_anchor = (folder / "anchor").is_dir()
    anchor = read("anchor", _distributed(trainable, empty())) if has_anchor else None
    moments = read("optimizer", _moments(trainable, empty(), empty(), 0))
    trainable.restore(parts(current), None if anchor is None else parts(anchor))
    optimizer.restore(parts(moments, FIRST), parts(moments, SECOND), int(moments[STEP]))


def _distributed(trainable: FullTrainable, parts: Sequence[Tensor], prefix: str = "") -> dict[str, Tensor]:
    named = zip(trainable.names, parts, trainable.parameters, strict=True)
    return {prefix + name: as_laid_out(part, like) for name, part, like in named}


def _moments(
    trainable: FullTrainable, first: Sequence[Tensor], second: Sequence[Tensor], step: int
) -> dict[str, Tensor]:
    moments = _distributed(trainable, first, FIRST) | _distributed(trainable, second, SECOND)
    return moments | {STEP: torch.tensor([step])}


@contextmanager
def _quiet() -> Iterator[None]:
    """torch.distributed.checkpoint warns where one process saves alone, which is meant."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.distributed is disabled", category=UserWarning)
        yield
