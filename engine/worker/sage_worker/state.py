"""Checkpoints of a policy: weights, anchor, optimizer and the random states of every rank.

| trained | files |
|---|---|
| LoRA | `adapter/` and `anchor/` in diffusers' format, `optimizer.safetensors` |
| all of Shapes | `policy.safetensors`, `anchor.safetensors`, `optimizer.safetensors`, as the embedded engine |
| all of another model | shards in `policy/`, `anchor/`, `optimizer/` by torch.distributed.checkpoint, as safetensors |

and `rng.safetensors`. There is no anchor's file where the anchor is the pre-trained model. Any number of processes
reads what any other number wrote.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from sage_worker import tensor_files
from sage_worker.distributed import Ranks, gather_objects, wait_for_all
from sage_worker.models.base import VideoModel
from sage_worker.optimizer import AdamWState
from sage_worker.random_states import random_states, restore_random_states
from sage_worker.state_full import load_sharded_state, load_whole_state, save_sharded_state, save_whole_state
from sage_worker.trainable.base import Trainable
from sage_worker.trainable.full import FullTrainable

RNG_FILE = "rng.safetensors"


def save_state(folder: Path, model: VideoModel, trainable: Trainable, optimizer: AdamWState, ranks: Ranks) -> list[str]:
    """Writes everything into an existing, empty folder; returns the files' paths relative to it, on every rank."""
    if not isinstance(trainable, FullTrainable):
        if ranks.rank == 0:
            _adapter_files().save_adapter_state(folder, trainable, optimizer)
    elif model.name == "shapes":
        save_whole_state(folder, model.name, trainable, optimizer, ranks)
    else:
        save_sharded_state(folder, trainable, optimizer, ranks)
    states = gather_objects(random_states(), ranks)
    if ranks.rank == 0:
        named = {f"{name}:{rank}": state for rank, mine in enumerate(states) for name, state in mine.items()}
        tensor_files.write(folder / RNG_FILE, named, {})
    wait_for_all(ranks)
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*.safetensors"))


def load_state(folder: Path, model: VideoModel, trainable: Trainable, optimizer: AdamWState, ranks: Ranks) -> None:
    """Restores what `save_state` wrote, in place.

    :raises WorkerError: `policy/weights` where the checkpoint is of another model or another kind of training
    """
    if not isinstance(trainable, FullTrainable):
        _adapter_files().load_adapter_state(folder, trainable, optimizer)
    elif model.name == "shapes":
        load_whole_state(folder, trainable, optimizer)
    else:
        load_sharded_state(folder, trainable, optimizer, ranks)
    # A checkpoint of the embedded engine has none, and one of fewer processes none of this one.
    if (folder / RNG_FILE).exists():
        found = tensor_files.read(folder / RNG_FILE)[0]
        mine = {name.removesuffix(f":{ranks.rank}"): state for name, state in found.items()}
        restore_random_states({name: state for name, state in mine.items() if ":" not in name})


def _adapter_files() -> ModuleType:
    # Shapes needs neither peft nor diffusers.
    from sage_worker import state_adapter

    return state_adapter
