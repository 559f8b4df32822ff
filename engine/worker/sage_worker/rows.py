"""How many rows share a pass through the network: as many as memory has room for."""

from __future__ import annotations

import sys
from collections.abc import Callable

import torch

from sage_worker.device import Taken, memory_taken
from sage_worker.distributed import Ranks, least_of

HEADROOM = 1.25
"""Free memory has to hold the rows this many times: rewards score at the same time, and memory is cut into pieces."""


def fitting_rows(wanted: int, of_one: Taken) -> int:
    """Rows, at least one, where one row takes so much in a forward and backward pass."""
    return max(1, min(wanted, int(of_one.free / (HEADROOM * max(of_one.peak, 1)))))


def rows_in_memory(wanted: int, device: torch.device, ranks: Ranks, one_row: Callable[[], object]) -> int:
    """The wanted rows, or as many as fit into the memory of the poorest process's GPU.

    `one_row` runs a forward and backward pass of one row. On a CPU nothing is measured: its memory is shared with all
    else, and how much of it a process may take is for its user to say.
    """
    if wanted == 1 or device.type != "cuda":
        return wanted
    rows = int(least_of(torch.tensor([fitting_rows(wanted, memory_taken(device, one_row))]), ranks))
    if rows < wanted and ranks.rank == 0:
        print(f"sage_worker: passes have {rows} rows, for memory has no room for {wanted}", file=sys.stderr, flush=True)
    return rows
