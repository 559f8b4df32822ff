"""How rank 0 has the others act: messages go out over gloo, what became of them comes back."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist

from sage_worker.distributed import Ranks, broadcast_object, gather_objects, ranks_of, start_group
from sage_worker.wire.channel import Message
from sage_worker.wire.faults import Fault, worst_of

# A run may be paused for weeks, during which the others wait for a message.
_PATIENCE = timedelta(days=100)
SETTLED = b"settled"
"""In place of a cry: nothing that rank 0 does not know."""


@dataclass(frozen=True)
class Outcome:
    """What became of a message on one rank."""

    result: dict[str, Any] | None
    fault: Fault | None


class Crew:
    """All ranks. Alone, everything here is immediate."""

    def __init__(self, device: torch.device) -> None:
        """Joins the processes that torchrun started."""
        self.group = start_group(device)
        self.ranks = ranks_of(self.group)
        self._cries = 0
        # The new group is there when all ranks have come, and each has set its own.
        self.settle()
        control = None if self.group is None else dist.new_group(backend="gloo", timeout=_PATIENCE)
        self._control = Ranks(self.ranks.rank, self.ranks.size, control)

    def pass_on(self, message: Message | None) -> Message:
        """The message of rank 0, on every rank."""
        return broadcast_object(message, self._control)

    def outcomes(self, mine: Outcome) -> list[Outcome]:
        """What became of the message on every rank."""
        return gather_objects(mine, self._control)

    def cry(self, fault: Fault) -> None:
        """Lets rank 0 know at once that this rank failed, while others may still wait for it in the midst of a sum."""
        self._cries += 1
        self._set(cry_of(fault, self._cries))

    def settle(self) -> None:
        """After all ranks came together: this one's fault is known."""
        self._set(SETTLED)

    def watch(self, grace: float, on_fault: Callable[[Fault], None]) -> None:
        """On rank 0: tells of a rank that failed when the others have not ended the message together within `grace`."""
        if self.group is None:
            return
        # A connection of its own: the main thread may wait for an answer on the other.
        own: Any = dist.distributed_c10d._get_default_store()
        store = own.clone()

        def look() -> None:
            on_fault(lasting_fault(lambda: [store.get(key) for key in map(_key, range(self.ranks.size))], grace))

        threading.Thread(target=look, name="ranks", daemon=True).start()

    def _set(self, cry: bytes) -> None:
        if self.group is not None:
            dist.distributed_c10d._get_default_store().set(_key(self.ranks.rank), cry.decode())


def _key(rank: int) -> str:
    return f"sage_worker/fault/{rank}"


def cry_of(fault: Fault, number: int) -> bytes:
    """A fault as the ranks' common store has it; the number tells it from an equal one of a later message."""
    return json.dumps({"number": number, "fault": fault}).encode()


def lasting_fault(read: Callable[[], list[bytes]], grace: float, pause: Callable[[float], None] = time.sleep) -> Fault:
    """Waits for a cry that is still there after `grace`; returns the worst of the faults that are then known.

    :param read: gives the cry of every rank, or `SETTLED`
    """
    while True:
        pause(1)
        before = read()
        if all(cry == SETTLED for cry in before):
            continue
        pause(grace)
        after = read()
        if any(cry != SETTLED and cry == earlier for cry, earlier in zip(after, before, strict=True)):
            return worst_of([json.loads(cry)["fault"] for cry in after if cry != SETTLED])


def watch_parent(on_gone: Callable[[str], None]) -> None:
    """Tells when the process that started this one is gone: no rank may go on alone."""
    parent = os.getppid()

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        on_gone("the process that started it is gone")

    threading.Thread(target=look, name="parent", daemon=True).start()
