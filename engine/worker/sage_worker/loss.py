"""The SAGE-GRPO loss of one kernel step, for any policy. Written once; the embedded engine runs its exported graph.

Formulae: method.md, "Log-probability" and "Loss at (sample i, step k)". Log-probabilities are averaged over the
latent's elements. N is the number of samples, D the latent's size.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class StepInputs(NamedTuple):
    """What the loss needs about one kernel step, besides the velocity. Scalars are tensors without axes."""

    x: Tensor
    x_next: Tensor
    a: Tensor
    b: Tensor
    logprob_scale: Tensor
    logprob_offset: Tensor
    logprob_old: Tensor
    advantage: Tensor
    weight: Tensor
    equalizer: Tensor
    clip: Tensor
    beta: Tensor
    anchor_weight: Tensor
    stepwise_weight: Tensor
    stepwise_k3: Tensor
    kl_scale: Tensor
    velocity_anchor: Tensor
    velocity_reference: Tensor


class StepOutputs(NamedTuple):
    """Per-sample terms [N], drift sums [2] and the scalar loss, in the order of the graph's outputs."""

    logprob: Tensor
    ratio: Tensor
    policy_loss: Tensor
    clipped: Tensor
    approx_kl: Tensor
    kl_anchor: Tensor
    kl_step: Tensor
    drift_reference: Tensor
    drift_anchor: Tensor
    loss: Tensor


def transition_mean(velocity: Tensor, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Mean of the kernel step, a x + b v; [N, D]."""
    return a[:, None] * x + b[:, None] * velocity


def log_probability(
    velocity: Tensor, x: Tensor, x_next: Tensor, a: Tensor, b: Tensor, scale: Tensor, offset: Tensor
) -> Tensor:
    """-scale mean((x' - mu)^2) + offset; [N]. The kernel's constants are in `scale` and `offset`."""
    residual = x_next - transition_mean(velocity, x, a, b)
    return offset - scale * (residual * residual).mean(dim=1)


def clipped_surrogate(ratio: Tensor, advantage: Tensor, clip: Tensor) -> tuple[Tensor, Tensor]:
    """max(-A r, -A clip(r)) and whether the clip binds (then the term has no gradient); both [N]."""
    free = -advantage * ratio
    bound = -advantage * torch.minimum(torch.maximum(ratio, 1.0 - clip), 1.0 + clip).detach()
    binds = bound > free
    return torch.where(binds, bound, free), binds.to(ratio.dtype)


def expm1_minus(d: Tensor) -> Tensor:
    """exp(d) - 1 - d >= 0. Near zero by its series: in single precision the difference would be rounding error."""
    series = d * d * (0.5 + d * (1.0 / 6.0 + d * (1.0 / 24.0 + d * (1.0 / 120.0))))
    return torch.where(d.abs() < 0.1, series, torch.exp(d) - 1.0 - d)


def drift(velocity: Tensor, base: Tensor, weight: Tensor) -> Tensor:
    """[sum w |v - base|^2, sum w |base|^2]: the caller divides."""
    difference = velocity - base
    numerator = (weight * (difference * difference).sum(dim=1)).sum()
    denominator = (weight * (base * base).sum(dim=1)).sum()
    return torch.stack([numerator, denominator])


def step_loss(velocity: Tensor, step: StepInputs) -> StepOutputs:
    """Loss of one step of SAGE-GRPO for N samples.

    loss = sum_i weight_i (equalizer L_pg_i + beta (anchor_weight KL_anchor_i + stepwise_weight KL_step_i))
    """
    logprob = log_probability(velocity, step.x, step.x_next, step.a, step.b, step.logprob_scale, step.logprob_offset)
    change = logprob - step.logprob_old
    ratio = torch.exp(change)
    policy_loss, clipped = clipped_surrogate(ratio, step.advantage, step.clip)
    kl_3 = expm1_minus(change)
    kl_step = step.stepwise_k3 * kl_3 - (1.0 - step.stepwise_k3) * change
    # mu - mu_anchor = b (v - v_anchor): the kernel's mean is linear in v and both share x.
    shift = step.b[:, None] * (velocity - step.velocity_anchor)
    kl_anchor = step.kl_scale * (shift * shift).mean(dim=1)
    trust_region = step.anchor_weight * kl_anchor + step.stepwise_weight * kl_step
    loss = (step.weight * (step.equalizer * policy_loss + step.beta * trust_region)).sum()
    with torch.no_grad():
        drift_reference = drift(velocity, step.velocity_reference, step.weight)
        drift_anchor = drift(velocity, step.velocity_anchor, step.weight)
    return StepOutputs(
        logprob=logprob,
        ratio=ratio,
        policy_loss=policy_loss,
        clipped=clipped,
        approx_kl=kl_3,
        kl_anchor=kl_anchor,
        kl_step=kl_step,
        drift_reference=drift_reference,
        drift_anchor=drift_anchor,
        loss=loss,
    )
