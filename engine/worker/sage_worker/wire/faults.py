"""How an exception goes to the trainer."""

from __future__ import annotations

import errno
import traceback
from typing import Any

import torch

from sage_worker.errors import WorkerError

Fault = dict[str, Any]

_MEMORY_WORDS = ("out of memory", "can't allocate memory", "cannot allocate memory", "CUBLAS_STATUS_ALLOC_FAILED")


def is_memory(error: BaseException) -> bool:
    """Whether memory ran out, of the device or of the machine."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    # PyTorch's allocator on the CPU and some CUDA libraries raise a plain RuntimeError.
    return isinstance(error, RuntimeError) and any(word.lower() in str(error).lower() for word in _MEMORY_WORDS)


def fault_of(error: BaseException, rank: int, size: int) -> Fault:
    """`code`, `message`, `remedy`, `kind` and, for a bug, the `trace`; the rank is named where there are several."""
    place = f"Rank {rank} of {size}: " if size > 1 else ""
    if isinstance(error, WorkerError):
        return {"code": error.code, "message": place + error.message, "remedy": error.remedy, "kind": "user"}
    words = f"{type(error).__name__}: {error}"
    kind = "memory" if is_memory(error) else "bug"
    trace = "".join(traceback.format_exception(error))
    return {"code": f"worker/{kind}", "message": place + words, "remedy": "", "kind": kind, "trace": trace[-20_000:]}


def worst_of(faults: list[Fault]) -> Fault:
    """The one to show: where one rank ran out of memory, the others' broken connections are its consequence."""
    order = {"memory": 0, "user": 1, "bug": 2}
    return min(faults, key=lambda fault: order[fault["kind"]])
