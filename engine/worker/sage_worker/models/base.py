"""What the worker asks of a video generator. Everything else of a model stays in its own module."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

Condition = Any
"""What a model keeps of one encoded prompt (tensors, mostly); only the model that made it looks inside."""


@dataclass(frozen=True)
class VideoFormat:
    """Frames and size of the decoded video in pixels; frames per second of playback."""

    frames: int
    height: int
    width: int
    frames_per_second: float


@dataclass(frozen=True)
class ModelOptions:
    """What a model is loaded with: the config's `policy` and `sampling`, as far as they concern it."""

    weights: str | None
    """Folder or repository in diffusers' layout; None is the released one (for shapes: the packaged file)."""
    frames: int
    height: int
    width: int
    precision: torch.dtype
    """Of weights and activations in a forward pass: bfloat16 or float32."""
    cache: Path
    """Folder of encoded prompts, shared between runs."""
    device: torch.device
    guidance_batching: Literal["auto", "batched", "sequential"] = "auto"
    """Both branches of guidance in one pass, or one after the other; auto decides once, by free memory."""
    rows_per_pass: int = 1
    """Rows in one pass through the network, always: with more, rows with texts of one length share a pass. A model of
    which one row keeps the device busy takes one."""


class VideoModel(Protocol):
    """A flow-matching video generator: velocity v = noise - x0 at noise level sigma in [0, 1] (method.md, notation)."""

    name: str
    format: VideoFormat
    latent_shape: tuple[int, ...]
    """Of one sample, without the batch axis."""
    latent_dtype: torch.dtype
    """In which latents are kept between steps; a step's result makes the round trip before it is used."""
    network: nn.Module
    """The velocity network: what is trained, sharded and given adapters. Its frozen companions are not in it."""
    lora_targets: str | None
    """Regular expression (full match) of the modules of `network` that take an adapter; None where there are none."""

    def blocks(self) -> Sequence[nn.Module]:
        """Parts of `network` that are sharded one by one (FSDP2) and recomputed one by one."""
        ...

    def use_network(self, network: nn.Module) -> None:
        """From here on velocities come from this module: `network` wrapped, compiled or sharded."""
        ...

    def most_rows(self) -> int | None:
        """Rows of `velocity` that share a pass through the network; more would follow each other. None: any number."""
        ...

    def limit_rows(self, rows: int) -> None:
        """From here on no more than so many rows share a pass."""
        ...

    def encode_ahead(self, prompts: Sequence[str]) -> None:
        """Sees to it that `encode` finds the prompts in the cache and loads no encoders; keeps nothing in memory."""
        ...

    def encode(self, prompts: Sequence[str]) -> list[Condition]:
        """Encodes prompts, each once in the life of the cache; frees the encoders' memory when it returns."""
        ...

    def velocity(self, x: Tensor, sigma: Tensor, conditions: Sequence[Condition], guidance: float) -> Tensor:
        """Velocities of x [N, *latent_shape] (float32) at sigma [N], in float32, with gradient where it is enabled.

        guidance 1 is the conditional branch alone; otherwise v_u + guidance (v_c - v_u), both with gradient. A row's
        result must not depend on the other rows: replay takes rows in other company than sampling did.
        """
        ...

    def decode(self, latents: Tensor) -> Tensor:
        """Videos [N, F, H, W, 3] on the CPU of latents [N, *latent_shape]: float32 in [0, 1], or uint8."""
        ...

    def versions(self) -> dict[str, str]:
        """Versions of the libraries that compute the model."""
        ...
