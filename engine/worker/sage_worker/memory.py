"""Memory that ran out: how it is told from other errors, and what may be said beside it."""

from __future__ import annotations

import errno

import torch

_WORDS = ("out of memory", "can't allocate memory", "cannot allocate memory", "CUBLAS_STATUS_ALLOC_FAILED")


class OutOfMemory(MemoryError):
    """Memory ran out where it is known for what, and what would need less."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def is_memory(error: BaseException) -> bool:
    """Whether memory ran out, of the device or of the machine."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    # PyTorch's allocator on the CPU and some CUDA libraries raise a plain RuntimeError.
    return isinstance(error, RuntimeError) and any(word.lower() in str(error).lower() for word in _WORDS)
