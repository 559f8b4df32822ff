"""The worker, whose rank RANK, or `all`, fails in the midst of a replay: `failing_rank.py HOW RANK`.

HOW is `memory`, `user` or `killed`. A failed rank waits for the others two seconds instead of thirty.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import torch

import sage_worker.replay
import sage_worker.wire.serve
from sage_worker.__main__ import main
from sage_worker.errors import WorkerError

GRACE = 2.0


def fail(how: str) -> None:
    """Ends what this rank is at."""
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "memory":
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
    raise WorkerError("policy/test", "The weights are of another model.", "Name others.")


def let_fail(how: str) -> None:
    """The loss fails on this rank. The others have the same pass, and wait for it to sum its gradients."""

    def loss(*_: Any) -> None:
        fail(how)

    sage_worker.replay.step_loss = loss  # type: ignore[assignment, attr-defined]


if __name__ == "__main__":
    sage_worker.wire.serve._GRACE = GRACE
    if sys.argv[2] in (os.environ["RANK"], "all"):
        let_fail(sys.argv[1])
    sys.exit(main())
