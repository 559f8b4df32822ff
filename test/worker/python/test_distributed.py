"""Rows are split over processes so that all make the same passes and every row counts once."""

import pytest
import torch

from sage_worker.distributed import Ranks, average_gradients, gather_rows, passes, share


@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize("rows", [1, 2, 5])
@pytest.mark.parametrize("total", [1, 2, 5, 8, 13])
def test_every_row_counts_once_and_all_processes_make_as_many_passes(total: int, rows: int, size: int) -> None:
    everyones = [passes(total, rows, Ranks(rank, size, None)) for rank in range(size)]
    assert len({len(mine) for mine in everyones}) == 1
    places = [place for mine in everyones for one in mine for place in one.own]
    # Contiguous parts in the order of the ranks, so that gathered rows need no sorting.
    assert places == list(range(total))
    assert all(len(one.places) == rows for mine in everyones for one in mine)
    assert all(0 <= place < total for mine in everyones for one in mine for place in one.places)
    assert [place for rank in range(size) for place in share(total, Ranks(rank, size, None))] == places


def test_a_process_alone_keeps_what_it_has() -> None:
    alone = Ranks(0, 1, None)
    rows, gradient = torch.arange(6.0).reshape(3, 2), torch.ones(4)
    average_gradients([gradient], alone)
    assert torch.equal(gather_rows(rows, 3, alone), rows) and torch.equal(gradient, torch.ones(4))
