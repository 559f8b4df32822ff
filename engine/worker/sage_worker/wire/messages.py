"""What the trainer asks for, checked and given its types: JSON's names are those of engine/policy/policy.ts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from sage_worker.noise import NoiseKey
from sage_worker.requests import (
    ForwardBackwardRequest,
    KernelStep,
    OptimStepRequest,
    RolloutRequest,
    SampleSpec,
)
from sage_worker.wire.fields import Fields, MessageFault

PROTOCOL = 1
"""Version of the messages; the trainer speaks with no other."""


@dataclass(frozen=True)
class AdapterRequest:
    """A low-rank adapter in place of full fine-tuning."""

    rank: int
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
class InitRequest:
    """What a run is made with."""

    model: str
    weights: str | None
    frames: int
    height: int
    width: int
    precision: Literal["bf16", "fp32"]
    adapter: AdapterRequest | None
    activation_checkpointing: bool
    guidance_batching: Literal["auto", "batched", "sequential"]
    offload_anchor: bool
    micro_batch: int
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
    scale: int


def read_init(fields: Fields) -> InitRequest:
    """Fields of `init`."""
    sampling = fields.inner("sampling")
    return InitRequest(
        model=fields.text("model"),
        weights=fields.text_or_none("weights"),
        frames=sampling.whole("frames", 1),
        height=sampling.whole("height", 1),
        width=sampling.whole("width", 1),
        precision=cast(Literal["bf16", "fp32"], fields.choice("precision", ("bf16", "fp32"))),
        adapter=_read_adapter(fields.inner_or_none("adapter")),
        activation_checkpointing=fields.flag("activationCheckpointing"),
        guidance_batching=cast(
            Literal["auto", "batched", "sequential"],
            fields.choice("guidanceBatching", ("auto", "batched", "sequential")),
        ),
        offload_anchor=fields.flag("offloadAnchor"),
        micro_batch=fields.whole("microBatch", 1),
        seed=fields.whole("seed"),
        cache=Path(fields.text("cache")),
        scratch=Path(fields.text("scratch")),
        reward=_read_reward(fields.inner_or_none("reward")),
    )


def _read_adapter(fields: Fields | None) -> AdapterRequest | None:
    if fields is None or fields.choice("kind", ("none", "lora")) == "none":
        return None
    return AdapterRequest(rank=fields.whole("rank", 1), alpha=fields.number("alpha"))


def _read_reward(fields: Fields | None) -> RewardRequest | None:
    if fields is None:
        return None
    return RewardRequest(
        models=fields.texts("models"),
        python=fields.text_or_none("python"),
        held_out=fields.texts("heldOut"),
        checkpoints=fields.texts_by_name("checkpoints"),
        base=Path(fields.text("base")),
    )


def read_rollout(fields: Fields) -> RolloutRequest:
    """Fields of `rollout`."""
    return RolloutRequest(
        handle=fields.text("handle"),
        samples=fields.each("samples", _read_sample),
        steps=fields.each("steps", _read_step),
        trained_steps=fields.wholes("trainedSteps"),
        guidance=fields.number("guidance"),
        train_guidance=fields.flag("trainGuidance"),
    )


def _read_sample(fields: Fields) -> SampleSpec:
    key = fields.inner("key")
    return SampleSpec(
        prompt=fields.text("prompt"),
        key=NoiseKey(
            seed=key.whole("seed"),
            stream=key.whole("stream"),
            iteration=key.whole("iteration"),
            prompt=key.whole("prompt"),
            generation=key.whole("generation"),
        ),
    )


def _read_step(fields: Fields) -> KernelStep:
    return KernelStep(
        a=fields.number("a"),
        b=fields.number("b"),
        s=fields.number("s"),
        sigma=fields.number("sigma"),
        logprob_scale=fields.number_or_none("logprobScale"),
        logprob_offset=fields.number_or_none("logprobOffset"),
    )


def read_forward_backward(fields: Fields) -> ForwardBackwardRequest:
    """Fields of `forwardBackward`."""
    request = ForwardBackwardRequest(
        handle=fields.text("handle"),
        samples=fields.wholes("samples"),
        step=fields.whole("step"),
        advantages=fields.numbers("advantages"),
        equalizer=fields.number("equalizer"),
        clip_range=fields.number("clipRange"),
        beta=fields.number("beta"),
        anchor_weight=fields.number("anchorWeight"),
        stepwise_weight=fields.number("stepwiseWeight"),
        stepwise_estimator=cast(Literal["k1", "k3"], fields.choice("stepwiseEstimator", ("k1", "k3"))),
        use_anchor=fields.flag("useAnchor"),
        gradient_scale=fields.number("gradientScale"),
        measure_reference=fields.flag("measureReference"),
    )
    if len(request.samples) != len(request.advantages):
        raise MessageFault(f"{len(request.samples)} samples have {len(request.advantages)} advantages")
    return request


def read_optim_step(fields: Fields) -> OptimStepRequest:
    """Fields of `optimStep`."""
    return OptimStepRequest(
        learning_rate=fields.number("learningRate"),
        weight_decay=fields.number("weightDecay"),
        beta1=fields.number("beta1"),
        beta2=fields.number("beta2"),
        epsilon=fields.number("epsilon"),
        max_gradient_norm=fields.number("maxGradientNorm"),
    )


def read_video_file(fields: Fields) -> VideoFile:
    """One of the `jobs` of `write`."""
    return VideoFile(
        sample=fields.whole("sample"),
        file=Path(fields.text("file")),
        poster=Path(fields.text("poster")),
        scale=fields.whole("scale", 1),
    )
