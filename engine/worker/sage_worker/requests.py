"""What the trainer asks of a policy and what it gets; equal in meaning to engine/policy/policy.ts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sage_worker.noise import NoiseKey


@dataclass(frozen=True)
class SampleSpec:
    """One sample of a batch: a prompt and the key of the generator that draws all of its noise."""

    prompt: str
    key: NoiseKey


@dataclass(frozen=True)
class KernelStep:
    """One sampling step x' = a x + b v + s z at noise level sigma.

    The log-probability of a trained step is -logprob_scale mean((x' - mu)^2) + logprob_offset; null elsewhere.
    """

    a: float
    b: float
    s: float
    sigma: float
    logprob_scale: float | None = None
    logprob_offset: float | None = None


@dataclass(frozen=True)
class RolloutRequest:
    """Samples to draw through a table of kernel steps."""

    handle: str
    samples: tuple[SampleSpec, ...]
    steps: tuple[KernelStep, ...]
    trained_steps: tuple[int, ...]
    """Steps whose latents and log-probabilities are kept for replay, ascending; empty for evaluation."""
    guidance: float
    train_guidance: bool
    """Replay the guided velocity (true) or the conditional branch alone (false)."""


@dataclass(frozen=True)
class RolloutResult:
    """[N][K] log-probabilities of the kept steps under the sampling policy, and seconds."""

    log_probs: list[list[float]]
    sample_seconds: float
    decode_seconds: float


@dataclass(frozen=True)
class Replay:
    """One kept step of some samples of a rollout: the micro-batch of the method."""

    samples: tuple[int, ...]
    """By index into the rollout: those of all processes together."""
    step: int
    advantages: tuple[float, ...]
    equalizer: float
    """e_k; multiplies the policy loss only."""


@dataclass(frozen=True)
class ForwardBackwardRequest:
    """Replays that are computed in one go: (sample, step) pairs of several steps share passes through the network."""

    handle: str
    replays: tuple[Replay, ...]
    clip_range: float
    beta: float
    anchor_weight: float
    stepwise_weight: float
    stepwise_estimator: Literal["k1", "k3"]
    use_anchor: bool
    gradient_scale: float
    """The gradient of each replay's mean loss is multiplied by this before it is accumulated: 1 / replays an update."""
    measure_reference: bool = True
    """Whether to measure the drift from the pre-trained model, which costs a forward pass."""


@dataclass(frozen=True)
class ReplayResult:
    """Means over one replay's samples unless a name says otherwise."""

    loss: float
    policy_loss: float
    ratio: float
    ratio_deviation: float
    """max |ratio - 1|."""
    clip_fraction: float
    approx_kl: float
    kl_anchor: float
    """0 without an anchor."""
    kl_step: float
    gradient_norm: float | None
    """Of the gradient of this replay's mean loss, after equalization, before gradient_scale; None where several replays
    were computed in one go, whose gradients have come as one sum."""
    gradient_norm_raw: float | None
    """The same before equalization: gradient_norm / e_k."""
    drift_reference: float | None
    """E|v - v_ref|^2 / E|v_ref|^2 from the pre-trained model; None where it was not measured."""
    drift_anchor: float | None
    """The same from the anchor; None without one."""


@dataclass(frozen=True)
class OptimStepRequest:
    """AdamW's numbers for one update."""

    learning_rate: float
    weight_decay: float
    beta1: float
    beta2: float
    epsilon: float
    max_gradient_norm: float


@dataclass(frozen=True)
class OptimStepResult:
    """Norm of the accumulated gradient before clipping, norm of the parameters' change, and whether it was left out."""

    gradient_norm: float
    update_norm: float
    skipped: bool
    """The gradient was not finite and everything stays as it was."""
