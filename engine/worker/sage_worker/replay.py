"""Replays of kept steps: loss, gradient and what is observed of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from sage_worker.distributed import Pass, Ranks, most_of, passes, total_of
from sage_worker.loss import StepInputs, StepOutputs, drift, step_loss
from sage_worker.models.base import VideoModel
from sage_worker.requests import ForwardBackwardRequest, KernelStep, Replay, ReplayResult
from sage_worker.rollout import Trajectories
from sage_worker.trainable.base import Trainable, WeightSet


class _Pair(NamedTuple):
    """One sample at one step: a row of a pass."""

    replay: int
    """By index into the request's replays."""
    sample: int
    step: int
    advantage: float


def _pairs(replays: tuple[Replay, ...]) -> list[_Pair]:
    return [
        _Pair(index, sample, replay.step, advantage)
        for index, replay in enumerate(replays)
        for sample, advantage in zip(replay.samples, replay.advantages, strict=True)
    ]


@dataclass(frozen=True)
class _Task:
    """One request with all that it needs."""

    model: VideoModel
    trainable: Trainable
    trajectories: Trajectories
    request: ForwardBackwardRequest
    pairs: list[_Pair]
    work: list[Pass]
    """Places are indices of pairs."""
    ranks: Ranks
    device: torch.device

    def pairs_of(self, of: Pass) -> list[_Pair]:
        """The pass's rows."""
        return [self.pairs[place] for place in of.places]

    def rows(self, kept: dict[int, Tensor], of: Pass, later: int = 0) -> Tensor:
        """The pass's rows of what is kept by step, or of the step after, in float32 on the device."""
        values = [kept[pair.step + later][pair.sample] for pair in self.pairs_of(of)]
        return torch.stack(values).to(self.device).float()

    def numbers(self, values: list[float]) -> Tensor:
        """One number a row; [rows]."""
        return torch.tensor(values, dtype=torch.float32, device=self.device)

    def steps(self, of: Pass) -> list[KernelStep]:
        """The kernel step of each row."""
        return [self.trajectories.steps[pair.step] for pair in self.pairs_of(of)]

    def velocity(self, of: Pass) -> Tensor:
        """Velocities [rows, *latent_shape], each row at its own step."""
        x = self.rows(self.trajectories.latents, of)
        conditions = [self.trajectories.conditions[pair.sample] for pair in self.pairs_of(of)]
        sigma = self.numbers([step.sigma for step in self.steps(of)])
        return self.model.velocity(x, sigma, conditions, self.trajectories.guidance)


def replay(
    model: VideoModel,
    trainable: Trainable,
    trajectories: Trajectories,
    request: ForwardBackwardRequest,
    rows: int,
    ranks: Ranks,
) -> tuple[list[ReplayResult], list[Tensor]]:
    """Losses of the request's replays, each the mean over its samples, and the gradient of their sum.

    The (sample, step) pairs of all replays go through the network in passes of `rows` rows, as sampling's rows did.
    Returns the results over all ranks and this rank's part of the averaged gradient, laid out as the masters are.
    """
    device = next(model.network.parameters()).device
    pairs = _pairs(request.replays)
    task = _Task(model, trainable, trajectories, request, pairs, passes(len(pairs), rows, ranks), ranks, device)
    # Copies of full weights take the place of the current ones, so this comes before anything has a gradient.
    anchors = _velocities(task, "anchor") if request.use_anchor else {}
    references = _velocities(task, "reference", anchors) if request.measure_reference else {}
    gradients: list[Tensor] = []
    observed = _Observed(len(request.replays))
    for of in task.work:
        velocity = task.velocity(of)
        # Where another set of weights is the current one, or nobody asks for it, its velocity is this one.
        same = velocity.detach()
        bases = [base.get(of, same).flatten(1) for base in (anchors, references)]
        inputs = _inputs(task, of, *bases)
        outputs = step_loss(velocity.flatten(1), inputs)
        outputs.loss.backward()  # type: ignore[no-untyped-call]
        gradients = _added(gradients, trainable.take_gradients())
        observed.add(task, of, same.flatten(1), inputs, outputs)
    trainable.average(gradients)
    observed.gather(ranks)
    norm = trainable.norm(gradients) if len(request.replays) == 1 else None
    return [_result(task, observed, index, norm) for index in range(len(request.replays))], gradients


@torch.no_grad()
def _velocities(task: _Task, weights: WeightSet, known: dict[Pass, Tensor] | None = None) -> dict[Pass, Tensor]:
    """Velocities of every pass under other weights; none where these equal the current ones.

    `known` are the anchor's: where the anchor is the pre-trained model they are the answer.
    """
    versions = task.trainable.versions
    if versions.of(weights) == versions.of("current"):
        return {}
    if known and versions.of(weights) == versions.of("anchor"):
        return known
    with task.trainable.using(weights):
        return {of: task.velocity(of) for of in task.work}


