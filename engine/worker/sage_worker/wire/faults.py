"""How an exception goes to the trainer."""

from __future__ import annotations

import traceback
from typing import Any

from sage_worker.errors import WorkerError
from sage_worker.memory import OutOfMemory, is_memory

Fault = dict[str, Any]


def fault_of(error: BaseException, rank: int, size: int) -> Fault:
    """`code`, `message`, `remedy`, `kind` and, for a bug, the `trace`; the rank is named where there are several."""
    place = f"Rank {rank} of {size}: " if size > 1 else ""
    if isinstance(error, WorkerError):
        return {"code": error.code, "message": place + error.message, "remedy": error.remedy, "kind": "user"}
    words, remedy = f"{type(error).__name__}: {error}", ""
    if isinstance(error, OutOfMemory):
        words, remedy = str(error), error.remedy
    kind = "memory" if is_memory(error) else "bug"
    trace = "".join(traceback.format_exception(error))[-20_000:]
    return {"code": f"worker/{kind}", "message": place + words, "remedy": remedy, "kind": kind, "trace": trace}


def worst_of(faults: list[Fault]) -> Fault:
    """The one to show: where one rank ran out of memory, the others' broken connections are its consequence."""
    order = {"memory": 0, "user": 1, "bug": 2}
    return min(faults, key=lambda fault: order[fault["kind"]])
