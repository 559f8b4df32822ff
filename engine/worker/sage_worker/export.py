"""Writes a checkpoint as a whole model in diffusers' layout: the base with the trained weights in it.

python -m sage_worker.export '{"model", "weights", "checkpoint", "out"}'

The base's transformer is rewritten file by file, each tensor in the dtype that it was published in and rounded once, so
that the memory of one file is enough; its other parts are copied. The answer is one JSON line behind a mark: what was
written, or an error with its code and remedy.
"""

from __future__ import annotations

import json
import math
import shutil
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader
from torch.distributed.checkpoint.state_dict_loader import load

from sage_worker.errors import WorkerError
from sage_worker.hub import download
from sage_worker.models.adapters import FILE, METADATA, PREFIX, read_adapter
from sage_worker.models.pipeline_folder import Published, locate

MARK = "sage-export "
WEIGHTS = "diffusion_pytorch_model.safetensors"

Change = Callable[[str, Tensor], Tensor]
"""Name and value of a tensor of the base -> its trained value, in any dtype."""


def export_model(model: str, weights: str | None, checkpoint: Path, out: Path) -> Path:
    """Writes the whole pipeline into `out`, an existing empty folder; returns the folder of the base.

    Throws WorkerError where the base is not here or not the model that was trained, or the disk has no room.
    """
    published = published_as(model)
    base = find_base(weights, published)
    check_room(base, published, out)
    change = adapter_change(checkpoint / "adapter", base)
    if change is None:
        change = sharded_change(checkpoint / "policy", base)
    shutil.copy(base / "model_index.json", out)
    for part in published.parts:
        say(f"{'merging' if part == 'transformer' else 'copying'} {part}")
        skipped = shutil.ignore_patterns("*.safetensors", "*.bin") if part == "transformer" else None
        # Files of the hub's cache are links; their content is copied.
        shutil.copytree(base / part, out / part, ignore=skipped)
    rewrite(base / "transformer", out / "transformer", change)
    return base


def find_base(weights: str | None, published: Published) -> Path:
    """The folder of the base. Raises WorkerError, with what can be done about it here."""
    try:
        return locate(weights, published)
    except WorkerError as error:
        remedy = (
            "Name by --weights a folder or repository with the base that the run was trained from; "
            f"`{download(published.repository)}` fetches the released one."
        )
        raise WorkerError(error.code, error.message, remedy) from error


def published_as(model: str) -> Published:
    """How the base is published."""
    if model == "hunyuan-video-1.5":
        from sage_worker.models import hunyuan_video

        return hunyuan_video.PUBLISHED
    if model == "wan-2.1":
        from sage_worker.models import wan

        return wan.PUBLISHED
    raise WorkerError("policy/model", f"No model named {model} can be merged.", "Export the checkpoint as it is.")


def weight_files(folder: Path) -> list[Path]:
    """The files of a transformer that diffusers would load."""
    index = folder / f"{WEIGHTS}.index.json"
    if index.exists():
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        return [folder / name for name in sorted(names)]
    if (folder / WEIGHTS).exists():
        return [folder / WEIGHTS]
    raise WorkerError(
        "policy/weights",
        f"{folder} has no {WEIGHTS}, nor its shards.",
        "Name a folder with the base's weights as safetensors by --weights.",
    )


def base_names(base: Path) -> set[str]:
    """Names of the base's tensors."""
    names: set[str] = set()
    for file in weight_files(base / "transformer"):
        with safe_open(file, framework="pt") as store:
            names.update(store.keys())
    return names


def adapter_change(folder: Path, base: Path) -> Change | None:
    """Adds a LoRA adapter's products: W + scale B A, in float32. None where the checkpoint has no adapter."""
    if not (folder / FILE).exists():
        return None
    tensors = read_adapter(folder)
    pairs: dict[str, tuple[Tensor, Tensor]] = {}
    for name in tensors:
        if name.endswith(".lora_A.weight"):
            module = name.removesuffix(".lora_A.weight")
            pairs[f"{module}.weight"] = (tensors[name], tensors[f"{module}.lora_B.weight"])
    require_names(pairs, base_names(base), base)
    scale = adapter_scale(folder / FILE)

    def change(name: str, value: Tensor) -> Tensor:
        if name not in pairs:
            return value
        down, up = (factor.float() for factor in pairs[name])
        return value.float() + scale(down.shape[0]) * (up @ down)

    return change


