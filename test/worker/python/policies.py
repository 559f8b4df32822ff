"""Small policies, requests and kernel tables that several tests of the worker share."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sage_worker.models.base import Condition, ModelOptions, VideoFormat, VideoModel
from sage_worker.models.load import load_model
from sage_worker.models.shapes import load_shapes
from sage_worker.policy import (
    Adapter,
    ForwardBackwardRequest,
    KernelStep,
    NoiseKey,
    OptimStepRequest,
    PolicyOptions,
    Replay,
    ReplayResult,
    RolloutRequest,
    RolloutResult,
    SampleSpec,
    TorchPolicy,
)

# Made by method_vectors.mjs from engine/method.
METHOD = json.loads((Path(__file__).parent / "method_vectors.json").read_text())
KERNELS = ("sage", "flow_grpo", "dance_grpo", "cps", "ode")
PROMPTS = ("a red circle moving left", "a blue square moving up", "a cyan triangle moving down")
LORA = Adapter(rank=4, alpha=6)
CPU = torch.device("cpu")


def kernel_steps(kernel: str, steps: int = 6) -> tuple[KernelStep, ...]:
    """The engine's table of a kernel: shift 3, eta 0.6, no noise at the last step."""
    found = next(one for one in METHOD["tables"] if one["kernel"] == kernel and one["steps"] == steps)
    names = ("a", "b", "s", "sigma", "logprob_scale", "logprob_offset")
    return tuple(KernelStep(**{name: row[name] for name in names}) for row in found["table"])


def samples(prompts: int = 2, generations: int = 4, iteration: int = 0) -> tuple[SampleSpec, ...]:
    """Every prompt of the first few with its generations."""
    return tuple(
        SampleSpec(PROMPTS[p], NoiseKey(seed=11, stream=0, iteration=iteration, prompt=p, generation=g))
        for p in range(prompts)
        for g in range(generations)
    )


def model_options(**changed: object) -> ModelOptions:
    """Options of a small model in float32 on the CPU."""
    options: dict[str, object] = {
        "weights": None,
        "frames": 9,
        "height": 16,
        "width": 16,
        "precision": torch.float32,
        "cache": Path("cache"),
        "device": CPU,
    }
    return ModelOptions(**{**options, **changed})  # type: ignore[arg-type]


def shapes_policy(rows: int = 4, **options: object) -> TorchPolicy:
    """The packaged Shapes model, trained in full."""
    return TorchPolicy(load_shapes(model_options()), policy_options(rows=rows, **options))


def policy_options(**changed: object) -> PolicyOptions:
    """Full fine-tuning in float32."""
    options: dict[str, object] = {"adapter": None, "precision": torch.float32, "rows": 4}
    return PolicyOptions(**{**options, **changed})  # type: ignore[arg-type]


def roll_out(
    policy: TorchPolicy, handle: str = "rollout", **changed: object
) -> tuple[RolloutResult, dict[int, Tensor]]:
    """A rollout by the sage kernel, and its videos by sample."""
    request: dict[str, object] = {
        "handle": handle,
        "samples": samples(),
        "steps": kernel_steps("sage"),
        "trained_steps": (0, 1, 3),
        "guidance": 1.0,
        "train_guidance": True,
    }
    videos: dict[int, Tensor] = {}

    def keep(indices: list[int], pixels: Tensor) -> None:
        videos.update(zip(indices, pixels, strict=True))

    result = policy.rollout(RolloutRequest(**{**request, **changed}), keep, lambda *_: None)  # type: ignore[arg-type]
    return result, videos


def replay_of(of: Sequence[int], step: int = 1, **changed: Any) -> Replay:
    """One step of some samples, with advantages of either sign."""
    advantages = tuple(1.5 * math.cos(2.0 * i + 0.3) for i in of)
    return Replay(**{"samples": tuple(of), "step": step, "advantages": advantages, "equalizer": 1.7, **changed})


