"""Replay of one kept step of some samples: loss, gradient and what is observed of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sage_worker.distributed import Pass, Ranks, most_of, passes, total_of
from sage_worker.loss import StepInputs, StepOutputs, step_loss
from sage_worker.models.base import VideoModel
from sage_worker.requests import ForwardBackwardRequest, ForwardBackwardResult
from sage_worker.rollout import Trajectories, column
from sage_worker.trainable.base import Trainable, WeightSet


@dataclass(frozen=True)
class _Replay:
    """One request with all that it needs."""

    model: VideoModel
    trainable: Trainable
    trajectories: Trajectories
    request: ForwardBackwardRequest
    work: list[Pass]
    ranks: Ranks
    device: torch.device

    def rows(self, values: Tensor, of: Pass) -> Tensor:
        """The pass's rows of what is kept of all samples, in float32 on the device."""
        samples = [self.request.samples[place] for place in of.places]
        return values[samples].to(self.device, non_blocking=True).float()

    def velocity(self, of: Pass) -> Tensor:
        """Velocities [rows, *latent_shape] at the replayed step."""
        step = self.trajectories.steps[self.request.step]
        x = self.rows(self.trajectories.latents[self.request.step], of)
        conditions = [self.trajectories.conditions[self.request.samples[place]] for place in of.places]
        sigma = column(step.sigma, len(x), self.device)
        return self.model.velocity(x, sigma, conditions, self.trajectories.guidance)


def replay(
    model: VideoModel,
    trainable: Trainable,
    trajectories: Trajectories,
    request: ForwardBackwardRequest,
    rows: int,
    ranks: Ranks,
) -> tuple[ForwardBackwardResult, list[Tensor]]:
    """Loss and gradient of the mean over the request's samples, in passes of `rows` rows as sampling made them.

    Returns the result over all ranks and this rank's part of the averaged gradient, laid out as the masters are.
    """
    device = next(model.network.parameters()).device
    work = passes(len(request.samples), rows, ranks)
    task = _Replay(model, trainable, trajectories, request, work, ranks, device)
    # Copies of full weights take the place of the current ones, so this comes before anything has a gradient.
    anchors = _velocities(task, "anchor") if request.use_anchor else {}
    references = _velocities(task, "reference", anchors) if request.measure_reference else {}
    gradients: list[Tensor] = []
    sums = torch.zeros(len(_SUMS), dtype=torch.float64)
    deviation = torch.zeros(1, dtype=torch.float64)
    for rows_of_pass in work:
        velocity = task.velocity(rows_of_pass)
        # Where another set of weights is the current one, or nobody asks for it, its velocity is this one.
        same = velocity.detach()
        bases = [base.get(rows_of_pass, same) for base in (anchors, references)]
        inputs = _inputs(task, rows_of_pass, *(base.flatten(1) for base in bases))
        outputs = step_loss(velocity.flatten(1), inputs)
        outputs.loss.backward()  # type: ignore[no-untyped-call]
        gradients = _added(gradients, trainable.take_gradients())
        pass_sums, pass_deviation = _observe(outputs, rows_of_pass)
        sums += pass_sums
        deviation = torch.maximum(deviation, pass_deviation)
    trainable.average(gradients)
    total_of(sums, ranks)
    most_of(deviation, ranks)
    return _result(task, sums, float(deviation), trainable.norm(gradients)), gradients


@torch.no_grad()
def _velocities(task: _Replay, weights: WeightSet, known: dict[Pass, Tensor] | None = None) -> dict[Pass, Tensor]:
    """Velocities of every pass under other weights; none where these equal the current ones.

    `known` are the anchor's: where the anchor is the pre-trained model they are the answer.
    """
    versions = task.trainable.versions
    if versions.of(weights) == versions.of("current"):
        return {}
    if known and versions.of(weights) == versions.of("anchor"):
        return known
    with task.trainable.using(weights):
        return {rows: task.velocity(rows) for rows in task.work}


