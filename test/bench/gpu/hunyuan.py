"""The worker on HunyuanVideo-1.5: a rollout step, an update step, decoding, scoring, and an iteration made of them.

Everything goes through `sage_worker.policy.TorchPolicy`, as in training.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from flops import Flops, transformer
from hardware import matrix_rate
from measuring import Bench, Record, peak, rate, timed, wait
from options import ATTEMPTS, FIRST
from random_models import Size, policy_of, random_hunyuan, size_of
from sage_worker.performance import apply_performance
from steps import optimizer_request, replay_request, rollout_request, sage_steps

STEPS = 20
EXPLORED = (0, 10)
"""Of the twenty steps, two are sampled and kept: one costs as much as any other."""


def run(bench: Bench) -> None:
    """All measurements, and the iteration that is extrapolated from them."""
    part, size = "hunyuan", size_of(bench)
    performance = ATTEMPTS[bench.options or FIRST]
    limit = matrix_rate(bench)
    score = scorer(bench)
    with peak(bench.device) as building:
        model = random_hunyuan(bench, size)
        policy = policy_of(bench, model, size)
        apply_performance(model, performance)
    tokens = model.tokens()
    parameters = sum(p.numel() for name, p in model.network.named_parameters() if "lora_" not in name)
    bench.add(part, "model", parameters=parameters, trained=policy.trainable.count(), tokens=tokens, **building)
    bench.add(part, "options", **asdict(performance))

    counted = operations(size, tokens)
    step = rollout_step(bench, part, policy, counted, limit)
    decode = decoding(bench, part, model)
    replay = update_step(bench, part, policy, counted, limit)
    optimizer = timed(bench, lambda: policy.optim_step(optimizer_request()), repeats=1, warm=0)
    bench.add(part, "optimizer step", **optimizer)
    scored = bench.add(part, "VideoAlign, one video", **score())
    iteration(bench, part, step["ms"], decode["ms"], scored["ms"], replay)


def operations(size: Size, tokens: int) -> tuple[Flops, Flops]:
    """Of the conditional and of the unconditional branch."""
    return (
        transformer(size.architecture, tokens, size.text, size.rank),
        transformer(size.architecture, tokens, size.empty, size.rank),
    )


def rollout_step(bench: Bench, part: str, policy: Any, counted: tuple[Flops, Flops], limit: float) -> Record:
    """Guided sampling of one video through two kept steps of the table, without decoding and with its noise."""
    table = sage_steps(STEPS)
    request = rollout_request(tuple(table[k] for k in EXPLORED), (0, 1))
    seconds: list[float] = []

    def sample() -> None:
        result = policy.rollout(request, lambda _, __: None, lambda _, __, ___: None)
        seconds.append(result.sample_seconds)

    spent = timed(bench, sample, repeats=3)
    per_step = 1e3 * sorted(seconds[1:])[len(seconds[1:]) // 2] / len(EXPLORED)
    useful = sum(branch.forward for branch in counted)
    spent |= {"ms": round(per_step, 3), "leastMs": None, "mostMs": None}
    return bench.add(part, "rollout step, guided", **reached(useful, per_step, limit), **spent)


def reached(flops: float, milliseconds: float, limit: float) -> Record:
    """The rate, and its share of the matrix rate of the device."""
    found = rate(flops, milliseconds)
    return {"flops": flops, "tflops": found, "utilisation": round(found / limit, 4) if limit > 0 else None}


def decoding(bench: Bench, part: str, model: Any) -> Record:
    """One video, as after a rollout."""
    latents = torch.randn(1, *model.latent_shape)
    spent = timed(bench, lambda: model.decode(latents), repeats=2)
    return bench.add(part, "decoding one video", **spent)


def update_step(bench: Bench, part: str, policy: Any, counted: tuple[Flops, Flops], limit: float) -> dict[str, float]:
    """One sample at one step, guided, in three states of the trust region; the rollout was kept by `rollout_step`."""
    (first,) = policy.forward_backward(replay_request(0))
    bench.add(part, "first replay", ratioDeviation=first.ratio_deviation, gradientNorm=first.gradient_norm)
    useful = sum(branch.training for branch in counted)
    done = sum(branch.recomputed for branch in counted)
    forward = sum(branch.forward for branch in counted)
    found = {}

    def measure(name: str, references: int, measure_reference: bool) -> None:
        spent = timed(
            bench, lambda: policy.forward_backward(replay_request(0, measure_reference=measure_reference)), repeats=2
        )
        found[name] = spent["ms"]
        needed = useful + references * forward
        bench.add(
            part,
            f"update step, {name}",
            **reached(needed, spent["ms"], limit),
            # What the device did, the repeated forward pass included.
            **{"doneTflops": rate(done + references * forward, spent["ms"])},
            **spent,
        )

    measure("alone", 0, False)
    policy.optim_step(optimizer_request())
    policy.set_anchor()
    policy.forward_backward(replay_request(1))
    policy.optim_step(optimizer_request())
    measure("with anchor", 1, False)
    measure("with anchor and pre-trained model", 2, True)
    return found


def scorer(bench: Bench) -> Callable[[], Record]:
    """VideoAlign, which stays on the device as in training: a function that times it on one video."""
    from video_align import random_video_align

    score, tokens, parameters = random_video_align(bench)
    return lambda: {"tokens": tokens, "parameters": parameters, **timed(bench, score, repeats=3)}


def iteration(
    bench: Bench,
    part: str,
    step: float,
    decode: float,
    score: float,
    replay: dict[str, float],
    samples: int = 4,
    trained: int = 19,
) -> Record:
    """An iteration of the paper's setting on one GPU: four videos, T 20, nineteen explored steps, all of them trained.

    Scoring runs beside sampling, so only the last video's is waited for; the optimizer's step is within the noise.
    """
    times = {}
    for name, each in replay.items():
        milliseconds = samples * (STEPS * step + decode) + score + samples * trained * each
        times[name] = round(milliseconds / 1e3, 2)
    return bench.add(
        part,
        "iteration, extrapolated",
        seconds=times,
        formula="N (T step + decode) + score + N K replay",
        values={"N": samples, "T": STEPS, "K": trained, "stepMs": step, "decodeMs": decode, "scoreMs": score, **replay},
    )


def same(a: Tensor, b: Tensor) -> float:
    """||a - b|| / ||b||."""
    wait(a.device)
    return float((a.float() - b.float()).norm() / b.float().norm())
