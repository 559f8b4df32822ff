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
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

MARK = "sage-doctor "
WEIGHT_FILES = ("*.safetensors", "*.bin", "*.pth", "*.pt", "*/*.pth", "*/*.safetensors")
# Parts of a pipeline that are no more than a few settings or a vocabulary.
WITHOUT_WEIGHTS = ("Tokenizer", "TokenizerFast", "Scheduler", "Processor", "Extractor", "Guidance", "Guider")


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


def one_line(error: object) -> str:
    """The first line of what an error says, with its kind."""
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else ''}"[:400]


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


def weights(name: str, kind: str) -> dict[str, Any]:
    """Whether a model's files are on this machine: `name` is a folder or a Hugging Face repository.

    `missing` names what lacks of a download that was begun; None where nothing of it is here.
    """
    folder = Path(name).expanduser() if looks_like_path(name) else snapshot(name)
    found = {"name": name, "folder": str(folder) if folder else None, "is_path": looks_like_path(name)}
    if folder is None or not folder.is_dir():
        return {**found, "folder": None, "missing": None}
    try:
        return {**found, "missing": CHECKS[kind](folder)}
    except (OSError, ValueError) as error:
        return {**found, "missing": [one_line(error)]}


def looks_like_path(name: str) -> bool:
    """As diffusers and transformers decide it: what is there as a folder is one; a repository is `owner/name`."""
    return Path(name).expanduser().is_dir() or name.count("/") != 1 or name.startswith((".", "/", "~"))


def snapshot(repository: str) -> Path | None:
    """The folder of a repository in Hugging Face's cache; never downloads."""
    try:
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(repository, local_files_only=True))
    except Exception:
        return None


def pipeline_gaps(folder: Path) -> list[str]:
    """What lacks of a folder in diffusers' layout, by its model_index.json."""
    index = folder / "model_index.json"
    if not index.exists():
        return ["model_index.json"]
    gaps = []
    for part, kind in json.loads(index.read_text(encoding="utf-8")).items():
        if not isinstance(kind, list) or kind[0] is None or kind[1] is None:
            continue
        if not (folder / part).is_dir():
            gaps.append(part)
        elif not str(kind[1]).endswith(WITHOUT_WEIGHTS):
            gaps += [f"{part}/{gap}" for gap in model_gaps(folder / part)]
    return gaps


def model_gaps(folder: Path) -> list[str]:
    """What lacks of one model's folder: its config, its weights, some of their shards, or the end of one."""
    gaps = [] if (folder / "config.json").exists() else ["config.json"]
    indices = list(folder.glob("*.index.json"))
    if not indices:
        if not any_file(folder, WEIGHT_FILES):
            return [*gaps, "weights"]
        return [*gaps, *(f"{file.name} (damaged)" for file in sorted(folder.glob("*.safetensors")) if damaged(file))]
    for index in indices:
        shards = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        lacking = [shard for shard in shards if not (folder / shard).exists()]
        lacking += [f"{shard} (damaged)" for shard in shards if damaged(folder / shard)]
        # Weights in two formats: one of them whole is enough.
        if not lacking:
            return gaps
        gaps += lacking
    return gaps


def damaged(file: Path) -> bool:
    """Whether a safetensors file is cut short, or is something else: a page of an error, a pointer of Git LFS."""
    if file.suffix != ".safetensors" or not file.exists():
        return False
    size = file.stat().st_size
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if not 2 <= length <= size - 8:
            return True
        try:
            header = json.loads(stream.read(length))
            ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        except (ValueError, AttributeError, KeyError, TypeError, IndexError):
            return True
    return bool(8 + length + max(ends, default=0) != size)


def video_align_gaps(folder: Path) -> list[str]:
    """VideoAlign's repository: settings beside a folder with weights."""
    gaps = [] if (folder / "model_config.json").exists() else ["model_config.json"]
    return gaps if any_file(folder, ("checkpoint-*/model.pth", "*.pth", "*.safetensors")) else [*gaps, "model.pth"]


def processor_gaps(folder: Path) -> list[str]:
    """A processor or tokenizer without its model."""
    return [] if any_file(folder, ("preprocessor_config.json", "tokenizer.json", "tokenizer_config.json")) else ["it"]


def any_file(folder: Path, patterns: Sequence[str]) -> bool:
    """Whether a file of one of the patterns is there; a link into the cache that leads nowhere is not."""
    return any(file.exists() for pattern in patterns for file in folder.glob(pattern))


CHECKS: dict[str, Callable[[Path], list[str]]] = {
    "pipeline": pipeline_gaps,
    "model": model_gaps,
    "processor": processor_gaps,
    "videoalign": video_align_gaps,
}


def main() -> None:
    """Command line."""
    found = examine(json.loads(sys.argv[1]))
    sys.stdout.write(f"\n{MARK}{json.dumps(found)}\n")
    sys.stdout.flush()
    # Threads that a library left behind must not keep the answer waiting.
    os._exit(0)


if __name__ == "__main__":
    main()
