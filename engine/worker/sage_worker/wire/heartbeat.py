"""Signs of life: what the worker takes of its memory, every two seconds, whatever else it does."""

from __future__ import annotations

import os
import sys
import threading
import time

import torch

from sage_worker.wire.channel import Channel

INTERVAL = 2.0
"""Seconds."""


def total_memory(device: torch.device) -> int | None:
    """Bytes of a GPU; None on the CPU, whose memory is the trainer's as well."""
    if device.type != "cuda":
        return None
    return int(torch.cuda.get_device_properties(device).total_memory)


def used_memory(device: torch.device) -> dict[str, int]:
    """`memory`: bytes in use now, `peak`: the most so far; of the GPU, or of this process."""
    if device.type == "cuda":
        return {
            "memory": int(torch.cuda.memory_allocated(device)),
            "peak": int(torch.cuda.max_memory_allocated(device)),
        }
    return {"memory": _resident(), "peak": _most_resident()}


def start_heartbeat(channel: Channel, device: torch.device) -> None:
    """Begins to send them, until the process ends."""

    def beat() -> None:
        while True:
            time.sleep(INTERVAL)
            channel.send({"heartbeat": used_memory(device)})

    threading.Thread(target=beat, name="heartbeat", daemon=True).start()


def _most_resident() -> int:
    if sys.platform == "win32":
        return 0
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(most if sys.platform == "darwin" else most * 1024)


def _resident() -> int:
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return _most_resident()
