"""The policy: what the trainer may ask of a video generator (engine/policy/policy.ts), on PyTorch."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from sage_worker.device import device_name
from sage_worker.distributed import Ranks, ranks_of, wait_for_all
from sage_worker.models.base import Condition, VideoModel
from sage_worker.noise import NoiseKey
from sage_worker.optimizer import GradientSum, create_adamw, step_adamw
from sage_worker.random_states import seed_all
from sage_worker.recompute import recompute_blocks
from sage_worker.replay import replay
from sage_worker.requests import (
    ForwardBackwardRequest,
    KernelStep,
    OptimStepRequest,
    OptimStepResult,
    Replay,
    ReplayResult,
    RolloutRequest,
    RolloutResult,
    SampleSpec,
)
from sage_worker.rollout import OnProgress, OnVideos, Trajectories, roll_out
from sage_worker.rows import rows_in_memory
from sage_worker.sharding import forget_pass
from sage_worker.state import load_state, save_state
from sage_worker.trainable.base import Adapter, Prepare, Trainable
from sage_worker.trainable.full import FullTrainable

__all__ = [
    "Adapter",
    "ForwardBackwardRequest",
    "KernelStep",
    "NoiseKey",
    "OptimStepRequest",
    "OptimStepResult",
    "PolicyOptions",
    "Replay",
    "ReplayResult",
    "RolloutRequest",
    "RolloutResult",
    "SampleSpec",
    "TorchPolicy",
]


@dataclass(frozen=True)
class PolicyOptions:
    """How a model is trained."""

    adapter: Adapter | None
    """None trains all parameters."""
    precision: torch.dtype
    """Of forward and backward passes: bfloat16 or float32. Masters, reductions and loss are float32 in any case."""
    rows: int
    """Of a pass through the network, where the model takes so many and memory has room for them."""
    activation_checkpointing: bool = False
    """Only the inputs of each block are kept for the backward pass."""
    seed: int = 0
    offload_anchor: bool = True
    """Full fine-tuning: anchor and pre-trained weights rest in the CPU's memory."""
    prepare: Prepare | None = None
    """What is done to the model between adding adapters and sharding, such as compiling its blocks."""


def _trainable(model: VideoModel, options: PolicyOptions, ranks: Ranks) -> Trainable:
    if options.adapter is None:
        return FullTrainable(model, options.precision, ranks, options.offload_anchor, options.prepare)
    # Shapes needs neither peft nor diffusers.
    from sage_worker.trainable.lora import LoraTrainable

    return LoraTrainable(model, options.adapter, options.precision, options.seed, ranks, options.prepare)


