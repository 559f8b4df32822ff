"""Each way to be faster, tried alone on the same model: gain, memory, and what it does to the numbers.

An attempt is kept where its gain in an iteration is larger than the spread of its own measurements and the ratio of the
first replay is still exactly 1.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from hunyuan import EXPLORED, STEPS, operations, same
from measuring import Bench, Record, free, rate, timed
from options import ATTEMPTS, FIRST
from random_models import Size, policy_of, random_hunyuan, size_of
from sage_worker.errors import WorkerError
from sage_worker.performance import PerformanceOptions, apply_performance, rollout_mode
from steps import replay_request, rollout_request, sage_steps

ROWS = (2, 4)
"""Of batched replay: several samples at one step in a pass."""
LEAST_SECONDS = 60.0
"""An attempt is not begun with less time than this left."""


def run(bench: Bench) -> None:
    """All attempts that there is time for."""
    size = size_of(bench)
    reference: Tensor | None = None
    # The first is what the others' velocities are compared with.
    chosen = {name: options for name, options in ATTEMPTS.items() if name == FIRST or bench.only in name}
    for name, options in chosen.items():
        if not bench.tiny and bench.seconds_left() < LEAST_SECONDS:
            bench.add("attempts", name, left="no time was left")
            continue
        found = guarded(bench, name, partial(attempt, bench, size, options, reference))
        reference = found if reference is None else reference
        torch.compiler.reset()
        free(bench.device)
    if bench.only:
        return
    for rows in ROWS:
        if bench.tiny or bench.seconds_left() > LEAST_SECONDS:
            guarded(bench, f"replay of {rows} samples in a pass", partial(batched_replay, bench, size, rows))
            free(bench.device)
    guarded(bench, "decoding", lambda: decoding(bench, size))


def guarded(bench: Bench, name: str, measure: Callable[[], tuple[Record, Tensor]]) -> Tensor | None:
    """What an attempt measured, or why it cannot be done here."""
    try:
        record, velocity = measure()
    except (WorkerError, RuntimeError, ValueError) as error:
        bench.add("attempts", name, refused=f"{type(error).__name__}: {str(error).splitlines()[0]}")
        return None
    bench.add("attempts", name, **record)
    return velocity


def attempt(bench: Bench, size: Size, options: PerformanceOptions, reference: Tensor | None) -> tuple[Record, Tensor]:
    """A rollout step and an update step under the options, and a velocity to compare."""
    model = random_hunyuan(bench, size)
    policy = policy_of(bench, model, size)
    if options.attention == "native":
        # diffusers keeps the last choice for all models of the process.
        model.network.set_attention_backend("native")
    apply_performance(model, options)
    table = sage_steps(STEPS)
    request = rollout_request(tuple(table[k] for k in EXPLORED), (0, 1))
    x = torch.randn(1, *model.latent_shape, generator=torch.Generator().manual_seed(0)).to(bench.device)
    condition = model.encode(["a prompt"])
    counted = operations(size, model.tokens())

    def velocity() -> Tensor:
        found: Tensor = model.velocity(x, torch.full((1,), 0.7, device=bench.device), condition, 6.0)
        return found

    with torch.no_grad(), rollout_mode(options, model.blocks()):
        warming = timed(bench, velocity, repeats=1, warm=0)
        sampled = timed(bench, velocity, repeats=3)
        shown = velocity().clone()
        policy.rollout(request, lambda _, __: None, lambda _, __, ___: None)
    (first,) = policy.forward_backward(replay_request(0))
    replayed = timed(bench, lambda: policy.forward_backward(replay_request(1, measure_reference=False)), repeats=2)
    record = {
        "rolloutMs": sampled["ms"],
        "rolloutTflops": rate(sum(b.forward for b in counted), sampled["ms"]),
        "rolloutPeakGiB": sampled["peakGiB"],
        "updateMs": replayed["ms"],
        "updateTflops": rate(sum(b.training for b in counted), replayed["ms"]),
        "updatePeakGiB": replayed["peakGiB"],
        "firstCallMs": warming["ms"],
        "ratioDeviation": first.ratio_deviation,
        "differenceOfVelocity": None if reference is None else same(shown, reference),
    }
    return record, shown if reference is None else reference


def batched_replay(bench: Bench, size: Size, rows: int) -> tuple[Record, Tensor]:
    """Several samples at one step in one pass; milliseconds of each sample."""
    model = random_hunyuan(bench, size)
    # However long a row is: that two of them gain nothing then is what is tried here.
    apply_performance(model, PerformanceOptions(rows=rows))
    policy = policy_of(bench, model, size, rows=rows)
    table = sage_steps(STEPS)
    request = rollout_request((table[1],), (0,), samples=rows)
    policy.rollout(request, lambda _, __: None, lambda _, __, ___: None)
    wanted = replay_request(0, tuple(range(rows)), measure_reference=False)
    (first,) = policy.forward_backward(wanted)
    spent = timed(bench, lambda: policy.forward_backward(wanted), repeats=2)
    each = spent["ms"] / rows
    useful = sum(branch.training for branch in operations(size, model.tokens()))
    record = {
        "rows": rows,
        "updateMs": round(each, 3),
        "updateTflops": rate(useful, each),
        "updatePeakGiB": spent["peakGiB"],
        "ratioDeviation": first.ratio_deviation,
    }
    return record, torch.zeros(())


def decoding(bench: Bench, size: Size) -> tuple[Record, Tensor]:
    """Tiles or one piece, channels first or last."""
    record: Record = {}
    model = random_hunyuan(bench, size)
    # Only the autoencoder is wanted.
    model.network = model.caller = None
    free(bench.device)
    latents = torch.randn(1, *model.latent_shape, generator=torch.Generator().manual_seed(0))
    shown: Tensor | None = None
    for last in (False, True):
        for tiles in (True, False):
            name = f"{'channels last' if last else 'channels first'}, {'tiles' if tiles else 'one piece'}"
            decode_once(bench, model, latents, PerformanceOptions(channels_last_decode=last, decode_tiles=tiles), name)
            video = model.decode(latents) if bench.tiny else None
            shown = video if shown is None else shown
            if video is not None and shown is not None:
                record[name] = int((video.int() - shown.int()).abs().max())
    return record, torch.zeros(())


def decode_once(bench: Bench, model: Any, latents: Tensor, options: PerformanceOptions, name: str) -> None:
    """One way of decoding."""
    from sage_worker.performance import prepare_decoder

    prepare_decoder(model.vae, options)
    guarded(bench, f"decoding, {name}", lambda: (timed(bench, lambda: model.decode(latents), repeats=2), latents))
