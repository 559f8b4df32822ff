"""How the scripts of this folder measure, and what they say of the machine."""

from __future__ import annotations

import gc
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

Record = dict[str, Any]
"""One measurement, as it is printed and written: plain JSON."""

GIBIBYTE = 2**30
PACKAGES = ("torch", "triton", "diffusers", "transformers", "peft", "accelerate", "numpy", "nvidia-cudnn-cu13")


@dataclass(frozen=True)
class Bench:
    """What a part is given."""

    device: torch.device
    tiny: bool
    """Tiny models on any device: the same code, no numbers worth keeping."""
    ends: float
    """time.monotonic() at which nothing new is begun."""
    scratch: Path
    only: str = ""
    """Of the attempts, those whose name has this in it."""
    options: str = ""
    """Name of the attempt whose options the part `hunyuan` takes."""
    records: list[Record] = field(default_factory=list)

    @property
    def cuda(self) -> bool:
        """Whether times and memory are those of a GPU."""
        return self.device.type == "cuda"

    @property
    def precision(self) -> torch.dtype:
        """Of weights and activations: as in training on a GPU, on a CPU too."""
        return torch.bfloat16

    def add(self, part: str, name: str, **values: Any) -> Record:
        """Keeps and prints a record."""
        record = {"part": part, "name": name, **values}
        self.records.append(record)
        print(json.dumps(record), flush=True)
        return record

    def seconds_left(self) -> float:
        """Until nothing new is begun."""
        return self.ends - time.monotonic()


def environment(bench: Bench) -> Record:
    """Device, versions, command and date."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    device: Record = {"name": platform.processor() or platform.machine(), "memory": None}
    if bench.cuda:
        properties = torch.cuda.get_device_properties(bench.device)
        device = {
            "name": properties.name,
            "memory": properties.total_memory,
            "multiprocessors": properties.multi_processor_count,
            "capability": f"{properties.major}.{properties.minor}",
        }
        versions["cuda"] = str(torch.version.cuda)
        versions["cudnn"] = str(torch.backends.cudnn.version())
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join(["python", *sys.argv]),
        "device": device,
        "versions": versions,
        "tiny": bench.tiny,
    }


def wait(device: torch.device) -> None:
    """Until the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def free(device: torch.device) -> None:
    """Gives back what nothing holds any more."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


@contextmanager
def peak(device: torch.device) -> Iterator[Record]:
    """Fills in `peakGiB`, the most that was allocated within it, and `residentGiB`, what was allocated before it."""
    found: Record = {"residentGiB": None, "peakGiB": None}
    if device.type == "cuda":
        wait(device)
        torch.cuda.reset_peak_memory_stats(device)
        found["residentGiB"] = round(torch.cuda.memory_allocated(device) / GIBIBYTE, 3)
    yield found
    if device.type == "cuda":
        wait(device)
        found["peakGiB"] = round(torch.cuda.max_memory_allocated(device) / GIBIBYTE, 3)


def timed(bench: Bench, run: Callable[[], object], repeats: int, warm: int = 1) -> Record:
    """Median, least and most milliseconds of some runs after warm ones, and peak memory over all of them."""
    repeats, warm = (1, 1) if bench.tiny else (repeats, warm)
    milliseconds = []
    with peak(bench.device) as memory:
        for index in range(warm + repeats):
            wait(bench.device)
            started = time.perf_counter()
            run()
            wait(bench.device)
            if index >= warm:
                milliseconds.append(1e3 * (time.perf_counter() - started))
    return {
        "ms": round(statistics.median(milliseconds), 3),
        "leastMs": round(min(milliseconds), 3),
        "mostMs": round(max(milliseconds), 3),
        "repeats": repeats,
        **memory,
    }


def rate(flops: float, milliseconds: float) -> float:
    """Operations a second in TFLOP/s."""
    return round(flops / milliseconds / 1e9, 2)