def _inputs(task: _Task, of: Pass, anchor: Tensor, reference: Tensor) -> StepInputs:
    """Inputs of the loss for one pass. Weights are such that the mean over ranks of their losses is the global one."""
    request, kept = task.request, task.trajectories
    pairs, steps = task.pairs_of(of), task.steps(of)
    replays = [request.replays[pair.replay] for pair in pairs]
    share = [task.ranks.size / len(replay.samples) for replay in replays]

    def scalar(value: float) -> Tensor:
        return torch.tensor(value, dtype=torch.float32, device=task.device)

    return StepInputs(
        x=task.rows(kept.latents, of).flatten(1),
        x_next=task.rows(kept.latents, of, later=1).flatten(1),
        a=task.numbers([step.a for step in steps]),
        b=task.numbers([step.b for step in steps]),
        logprob_scale=task.numbers([step.logprob_scale or 0.0 for step in steps]),
        logprob_offset=task.numbers([step.logprob_offset or 0.0 for step in steps]),
        logprob_old=task.rows(kept.log_probs, of),
        advantage=task.numbers([pair.advantage for pair in pairs]),
        weight=task.numbers([part if counts else 0.0 for part, counts in zip(share, of.counts, strict=True)]),
        equalizer=task.numbers([replay.equalizer for replay in replays]),
        clip=scalar(request.clip_range),
        beta=scalar(request.beta),
        anchor_weight=scalar(request.anchor_weight if request.use_anchor else 0.0),
        stepwise_weight=scalar(request.stepwise_weight),
        stepwise_k3=scalar(float(request.stepwise_estimator == "k3")),
        kl_scale=task.numbers([1 / (2 * (step.s * step.s + 1e-6)) for step in steps]),
        velocity_anchor=anchor,
        velocity_reference=reference,
    )


_PER_SAMPLE = ("policy_loss", "ratio", "clipped", "approx_kl", "kl_anchor", "kl_step")
_DRIFTS = ("reference", "reference_norm", "anchor", "anchor_norm")
_NAMES = (*_PER_SAMPLE, *_DRIFTS)


class _Observed:
    """What is summed up over the rows that count, by replay; float64 on the CPU."""

    def __init__(self, replays: int) -> None:
        self.sums = torch.zeros((replays, len(_NAMES)), dtype=torch.float64)
        self.deviations = torch.zeros(replays, dtype=torch.float64)
        """max |ratio - 1|; of a replay of which this rank had no row, 0."""

    def add(self, task: _Task, of: Pass, velocity: Tensor, inputs: StepInputs, outputs: StepOutputs) -> None:
        """Takes in a pass, whose velocity is without gradient."""
        per_sample = torch.stack([getattr(outputs, name) for name in _PER_SAMPLE]).detach()
        own: dict[int, list[int]] = {}
        for row, pair in enumerate(task.pairs_of(of)):
            if of.counts[row]:
                own.setdefault(pair.replay, []).append(row)
        ones = torch.ones_like(inputs.weight)
        for replay, rows in own.items():
            drifts = [
                drift(velocity[rows], base[rows], ones[rows])
                for base in (inputs.velocity_reference, inputs.velocity_anchor)
            ]
            values = per_sample[:, rows].cpu().double()
            self.sums[replay] += torch.cat([values.sum(dim=1), torch.cat(drifts).cpu().double()])
            deviation = (values[_PER_SAMPLE.index("ratio")] - 1).abs().max()
            self.deviations[replay] = torch.maximum(self.deviations[replay], deviation)

    def gather(self, ranks: Ranks) -> None:
        """From here on the sums and the largest deviations are those of all ranks."""
        total_of(self.sums, ranks)
        most_of(self.deviations, ranks)


def _result(task: _Task, observed: _Observed, index: int, gradient_norm: float | None) -> ReplayResult:
    request, replay = task.request, task.request.replays[index]
    total = dict(zip(_NAMES, observed.sums[index].tolist(), strict=True))
    mean = {name: total[name] / len(replay.samples) for name in _PER_SAMPLE}
    anchor_weight = request.anchor_weight if request.use_anchor else 0.0
    trust_region = anchor_weight * mean["kl_anchor"] + request.stepwise_weight * mean["kl_step"]
    return ReplayResult(
        loss=replay.equalizer * mean["policy_loss"] + request.beta * trust_region,
        policy_loss=mean["policy_loss"],
        ratio=mean["ratio"],
        ratio_deviation=float(observed.deviations[index]),
        clip_fraction=mean["clipped"],
        approx_kl=mean["approx_kl"],
        kl_anchor=mean["kl_anchor"] if request.use_anchor else 0.0,
        kl_step=mean["kl_step"],
        gradient_norm=gradient_norm,
        gradient_norm_raw=None if gradient_norm is None else gradient_norm / replay.equalizer,
        drift_reference=total["reference"] / total["reference_norm"] if request.measure_reference else None,
        drift_anchor=total["anchor"] / total["anchor_norm"] if request.use_anchor else None,
    )


def _added(total: list[Tensor], newest: list[Tensor]) -> list[Tensor]:
    for before, gradient in zip(total, newest, strict=bool(total)):
        before.add_(gradient)
    return total or newest