def adapter_scale(file: Path) -> Callable[[int], float]:
    """Scale of an adapter by its rank, as its peft configuration says."""
    with safe_open(file, framework="pt") as store:
        config = json.loads((store.metadata() or {})[METADATA])
    alpha = float(config[f"{PREFIX}.lora_alpha"])
    return lambda rank: alpha / (math.sqrt(rank) if config.get(f"{PREFIX}.use_rslora") else rank)


def sharded_change(folder: Path, base: Path) -> Change:
    """Takes each tensor from the shards of full fine-tuning, whatever number of processes wrote them."""
    if not folder.is_dir():
        message = f"{folder.parent} holds neither an adapter nor the weights of full fine-tuning."
        raise WorkerError("policy/weights", message, "Export another checkpoint.")
    with quiet():
        trained = HuggingFaceStorageReader(str(folder)).read_metadata().state_dict_metadata
    require_names(trained, base_names(base), base)

    def change(name: str, value: Tensor) -> Tensor:
        if name not in trained:
            return value
        whole = {name: torch.empty(value.shape, dtype=torch.float32)}
        with quiet():
            load(whole, storage_reader=HuggingFaceStorageReader(str(folder)), no_dist=True)
        return whole[name]

    return change


def require_names(trained: Mapping[str, object], names: set[str], base: Path) -> None:
    """Raises WorkerError where the checkpoint trained what the base does not have."""
    unknown = sorted(set(trained) - names)
    if unknown or not trained:
        message = f"{base} is not the model that was trained: it has no {unknown[0] if unknown else 'trained weights'}."
        raise WorkerError("policy/weights", message, "Name the base that the run was trained from by --weights.")


def rewrite(source: Path, target: Path, change: Change) -> None:
    """Writes the weights of one model with each tensor changed; names, files and dtypes stay."""
    for file in weight_files(source):
        with safe_open(file, framework="pt") as store:
            tensors = {}
            for name in store.keys():  # noqa: SIM118
                value = store.get_tensor(name)
                tensors[name] = changed(name, value, change)
            save_file(tensors, target / file.name, metadata=store.metadata())
        say(f"wrote {file.name}")


def changed(name: str, value: Tensor, change: Change) -> Tensor:
    """The trained value in the published dtype."""
    new = change(name, value)
    if new.shape != value.shape:
        raise WorkerError(
            "policy/weights",
            f"{name} has the shape {list(value.shape)} in the base and {list(new.shape)} in the checkpoint.",
            "Name the base that the run was trained from by --weights.",
        )
    return new.to(value.dtype).contiguous()


def check_room(base: Path, published: Published, out: Path) -> None:
    """Raises WorkerError where the disk would be full before the end."""
    files = [file for part in published.parts for file in (base / part).rglob("*") if file.is_file()]
    needed, free = sum(file.stat().st_size for file in files), shutil.disk_usage(out).free
    if needed > free:
        message = f"The model takes {needed / 1e9:.1f} GB, and the disk of {out.parent} has {free / 1e9:.1f} GB free."
        raise WorkerError("disk/full", message, "Choose a folder on another disk with --out, or free some space.")


def quiet() -> Any:
    """torch.distributed.checkpoint warns where one process reads alone, which is meant."""
    return warnings.catch_warnings(action="ignore", category=UserWarning)


def say(text: str) -> None:
    """A line of progress."""
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Command line."""
    given = json.loads(sys.argv[1])
    try:
        base = export_model(given["model"], given["weights"], Path(given["checkpoint"]), Path(given["out"]))
        answer: dict[str, Any] = {"base": str(base)}
    except WorkerError as error:
        answer = {"error": {"code": error.code, "message": error.message, "remedy": error.remedy}}
    except OSError as error:
        remedy = "Free some space, or choose a folder that you can write to with --out."
        message = f"The model could not be written: {error}"
        answer = {"error": {"code": "export/failed", "message": message, "remedy": remedy}}
    print(f"\n{MARK}{json.dumps(answer)}", flush=True)


if __name__ == "__main__":
    main()
