"""What rank 0 makes of the faults of others: tests of real processes are in test/worker/torch-ranks.test.ts."""

from __future__ import annotations

from typing import Any

from sage_worker.wire.ranks import SETTLED, cry_of, lasting_fault

GRACE = 30.0


def fault(kind: str, message: str) -> dict[str, Any]:
    return {"code": f"worker/{kind}", "message": message, "remedy": "", "kind": kind}


MEMORY, BUG = fault("memory", "Rank 1 of 3: out of memory"), fault("bug", "Rank 0 of 3: connection closed")


def told(*story: list[bytes]) -> tuple[dict[str, Any], list[float]]:
    """The fault that is told when this is what the store has, one look after the other, and the pauses before."""
    looks, pauses = iter(story), list[float]()
    found = lasting_fault(lambda: next(looks), GRACE, pauses.append)
    assert next(looks, None) is None
    return found, pauses


def test_a_fault_that_outlasts_the_grace_is_told_as_it_is() -> None:
    cry = cry_of(MEMORY, 1)
    nothing, alone = [SETTLED] * 3, [SETTLED, cry, SETTLED]
    assert told(nothing, alone, alone) == (MEMORY, [1, 1, GRACE])


def test_the_fault_that_explains_the_others_is_told() -> None:
    first, second = cry_of(BUG, 4), cry_of(MEMORY, 1)
    assert told([first, SETTLED, SETTLED], [first, second, SETTLED])[0] == MEMORY


def test_an_equal_fault_of_a_later_message_has_a_grace_of_its_own() -> None:
    earlier, later = ([SETTLED, cry_of(MEMORY, number), SETTLED] for number in (1, 2))
    assert told(earlier, later, later, later) == (MEMORY, [1, GRACE, 1, GRACE])


def test_a_fault_that_all_ranks_have_heard_of_is_not_told() -> None:
    cry = [SETTLED, cry_of(MEMORY, 1), SETTLED]
    last = [SETTLED, cry_of(BUG, 2), SETTLED]
    assert told(cry, [SETTLED] * 3, last, last)[0] == BUG
