"""Sampling through a kernel table, and what it keeps for replay."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sage_worker.distributed import Pass, Ranks, gather_rows, passes
from sage_worker.loss import log_probability
from sage_worker.models.base import Condition, VideoModel
from sage_worker.noise import NoiseKey, drawn_ahead
from sage_worker.requests import KernelStep, RolloutRequest, RolloutResult

OnVideos = Callable[[list[int], Tensor], None]
"""Receives indices of samples and their videos [n, F, H, W, 3] on the CPU."""
OnProgress = Callable[[str, int, int], None]
"""Receives stage, done and total."""


@dataclass(frozen=True)
class Trajectories:
    """What one rollout keeps, of all samples, on every rank, on the CPU."""

    conditions: list[Condition]
    """Encoded prompts, by sample."""
    steps: dict[int, KernelStep]
    """The trained steps."""
    latents: dict[int, Tensor]
    """By k: x_k of all samples [N, *latent_shape] in the model's latent_dtype; x_{k+1} is the next one."""
    log_probs: dict[int, Tensor]
    """By trained step: float32 [N]."""
    guidance: float
    """Of the velocities that are replayed."""


def stored(x: Tensor, model: VideoModel) -> Tensor:
    """The latent as it comes back from its storage, in float32."""
    return x.to(model.latent_dtype).float()


def column(value: float, rows: int, device: torch.device) -> Tensor:
    """The same number for each row; [rows]."""
    return torch.full((rows,), value, dtype=torch.float32, device=device)


def step_log_probability(velocity: Tensor, x: Tensor, x_next: Tensor, step: KernelStep) -> Tensor:
    """Log-probability [N] of a kernel step, averaged over the latent's elements. Latents and velocity [N, ...]."""
    if step.logprob_scale is None or step.logprob_offset is None:
        raise ValueError("a step without noise has no log-probability and cannot be trained")
    numbers = (step.a, step.b, step.logprob_scale, step.logprob_offset)
    columns = [column(number, len(x), x.device) for number in numbers]
    return log_probability(velocity.flatten(1), x.flatten(1), x_next.flatten(1), *columns)


@torch.no_grad()
def roll_out(
    model: VideoModel,
    request: RolloutRequest,
    conditions: list[Condition],
    rows: int,
    ranks: Ranks,
    on_videos: OnVideos,
    progress: OnProgress,
) -> tuple[Trajectories, RolloutResult]:
    """Samples this rank's share in passes of `rows`, decodes each as soon as it is sampled, gathers what is kept."""
    total = len(request.samples)
    kept = sorted({k + i for k in request.trained_steps for i in (0, 1)})
    mine: dict[int, list[Tensor]] = {k: [] for k in kept}
    my_log_probs: dict[int, list[Tensor]] = {k: [] for k in request.trained_steps}
    work = passes(total, rows, ranks)
    seconds = {"sample": 0.0, "decode": 0.0}
    device = next(model.network.parameters()).device
    with drawn_ahead(_draws(request, work), model.latent_shape, device) as noises:
        for done, rows_of_pass in enumerate(work):
            started = time.perf_counter()
            walk = _Walk(model, request, [conditions[place] for place in rows_of_pass.places], noises)
            own = len(rows_of_pass.own)
            for k in range(len(request.steps)):
                x, x_next, log_probs = walk.step(k)
                for at, latent in ((k, x), (k + 1, x_next)):
                    if at in mine and len(mine[at]) == done:
                        mine[at].append(latent[:own].to(model.latent_dtype).cpu())
                if log_probs is not None:
                    my_log_probs[k].append(log_probs[:own].cpu())
                progress("sample", done * len(request.steps) + k + 1, len(work) * len(request.steps))
            sampled = time.perf_counter()
            if own:
                on_videos(list(rows_of_pass.own), model.decode(walk.x[:own]))
            seconds["sample"] += sampled - started
            seconds["decode"] += time.perf_counter() - sampled
            progress("decode", done + 1, len(work))
    latents = {k: gather_rows(torch.cat(parts), total, ranks) for k, parts in mine.items()}
    log_probs_by_step = {k: gather_rows(torch.cat(parts), total, ranks) for k, parts in my_log_probs.items()}
    guidance = request.guidance if request.train_guidance else 1.0
    steps = {k: request.steps[k] for k in request.trained_steps}
    trajectories = Trajectories(conditions, steps, latents, log_probs_by_step, guidance)
    by_step = [log_probs_by_step[k].tolist() for k in request.trained_steps]
    by_sample = [[log_probs[i] for log_probs in by_step] for i in range(total)]
    return trajectories, RolloutResult(by_sample, seconds["sample"], seconds["decode"])


def _draws(request: RolloutRequest, work: Sequence[Pass]) -> list[tuple[list[NoiseKey], int]]:
    """Keys and draws in the order in which the walks of all passes take their noise."""
    draws = [0, *(1 + k for k, step in enumerate(request.steps) if step.s != 0)]
    everyones = [[request.samples[place].key for place in rows.places] for rows in work]
    return [(keys, draw) for keys in everyones for draw in draws]


class _Walk:
    """One pass of rows on its way through the kernel table."""

    def __init__(
        self, model: VideoModel, request: RolloutRequest, conditions: Sequence[Condition], noises: Iterator[Tensor]
    ) -> None:
        self._model = model
        self._request = request
        self._conditions = conditions
        self._noises = noises
        self.x = stored(next(noises), model)

    def step(self, k: int) -> tuple[Tensor, Tensor, Tensor | None]:
        """x_k, x_{k+1} and, where the step is trained, its log-probability [rows]."""
        request, step, x = self._request, self._request.steps[k], self.x
        velocity = self._velocity(step, request.guidance)
        x_next = step.a * x + step.b * velocity
        if step.s != 0:
            x_next += step.s * next(self._noises)
        self.x = stored(x_next, self._model)
        if k not in request.trained_steps:
            return x, self.x, None
        if request.guidance != 1 and not request.train_guidance:
            velocity = self._velocity(step, 1.0, x)
        return x, self.x, step_log_probability(velocity, x, self.x, step)

    def _velocity(self, step: KernelStep, guidance: float, x: Tensor | None = None) -> Tensor:
        x = self.x if x is None else x
        return self._model.velocity(x, column(step.sigma, len(x), x.device), self._conditions, guidance)