class TorchPolicy:
    """One per process (rank); every rank makes the same calls in the same order."""

    def __init__(self, model: VideoModel, options: PolicyOptions, group: dist.ProcessGroup | None = None) -> None:
        self.model = model
        self.options = options
        self.ranks = ranks_of(group)
        if options.activation_checkpointing:
            recompute_blocks(model.blocks())
        self.trainable = _trainable(model, options, self.ranks)
        self.optimizer = create_adamw(self.trainable)
        seed_all(options.seed + self.ranks.rank)
        self._rows = min(options.rows, model.most_rows() or options.rows)
        """Of every pass of a run, of sampling and replay alike: a row's bits may depend on how many there are."""
        self._fits = False
        self._gradient = GradientSum()
        self._trajectories: dict[str, Trajectories] = {}

    def describe(self) -> dict[str, Any]:
        """The trainer's PolicyDescription, in its own key names."""
        video = self.model.format
        return {
            "model": self.model.name,
            "backend": "torch",
            "device": device_name(self._device, self.ranks.size),
            "parameters": self.trainable.count(),
            "threads": torch.get_num_threads(),
            "latentShape": list(self.model.latent_shape),
            "video": {
                "frames": video.frames,
                "height": video.height,
                "width": video.width,
                "framesPerSecond": video.frames_per_second,
            },
            "versions": {"python": platform.python_version(), "torch": torch.__version__, **self.model.versions()},
        }

    def encode_prompts(self, prompts: Sequence[str]) -> None:
        """Sees to it that the encodings of prompts are in the cache, so that a rollout loads no encoders."""
        with self._random_numbers_kept():
            if self.ranks.rank == 0:
                self.model.encode_ahead(list(dict.fromkeys(prompts)))
            wait_for_all(self.ranks)

    def rollout(self, request: RolloutRequest, on_videos: OnVideos, progress: OnProgress) -> RolloutResult:
        """Samples latents through the kernel table, decodes them, keeps what replay needs under the request's handle.

        `on_videos` gets this rank's videos as soon as a pass is decoded.
        """
        conditions = self._encode([sample.prompt for sample in request.samples])
        with self._unchanged_by_failure():
            self._see_what_fits(conditions[:1], request.guidance)
            trajectories, result = roll_out(
                self.model, request, conditions, self._rows, self.ranks, on_videos, progress
            )
        if request.trained_steps:
            self._trajectories[request.handle] = trajectories
        return result

    def forward_backward(self, request: ForwardBackwardRequest) -> list[ReplayResult]:
        """Replays kept steps of some samples, accumulates the gradient of the losses; what fails changes nothing."""
        trajectories = self._trajectories.get(request.handle)
        # Found here a fault is one on every rank, and none waits for another.
        for replayed in request.replays:
            if trajectories is None or replayed.step not in trajectories.steps:
                raise ValueError(f"step {replayed.step} of {request.handle} was not kept for replay")
            total = len(trajectories.conditions)
            if any(sample >= total for sample in replayed.samples):
                raise ValueError(f"{request.handle} has {total} samples, and none of index {max(replayed.samples)}")
        assert trajectories is not None
        with self._unchanged_by_failure():
            results, gradients = replay(self.model, self.trainable, trajectories, request, self._rows, self.ranks)
        self._gradient.add(gradients, request.gradient_scale)
        return results

    def _see_what_fits(self, conditions: Sequence[Condition], guidance: float) -> None:
        """Once in a run: whether memory has room for the wanted rows, by a forward and backward pass of one."""
        if self._fits or not conditions:
            return
        self._fits = True

        def one_row() -> None:
            x = torch.zeros((1, *self.model.latent_shape), device=self._device)
            sigma = torch.full((1,), 0.5, device=self._device)
            velocity = self.model.velocity(x, sigma, conditions, guidance)
            velocity.square().mean().backward()  # type: ignore[no-untyped-call]
            self.trainable.take_gradients()

        self._rows = rows_in_memory(self._rows, self._device, self.ranks, one_row)
        self.model.limit_rows(self._rows)

    @contextmanager
    def _unchanged_by_failure(self) -> Iterator[None]:
        """Whoever catches what is raised within, memory that ran out, may go on with the policy as it was."""
        try:
            yield
        except BaseException:
            forget_pass(self.model.network)
            raise

    def optim_step(self, request: OptimStepRequest) -> OptimStepResult:
        """Clips the accumulated gradient, steps AdamW, clears the gradient."""
        return step_adamw(self.optimizer, self.trainable, self._gradient.take(self.trainable.masters), request)

    def set_anchor(self) -> None:
        """Copies the current weights into the anchor."""
        self.trainable.set_anchor()

    def release(self, handle: str) -> None:
        """Forgets the trajectories of a rollout."""
        self._trajectories.pop(handle, None)

    def save_state(self, folder: Path) -> list[str]:
        """Writes weights, anchor, optimizer and random states into an existing folder; returns the files' names."""
        return save_state(folder, self.model, self.trainable, self.optimizer, self.ranks)

    def load_state(self, folder: Path) -> None:
        """Restores what `save_state` wrote, on any number of processes."""
        load_state(folder, self.model, self.trainable, self.optimizer, self.ranks)

    def _encode(self, prompts: Sequence[str]) -> list[Condition]:
        """Conditions by sample; the first rank encodes what the cache lacks before the others read it."""
        unique = list(dict.fromkeys(prompts))
        with self._random_numbers_kept():
            if self.ranks.rank == 0:
                encoded = self.model.encode(unique)
            wait_for_all(self.ranks)
            if self.ranks.rank != 0:
                encoded = self.model.encode(unique)
        by_prompt = dict(zip(unique, encoded, strict=True))
        return [by_prompt[prompt] for prompt in prompts]

    def _random_numbers_kept(self) -> AbstractContextManager[None]:
        # Encoders that are loaded draw random numbers; whether they are depends on what other runs have left.
        return torch.random.fork_rng(devices=[self._device] if self._device.type == "cuda" else [])

    @property
    def _device(self) -> torch.device:
        return next(self.model.network.parameters()).device