def _inputs(task: _Replay, of: Pass, anchor: Tensor, reference: Tensor) -> StepInputs:
    """Inputs of the loss for one pass. Weights are such that the mean over ranks of their losses is the global mean."""
    request, kept, device = task.request, task.trajectories, task.device
    step = kept.steps[request.step]
    count = len(of.places)
    weight = task.ranks.size / len(request.samples)
    weights = [weight if counts else 0.0 for counts in of.counts]
    advantages = [request.advantages[place] for place in of.places]
    return StepInputs(
        x=task.rows(kept.latents[request.step], of).flatten(1),
        x_next=task.rows(kept.latents[request.step + 1], of).flatten(1),
        a=column(step.a, count, device),
        b=column(step.b, count, device),
        logprob_scale=column(step.logprob_scale or 0.0, count, device),
        logprob_offset=column(step.logprob_offset or 0.0, count, device),
        logprob_old=task.rows(kept.log_probs[request.step], of),
        advantage=torch.tensor(advantages, dtype=torch.float32, device=device),
        weight=torch.tensor(weights, dtype=torch.float32, device=device),
        equalizer=_scalar(request.equalizer, device),
        clip=_scalar(request.clip_range, device),
        beta=_scalar(request.beta, device),
        anchor_weight=_scalar(request.anchor_weight if request.use_anchor else 0.0, device),
        stepwise_weight=_scalar(request.stepwise_weight, device),
        stepwise_k3=_scalar(float(request.stepwise_estimator == "k3"), device),
        kl_scale=column(1 / (2 * (step.s * step.s + 1e-6)), count, device),
        velocity_anchor=anchor,
        velocity_reference=reference,
    )


_PER_SAMPLE = ("policy_loss", "ratio", "clipped", "approx_kl", "kl_anchor", "kl_step")
_SUMS = (*_PER_SAMPLE, "loss", "reference", "reference_norm", "anchor", "anchor_norm")


def _observe(outputs: StepOutputs, of: Pass) -> tuple[Tensor, Tensor]:
    """Sums in the order of `_SUMS` over the rows that count, and their max |ratio - 1|; float64 on the CPU."""
    counts = torch.tensor(of.counts, dtype=torch.float64)
    per_sample = [(getattr(outputs, name).detach().cpu().double() * counts).sum() for name in _PER_SAMPLE]
    totals = torch.stack([outputs.loss.detach(), *outputs.drift_reference, *outputs.drift_anchor]).cpu().double()
    deviation = ((outputs.ratio.detach().cpu().double() - 1).abs() * counts).max()
    return torch.cat([torch.stack(per_sample), totals]), deviation.reshape(1)


def _result(task: _Replay, sums: Tensor, deviation: float, gradient_norm: float) -> ForwardBackwardResult:
    request = task.request
    total = dict(zip(_SUMS, sums.tolist(), strict=True))
    count = len(request.samples)
    return ForwardBackwardResult(
        # The ranks' losses are weighted for their mean; the other sums are over samples.
        loss=total["loss"] / task.ranks.size,
        policy_loss=total["policy_loss"] / count,
        ratio=total["ratio"] / count,
        ratio_deviation=deviation,
        clip_fraction=total["clipped"] / count,
        approx_kl=total["approx_kl"] / count,
        kl_anchor=total["kl_anchor"] / count if request.use_anchor else 0.0,
        kl_step=total["kl_step"] / count,
        gradient_norm=gradient_norm,
        gradient_norm_raw=gradient_norm / request.equalizer,
        drift_reference=total["reference"] / total["reference_norm"] if request.measure_reference else None,
        drift_anchor=total["anchor"] / total["anchor_norm"] if request.use_anchor else None,
    )


def _added(total: list[Tensor], newest: list[Tensor]) -> list[Tensor]:
    for before, gradient in zip(total, newest, strict=bool(total)):
        before.add_(gradient)
    return total or newest


def _scalar(value: float, device: torch.device) -> Tensor:
    return torch.tensor(value, dtype=torch.float32, device=device)
