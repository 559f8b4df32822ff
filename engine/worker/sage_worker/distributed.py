"""Processes (ranks) that act as one: who takes which rows, and how their results come together.

Every rank makes the same calls in the same order, and rows are split so that every rank makes the same number of
forward passes: sharded weights are gathered in each of them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

T = TypeVar("T")

PATIENCE = timedelta(hours=2)
"""For a rank that the others wait for: the first may have to load large text encoders and encode a run's prompts."""


@dataclass(frozen=True)
class Ranks:
    """This process among those that share the work."""

    rank: int
    size: int
    group: dist.ProcessGroup | None
    """None for a process that works alone."""


def start_group(device: torch.device) -> dist.ProcessGroup | None:
    """Joins the processes that torchrun started; None where this one was started alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) <= 1:
        return None
    # Gathered latents and messages live on the CPU, weights and gradients on the device.
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, timeout=PATIENCE)
    return dist.group.WORLD


def ranks_of(group: dist.ProcessGroup | None) -> Ranks:
    """Rank and size within a group."""
    if group is None:
        return Ranks(0, 1, None)
    return Ranks(dist.get_rank(group), dist.get_world_size(group), group)


@dataclass(frozen=True)
class Pass:
    """Rows that go through the network together. `counts` says of each whether it is there for its own sake."""

    places: tuple[int, ...]
    counts: tuple[bool, ...]

    @property
    def own(self) -> tuple[int, ...]:
        """Places that count."""
        return tuple(place for place, counts in zip(self.places, self.counts, strict=True) if counts)


def share(total: int, ranks: Ranks) -> range:
    """The contiguous part of `total` places that this rank takes; parts are equal but for the last ones."""
    each = -(-total // ranks.size)
    return range(min(ranks.rank * each, total), min((ranks.rank + 1) * each, total))


def passes(total: int, rows: int, ranks: Ranks) -> list[Pass]:
    """This rank's share in passes of exactly `rows` rows, as many on every rank; gaps are filled by repetition."""
    each = -(-total // ranks.size)
    mine = share(total, ranks)
    made = []
    for first in range(0, each, rows):
        own = list(mine[first : first + rows])
        places = [own[i % len(own)] if own else total - 1 for i in range(rows)]
        made.append(Pass(tuple(places), tuple(i < len(own) for i in range(rows))))
    return made


def gather_rows(mine: Tensor, total: int, ranks: Ranks) -> Tensor:
    """All rows [total, ...] of which every rank has its `share`, on the CPU."""
    if ranks.group is None:
        return mine
    each = -(-total // ranks.size)
    padded = torch.zeros((each, *mine.shape[1:]), dtype=mine.dtype)
    padded[: len(mine)] = mine
    # As bytes: not every backend knows every floating-point type.
    raw = padded.reshape(-1).view(torch.uint8)
    parts = [torch.empty_like(raw) for _ in range(ranks.size)]
    dist.all_gather(parts, raw, group=ranks.group)
    shares = [part.view(mine.dtype).reshape(padded.shape) for part in parts]
    return torch.cat(shares)[:total]


def total_of(values: Tensor, ranks: Ranks) -> Tensor:
    """Sum over the ranks, in place."""
    if ranks.group is not None:
        dist.all_reduce(values, group=ranks.group)
    return values


def most_of(values: Tensor, ranks: Ranks) -> Tensor:
    """Maximum over the ranks, in place."""
    if ranks.group is not None:
        dist.all_reduce(values, op=dist.ReduceOp.MAX, group=ranks.group)
    return values


def least_of(values: Tensor, ranks: Ranks) -> Tensor:
    """Minimum over the ranks, in place."""
    if ranks.group is not None:
        dist.all_reduce(values, op=dist.ReduceOp.MIN, group=ranks.group)
    return values


def gather_objects(value: T, ranks: Ranks) -> list[T]:
    """The value of every rank."""
    if ranks.group is None:
        return [value]
    found: list[T | None] = [None] * ranks.size
    dist.all_gather_object(found, value, group=ranks.group)
    return found  # type: ignore[return-value]


def broadcast_object(value: T | None, ranks: Ranks) -> T:
    """The value of rank 0."""
    held: list[T | None] = [value]
    if ranks.group is not None:
        dist.broadcast_object_list(held, group=ranks.group, group_src=0)
    return held[0]  # type: ignore[return-value]


def wait_for_all(ranks: Ranks) -> None:
    """Returns when every rank has come here."""
    # On the CPU: a barrier would go through the device's backend, whose waiting is bounded more tightly.
    total_of(torch.zeros(1), ranks)


def average_gradients(gradients: Sequence[Tensor], ranks: Ranks) -> None:
    """Mean over the ranks of gradients that every rank holds whole, in place, in one message a 64 MB."""
    if ranks.group is None:
        return
    most = 2**24
    start = 0
    while start < len(gradients):
        end, elements = start, 0
        while end < len(gradients) and (end == start or elements + gradients[end].numel() <= most):
            elements += gradients[end].numel()
            end += 1
        bucket = gradients[start:end]
        flat = torch.cat([gradient.reshape(-1) for gradient in bucket])
        dist.all_reduce(flat, group=ranks.group)
        flat /= ranks.size
        for gradient, part in zip(bucket, flat.split([gradient.numel() for gradient in bucket]), strict=True):
            gradient.copy_(part.reshape(gradient.shape))
        start = end
