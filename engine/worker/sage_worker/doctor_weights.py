"""Whether a model's files are on this machine and whole, without loading any: a part of `sage_worker.doctor`."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from sage_worker.hub import CLIP_H, QWEN2_VL

WEIGHT_FILES = ("*.safetensors", "*.bin", "*.pth", "*.pt", "*/*.pth", "*/*.safetensors")
# Parts of a pipeline that are no more than a few settings or a vocabulary.
WITHOUT_WEIGHTS = ("Tokenizer", "TokenizerFast", "Scheduler", "Processor", "Extractor", "Guidance", "Guider")
TOKENIZERS = ("tokenizer_config.json", "tokenizer.json", "vocab.json")

Gaps = Callable[[Path], list[str]]
"""What lacks of a folder."""
Need = tuple[str, str, Gaps]
"""A folder or repository, what is taken from it, and what of that lacks."""


def weights(name: str, kind: str, gaps: Gaps | None = None) -> dict[str, Any]:
    """Whether a model's files are on this machine: `name` is a folder or a Hugging Face repository.

    `missing` names what lacks of a download that was begun; None where nothing of it is here. `bytes` is the size of
    what is here, and `needs` tells in the same way of what the files found take from elsewhere.
    """
    folder = Path(name).expanduser() if looks_like_path(name) else snapshot(name)
    found: dict[str, Any] = {"name": name, "kind": kind, "is_path": looks_like_path(name), "needs": []}
    if folder is None or not folder.is_dir():
        return {**found, "folder": None, "missing": None, "bytes": 0}
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    found.update(folder=str(folder), bytes=size)
    try:
        needs = [weights(*one) for one in NEEDS[kind](folder, found["is_path"])] if kind in NEEDS else []
        return {**found, "missing": (gaps or CHECKS[kind])(folder), "needs": needs}
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
    file = video_align_weights(folder)
    if file is None:
        return [*gaps, "checkpoint-N/model.pth"]
    return gaps if whole_archive(file) else [*gaps, f"{file.relative_to(folder)} (damaged)"]


def video_align_weights(folder: Path) -> Path | None:
    """The newest weights, which are those that are taken."""
    files = [file for file in folder.glob("checkpoint-*/model.pth") if file.exists() and step_of(file) >= 0]
    return max(files, key=step_of, default=None)


def step_of(weights: Path) -> int:
    """N of checkpoint-N/model.pth; -1 where it is no number."""
    step = weights.parent.name.removeprefix("checkpoint-")
    return int(step) if step.isdigit() else -1


def whole_archive(file: Path) -> bool:
    """Whether a file is what torch.save writes, from its first byte to its last; nothing in it is unpickled."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError):
        return False
    # The list stands at the end, with distances from there: bytes that are missing before it make them negative.
    pickled = any(entry.filename.endswith("data.pkl") for entry in entries)
    return pickled and min(entry.header_offset for entry in entries) == 0


def video_align_needs(folder: Path, is_path: bool) -> list[Need]:
    """Of Qwen2-VL, from which it was trained, what does not lie beside the weights."""
    file = video_align_weights(folder)
    near = [folder] if file is None else [file.parent / "tokenizer", file.parent, folder]
    config = [place for place in near if (place / "config.json").is_file()][:1]
    tokenizer = [place for place in near if (place / "tokenizer_config.json").is_file()][:1]
    wanted = {"config.json": not config, "tokenizer.json": not tokenizer}
    if tokenizer:
        wanted["chat_template.json"] = not has_chat_template(tokenizer[0], *config)
    settings = folder / "model_config.json"
    if not settings.exists() or not any(wanted.values()):
        return []
    model = json.loads(settings.read_text(encoding="utf-8")).get("model_config") or {}
    gaps = partial(base_gaps, wanted=[name for name, lacking in wanted.items() if lacking])
    return [(str(model.get("model_name_or_path") or QWEN2_VL), "base", gaps)]


def has_chat_template(tokenizer: Path, *others: Path) -> bool:
    """Whether it stands in the tokenizer's settings, or in a file of its own."""
    if "chat_template" in json.loads((tokenizer / "tokenizer_config.json").read_text(encoding="utf-8")):
        return True
    return any_file(tokenizer, ("chat_template.jinja",)) or any(
        any_file(place, ("chat_template.json",)) for place in (tokenizer, *others)
    )


def base_gaps(folder: Path, wanted: Sequence[str]) -> list[str]:
    """Of some files those that are not there; a tokenizer is kept in several ways."""
    ways = {"tokenizer.json": TOKENIZERS, "chat_template.json": ("chat_template.json", *TOKENIZERS)}
    return [name for name in wanted if not any_file(folder, ways.get(name, (name,)))]


def pickscore_needs(folder: Path, is_path: bool) -> list[Need]:
    """The tokenizer and image processor of LAION's model, unless a folder has them beside the weights."""
    own = is_path and (folder / "tokenizer_config.json").is_file()
    return [] if own else [(CLIP_H, "processor", processor_gaps)]


def processor_gaps(folder: Path) -> list[str]:
    """A processor or tokenizer without its model."""
    return [] if any_file(folder, ("preprocessor_config.json", "tokenizer.json", "tokenizer_config.json")) else ["it"]


def clip_gaps(folder: Path) -> list[str]:
    """A model with its own tokenizer and image processor."""
    gaps = [*model_gaps(folder), *base_gaps(folder, ["tokenizer.json"])]
    images = any_file(folder, ("preprocessor_config.json", "processor_config.json"))
    return gaps if images else [*gaps, "preprocessor_config.json"]


def any_file(folder: Path, patterns: Sequence[str]) -> bool:
    """Whether a file of one of the patterns is there; a link into the cache that leads nowhere is not."""
    return any(file.exists() for pattern in patterns for file in folder.glob(pattern))


CHECKS: dict[str, Gaps] = {
    "pipeline": pipeline_gaps,
    "clip": clip_gaps,
    "pickscore": model_gaps,
    "processor": processor_gaps,
    "base": partial(base_gaps, wanted=("config.json", "tokenizer.json")),
    "videoalign": video_align_gaps,
}
NEEDS: dict[str, Callable[[Path, bool], list[Need]]] = {
    "videoalign": video_align_needs,
    "pickscore": pickscore_needs,
}


def one_line(error: object) -> str:
    """The first line of what an error says, with its kind."""
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else ''}"[:400]
