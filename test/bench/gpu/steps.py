"""Requests as the trainer makes them: SAGE's kernel table (method.md) and the settings of the paper."""

from __future__ import annotations

import math
from itertools import pairwise

from sage_worker.noise import NoiseKey
from sage_worker.policy import (
    ForwardBackwardRequest,
    KernelStep,
    OptimStepRequest,
    Replay,
    RolloutRequest,
    SampleSpec,
)

LOG_TWO_PI = math.log(2 * math.pi)
PROMPT = "A paper boat drifts down a rain-filled gutter, turning slowly as it passes under a street lamp."


def sage_steps(count: int, shift: float = 5.0, eta: float = 0.5, most: float = 0.997) -> tuple[KernelStep, ...]:
    """The table of kernel `sage` for a schedule of `count` steps; the last step is an ODE step."""
    u = [1 - i / count for i in range(count + 1)]
    sigmas = [shift * x / (1 + (shift - 1) * x) for x in u]
    steps = []
    for now, after in pairwise(sigmas):
        size = now - after
        if after == 0:
            steps.append(KernelStep(a=1.0, b=-size, s=0.0, sigma=now))
            continue
        variance = eta**2 * (-size + math.log((1 - after) / (1 - min(now, most))))
        s = math.sqrt(variance)
        steps.append(
            KernelStep(
                a=1 - variance / (2 * now),
                b=-size - variance * (1 - now) / (2 * now),
                s=s,
                sigma=now,
                logprob_scale=1 / (2 * variance),
                logprob_offset=-math.log(s) - 0.5 * LOG_TWO_PI,
            )
        )
    return tuple(steps)


def rollout_request(
    steps: tuple[KernelStep, ...],
    trained: tuple[int, ...],
    samples: int = 1,
    guidance: float = 6.0,
    handle: str = "bench",
    prompts: tuple[str, ...] = (PROMPT,),
    iteration: int = 0,
) -> RolloutRequest:
    """`samples` generations of each prompt."""
    drawn = tuple(
        SampleSpec(text, NoiseKey(seed=42, stream=0, iteration=iteration, prompt=p, generation=g))
        for p, text in enumerate(prompts)
        for g in range(samples)
    )
    return RolloutRequest(handle, drawn, steps, trained, guidance, train_guidance=True)


def replay_request(
    step: int,
    samples: tuple[int, ...] = (0,),
    advantages: tuple[float, ...] | None = None,
    measure_reference: bool = True,
    handle: str = "bench",
    gradient_scale: float = 1.0,
) -> ForwardBackwardRequest:
    """One replay with the paper's trust region."""
    signs = tuple(1.0 - 2.0 * (i % 2) for i in range(len(samples)))
    return ForwardBackwardRequest(
        handle=handle,
        replays=(Replay(samples=samples, step=step, advantages=advantages or signs, equalizer=1.0),),
        clip_range=1e-4,
        beta=1e-5,
        anchor_weight=1.0,
        stepwise_weight=0.1,
        stepwise_estimator="k3",
        use_anchor=True,
        gradient_scale=gradient_scale,
        measure_reference=measure_reference,
    )


def optimizer_request(learning_rate: float = 1e-4) -> OptimStepRequest:
    """AdamW as the examples have it."""
    return OptimStepRequest(
        learning_rate=learning_rate, weight_decay=0.01, beta1=0.9, beta2=0.999, epsilon=1e-8, max_gradient_norm=1.0
    )
