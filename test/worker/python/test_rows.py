"""How many rows share a pass."""

from __future__ import annotations

import pytest
import torch

from sage_worker.device import Taken
from sage_worker.distributed import Ranks
from sage_worker.rows import HEADROOM, fitting_rows, rows_in_memory

GIB = 2**30


@pytest.mark.parametrize(
    ("wanted", "free", "rows"),
    [(16, 100 * GIB, 16), (16, 20 * GIB, 8), (8, 20 * GIB, 8), (16, 3 * GIB, 1), (16, 0, 1), (1, 100 * GIB, 1)],
)
def test_as_many_rows_share_a_pass_as_fit_into_free_memory(wanted: int, free: int, rows: int) -> None:
    assert fitting_rows(wanted, Taken(peak=2 * GIB, free=int(free))) == rows
    assert rows == 1 or rows * 2 * GIB * HEADROOM <= free


def test_a_cpu_gives_what_is_wanted_and_runs_nothing() -> None:
    def fails() -> None:
        raise AssertionError

    assert rows_in_memory(7, torch.device("cpu"), Ranks(0, 1, None), fails) == 7
