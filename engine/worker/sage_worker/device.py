"""What a rank computes on, in words and in bytes."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from typing import NamedTuple

import torch

from sage_worker.errors import WorkerError


def own_device() -> torch.device:
    """The device of this rank: its own GPU, or the CPU where there is none.

    :raises WorkerError: where there are fewer GPUs than ranks
    """
    if not torch.cuda.is_available():
        return torch.device("cpu")
    local, found = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if local >= found:
        raise WorkerError(
            "worker/devices",
            f"The run wants {local + 1} GPUs or more of this machine, which has {found}.",
            f"Set policy.devices to {found}, which a run can be given when it is resumed, or free the others "
            "(CUDA_VISIBLE_DEVICES).",
        )
    torch.cuda.set_device(local)
    return torch.device("cuda", local)


def device_name(device: torch.device, ranks: int) -> str:
    """What computes, in words: `NVIDIA H200` or `8 x NVIDIA H200`, or the processor."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU ({processor()})"
    return name if ranks == 1 else f"{ranks} x {name}"


def processor() -> str:
    """The processor's name, where the system tells it."""
    try:
        with open("/proc/cpuinfo", encoding="utf8") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()


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


class Taken(NamedTuple):
    """Bytes that something takes at its peak beside what is there already, and bytes that are free for such things."""

    peak: int
    free: int


def memory_taken(device: torch.device, run: Callable[[], object]) -> Taken:
    """Runs something on a CUDA device and looks at its memory."""
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    run()
    peak = torch.cuda.max_memory_allocated(device) - before
    free, _ = torch.cuda.mem_get_info(device)
    unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return Taken(peak, free + unused)


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
