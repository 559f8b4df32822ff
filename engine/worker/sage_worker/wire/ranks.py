"""How rank 0 has the others act: messages go out over gloo, what became of them comes back."""

from __future__ import annotations

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
from sage_worker.wire.faults import Fault

# A run may be paused for weeks, during which the others wait for a message.
_PATIENCE = timedelta(days=100)
_FAULT = "sage_worker/fault"


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
        if self.group is not None:
            dist.distributed_c10d._get_default_store().set(f"{_FAULT}/{self.ranks.rank}", fault["message"])

    def watch(self, grace: float, on_fault: Callable[[str], None]) -> None:
        """On rank 0: tells of a rank that failed when the others have not ended the message together within `grace`."""
        if self.group is None:
            return
        store: Any = dist.distributed_c10d._get_default_store()
        store = store.clone()
        keys = [f"{_FAULT}/{rank}" for rank in range(self.ranks.size)]

        def look() -> None:
            while True:
                time.sleep(1)
                for key in keys:
                    if store.check([key]):
                        time.sleep(grace)
                        if store.check([key]):
                            on_fault(store.get(key).decode())
                            return

        threading.Thread(target=look, name="ranks", daemon=True).start()

    def settle(self) -> None:
        """After all ranks came together: this one's fault is known."""
        if self.group is not None:
            dist.distributed_c10d._get_default_store().delete_key(f"{_FAULT}/{self.ranks.rank}")


def watch_parent(on_gone: Callable[[str], None]) -> None:
    """Tells when the process that started this one is gone: no rank may go on alone."""
    parent = os.getppid()

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        on_gone("the process that started it is gone")

    threading.Thread(target=look, name="parent", daemon=True).start()