def replays(policy: TorchPolicy, *together: Replay, **changed: object) -> list[ReplayResult]:
    """Some replays computed in one go."""
    request: dict[str, object] = {
        "handle": "rollout",
        "replays": together,
        "clip_range": 1e-4,
        "beta": 1e-3,
        "anchor_weight": 1.0,
        "stepwise_weight": 0.1,
        "stepwise_estimator": "k3",
        "use_anchor": True,
        "gradient_scale": 1.0,
    }
    return policy.forward_backward(ForwardBackwardRequest(**{**request, **changed}))  # type: ignore[arg-type]


def forward_backward(policy: TorchPolicy, of: Sequence[int] = (0, 1, 2, 3), **changed: Any) -> ReplayResult:
    """One replay by itself."""
    own = {name: changed.pop(name) for name in ("step", "samples", "advantages", "equalizer") if name in changed}
    (result,) = replays(policy, replay_of(of, **own), **changed)
    return result


ADAMW = OptimStepRequest(
    learning_rate=3e-4, weight_decay=0.01, beta1=0.9, beta2=0.999, epsilon=1e-8, max_gradient_norm=1.0
)


def update(policy: TorchPolicy, of: Sequence[int] = (0, 1, 2, 3), **changed: Any) -> ReplayResult:
    """One micro-batch and one optimizer step."""
    result = forward_backward(policy, of, **changed)
    policy.optim_step(ADAMW)
    return result


def real_policy(
    name: str, folder: Path, cache: Path, group: object = None, adapter: Adapter | None = LORA, **options: Any
) -> TorchPolicy:
    """A tiny instance of a real model from its folder. Options go to the model, the policy or both, by their names."""

    def of(kind: type) -> dict[str, Any]:
        names = {field.name for field in fields(kind)}
        return {name: value for name, value in options.items() if name in names}

    model = load_model(name, model_options(weights=str(folder), cache=cache, **of(ModelOptions)))
    return TorchPolicy(model, policy_options(adapter=adapter, **of(PolicyOptions)), group)  # type: ignore[arg-type]


class TinyVideo:
    """A `VideoModel` of a few dozen parameters whose mathematics a test can repeat in float64."""

    name = "tiny"
    format = VideoFormat(frames=2, height=1, width=1, frames_per_second=8.0)
    latent_shape: tuple[int, ...] = (2, 3)
    latent_dtype = torch.float32
    lora_targets: str | None = None

    def __init__(self) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(5)
            self.network: nn.Module = nn.Sequential(nn.Linear(8, 7), nn.Tanh(), nn.Linear(7, 6))

    def blocks(self) -> Sequence[nn.Module]:
        return []

    def use_network(self, network: nn.Module) -> None:
        self.network = network

    def most_rows(self) -> None:
        pass

    def limit_rows(self, rows: int) -> None:
        pass

    def encode_ahead(self, prompts: Sequence[str]) -> None:
        self.encode(prompts)

    def encode(self, prompts: Sequence[str]) -> list[Condition]:
        return [torch.tensor(float(len(prompt)) / 24) for prompt in prompts]

    def velocity(self, x: Tensor, sigma: Tensor, conditions: Sequence[Condition], guidance: float) -> Tensor:
        words = torch.stack(list(conditions)).to(x.dtype)

        def branch(condition: Tensor) -> Tensor:
            velocity: Tensor = self.network(torch.cat([x.flatten(1), sigma[:, None], condition[:, None]], dim=1))
            return velocity.reshape(x.shape)

        if guidance == 1:
            return branch(words)
        unconditional = branch(torch.zeros_like(words))
        return unconditional + guidance * (branch(words) - unconditional)

    def decode(self, latents: Tensor) -> Tensor:
        return latents.reshape(len(latents), 2, 1, 1, 3).clamp(0, 1)

    def versions(self) -> dict[str, str]:
        return {}


def as_video_model(model: TinyVideo) -> VideoModel:
    """The type checker sees that the tiny model is one."""
    return model
