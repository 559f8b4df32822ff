"""Says in one JSON line what this Python has of what training needs; `sage-grpo doctor` makes sentences of it.

python -m sage_worker.doctor '{"imports": ["diffusers"], "packages": ["torch"], "weights": [{"name", "kind"}]}'

Each part is looked at by itself: what cannot be imported is named, and the rest still told. Libraries print what they
like on the standard output; the line that counts begins with a mark.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import platform
import shutil
import sys
import warnings
from pathlib import Path
from typing import Any

from sage_worker.doctor_weights import one_line, weights

MARK = "sage-doctor "


def examine(wanted: dict[str, Any]) -> dict[str, Any]:
    """Everything; keys as in `engine/python/examination.ts`."""
    return {
        "python": platform.python_version(),
        "executable": sys.executable,
        "packages": {name: version(name) for name in wanted["packages"]},
        "broken": {name: error for name in wanted["imports"] if (error := import_error(name)) is not None},
        "torch": torch_build(),
        "devices": devices(),
        "cache": cache(),
        "weights": [weights(**one) for one in wanted["weights"]],
    }


def version(package: str) -> str | None:
    """Of an installed distribution."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def import_error(module: str) -> str | None:
    """Why a module that is installed cannot be imported; None where it can be, or is not there at all."""
    try:
        importlib.import_module(module)
    except Exception as error:
        gone = isinstance(error, ModuleNotFoundError) and error.name == module
        return None if gone else one_line(error)
    return None


def torch_build() -> dict[str, Any] | None:
    """What PyTorch was built for and whether it finds a GPU; `reason` is its own word where it does not."""
    try:
        import torch
    except Exception as error:
        return None if isinstance(error, ModuleNotFoundError) and error.name == "torch" else {"error": one_line(error)}
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        available = torch.cuda.is_available()
    return {
        "version": torch.__version__,
        "cuda": torch.version.cuda,
        "available": available,
        "reason": None if available or not said else str(said[-1].message).strip().splitlines()[0][:400],
        "nccl": nccl() if available else None,
        "threads": torch.get_num_threads(),
    }


def nccl() -> str | None:
    """Version of NCCL, by which several GPUs add up gradients."""
    import torch

    try:
        if not torch.distributed.is_nccl_available():
            return None
        return ".".join(str(part) for part in torch.cuda.nccl.version())
    except Exception:
        return None


def devices() -> list[dict[str, Any]]:
    """Each GPU that PyTorch sees; free and total memory in bytes."""
    try:
        import torch

        return [device(index) for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    except Exception:
        return []


def device(index: int) -> dict[str, Any]:
    """One GPU. Asking for its memory makes a context on it, which fails where another program has it for itself."""
    import torch

    properties = torch.cuda.get_device_properties(index)
    known = {
        "name": properties.name,
        "total": properties.total_memory,
        "capability": f"{properties.major}.{properties.minor}",
        # Tensor cores take bfloat16 from Ampere on; before, it is emulated, and slow.
        "bf16": properties.major >= 8,
    }
    try:
        return {**known, "free": torch.cuda.mem_get_info(index)[0], "error": None}
    except Exception as error:
        return {**known, "free": None, "error": one_line(error)}


def cache() -> dict[str, Any]:
    """Hugging Face's folder of downloads, and the room on its disk in bytes."""
    try:
        from huggingface_hub.constants import HF_HUB_CACHE

        folder = Path(HF_HUB_CACHE)
    except Exception:
        home = os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface"
        folder = Path(os.environ.get("HF_HUB_CACHE") or Path(home) / "hub")
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    return {"folder": str(folder), "free": shutil.disk_usage(there).free}


def main() -> None:
    """Command line."""
    found = examine(json.loads(sys.argv[1]))
    sys.stdout.write(f"\n{MARK}{json.dumps(found)}\n")
    sys.stdout.flush()
    # Threads that a library left behind must not keep the answer waiting.
    os._exit(0)


if __name__ == "__main__":
    main()
