"""How the rows of a velocity request become passes through the network, with guidance in one pass or in two.

A row's velocity must be the same to the bit whatever rows it is asked for with: replay takes (sample, step) pairs in
other company than sampling did, and the probability ratio of the first replay has to be exactly 1. Kernels choose their
blocking by the number of rows, so a pass always has the same number of rows, and all of them have texts of one length,
which also means that attention needs no mask.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Literal

import torch
import torch.distributed
from torch import Tensor

from sage_worker.device import memory_taken

Pass = Callable[[Tensor, Tensor, Sequence[dict[str, Tensor]]], Tensor]
"""One pass through the network: x [R, *latent_shape], sigma [R] and R conditions -> velocities, all float32."""

Batching = Literal["auto", "batched", "sequential"]

HEADROOM = 1.5
"""The batched pass has to fit this many times: sampling is measured, and training with gradient needs more."""

SATURATED = 8192
"""Tokens of one row that keep a large GPU busy alone; two rows in a pass gain nothing there."""


def rows_at_most(asked: int, tokens: int) -> int:
    """Rows of a pass for rows of so many tokens: one where a row keeps the device busy by itself.

    More would only be computed in vain where texts differ and a pass is filled by repetition.
    """
    return 1 if tokens > SATURATED else asked


def rows_of_any_text(rows: int) -> int:
    """Rows of a pass where texts differ in length: one where there are several processes.

    Each process has other texts and would make another number of passes, and in a pass of a sharded network all of them
    have to take part.
    """
    several = torch.distributed.is_available() and torch.distributed.is_initialized()
    return 1 if several and torch.distributed.get_world_size() > 1 else rows


def chunks(keys: Sequence[Hashable], rows: int) -> list[list[int]]:
    """Indices of rows with equal keys, `rows` at a time; a last short chunk repeats its last index."""
    groups: dict[Hashable, list[int]] = {}
    for index, key in enumerate(keys):
        groups.setdefault(key, []).append(index)
    result = []
    for group in groups.values():
        for start in range(0, len(group), rows):
            chunk = group[start : start + rows]
            result.append(chunk + chunk[-1:] * (rows - len(chunk)))
    return result


def in_passes(run: Pass, x: Tensor, sigma: Tensor, conditions: Sequence[dict[str, Tensor]], rows: int) -> Tensor:
    """Velocities of x [N, *latent_shape] by passes of `rows` rows whose conditions have the same shapes."""
    keys = [tuple((name, tuple(value.shape)) for name, value in sorted(one.items())) for one in conditions]
    velocities: list[Tensor | None] = [None] * len(keys)
    for chunk in chunks(keys, rows):
        result = run(x[chunk], sigma[chunk], [conditions[index] for index in chunk])
        for row, index in enumerate(chunk):
            if velocities[index] is None:
                velocities[index] = result[row]
    return torch.stack([velocity for velocity in velocities if velocity is not None])


def guided(run: Pass, unconditional: dict[str, Tensor], guidance: float, batched: bool) -> Pass:
    """The pass that gives v_u + guidance (v_c - v_u), by one pass of twice the rows or by two."""

    def two_branches(x: Tensor, sigma: Tensor, conditions: Sequence[dict[str, Tensor]]) -> Tensor:
        others = [unconditional] * len(conditions)
        if batched:
            both = run(torch.cat([x, x]), torch.cat([sigma, sigma]), [*conditions, *others])
            conditional, without = both.chunk(2)
        else:
            conditional, without = run(x, sigma, conditions), run(x, sigma, others)
        return without + guidance * (conditional - without)

    return run if guidance == 1.0 else two_branches


def decide_batching(choice: Batching, device: torch.device, tokens: int, probe: Callable[[], object]) -> bool:
    """Whether both guidance branches go in one pass; `probe` runs one branch.

    "auto" batches on a CUDA device where a row is short and memory allows, by the free memory of the poorest process:
    a sample may be replayed on another process than it was made on. On a CPU nothing is gained.
    """
    if choice != "auto":
        return choice == "batched"
    if device.type != "cuda" or tokens > SATURATED:
        return False
    with torch.no_grad():
        branch = memory_taken(device, probe)
    fits = torch.tensor([float(branch.free > HEADROOM * 2 * branch.peak)], device=device)
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.all_reduce(fits, torch.distributed.ReduceOp.MIN)
    return bool(fits.item())
