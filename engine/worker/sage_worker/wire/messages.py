"""What the trainer asks for besides sage_worker/requests.py. Fields are read by name and type, as fields.py says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sage_worker.requests import ForwardBackwardRequest
from sage_worker.wire.fields import Fields, MessageFault, Positive, read

PROTOCOL = 1
"""Version of the messages; the trainer speaks with no other."""


@dataclass(frozen=True)
class AdapterRequest:
    """A low-rank adapter in place of full fine-tuning, or none."""

    kind: Literal["none", "lora"]
    rank: Positive
    alpha: float


@dataclass(frozen=True)
class RewardRequest:
    """What scores the videos, and what only watches them."""

    models: tuple[str, ...]
    python: str | None
    """`FILE.py:function` of the user's own reward."""
    held_out: tuple[str, ...]
    checkpoints: dict[str, str]
    """Where a model's weights are, where not in their published place: a folder or a repository, by model."""
    base: Path
    """Folder in which relative paths start."""


@dataclass(frozen=True)
class SamplingRequest:
    """Size of the videos."""

    frames: Positive
    height: Positive
    width: Positive


@dataclass(frozen=True)
class InitRequest:
    """What a run is made with."""

    model: str
    weights: str | None
    sampling: SamplingRequest
    precision: Literal["bf16", "fp32"]
    adapter: AdapterRequest
    activation_checkpointing: bool
    guidance_batching: Literal["auto", "batched", "sequential"]
    offload_anchor: bool
    rows_per_pass: Positive
    """Through the network, where the model takes so many and memory has room for them."""
    seed: int
    cache: Path
    scratch: Path
    """Files that only cross from one process to the other; emptied when the worker ends."""
    reward: RewardRequest | None


@dataclass(frozen=True)
class VideoFile:
    """Where one sample's video and its poster go, and how much each pixel is enlarged."""

    sample: int
    file: Path
    poster: Path
    scale: Positive


def read_forward_backward(fields: Fields) -> ForwardBackwardRequest:
    """Fields of `forwardBackward`: replays, in each of which every sample has its advantage."""
    request = read(ForwardBackwardRequest, fields)
    if not request.replays:
        raise MessageFault("there are no replays")
    for replay in request.replays:
        if len(replay.samples) != len(replay.advantages) or not replay.samples:
            raise MessageFault(f"{len(replay.samples)} samples have {len(replay.advantages)} advantages")
    return request
