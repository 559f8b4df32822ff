"""Encoded prompts on the disk: every prompt is encoded once in the life of the cache.

A text encoder is as large as the video generator beside it and is needed for seconds. It is loaded only where an
encoding is missing, and one process at a time encodes: the others wait and read what it wrote.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from filelock import FileLock
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from sage_worker.errors import WorkerError

Encoding = dict[str, Tensor]
"""What a model keeps of one prompt, by name."""

Encode = Callable[[Sequence[str]], Iterable[Encoding]]
"""Encodes prompts one after the other; each is written as soon as it is there."""

SAMPLED = 1 << 16
"""Bytes of a large file that stand for it, at each of a few places."""


def cached(folder: Path, identity: str, prompts: Sequence[str], encode: Encode) -> list[Encoding]:
    """Encodings of the prompts, in order, on the CPU. `identity` names the encoders and how they are used."""
    found = {prompt: read(folder, identity, prompt) for prompt in dict.fromkeys(prompts)}
    missing = [prompt for prompt, encoding in found.items() if encoding is None]
    if missing:
        with alone(folder):
            found.update({prompt: read(folder, identity, prompt) for prompt in missing})
            found.update(made(folder, identity, [prompt for prompt in missing if found[prompt] is None], encode))
    return [encoding for prompt in prompts if (encoding := found[prompt]) is not None]


def fill(folder: Path, identity: str, prompts: Sequence[str], encode: Encode) -> None:
    """Encodes the prompts that are not in the cache. Of those that are, no more than their files' headers is read.

    A header tells a whole file from a part of one. Other damage is found, and mended, by who reads the contents.
    """
    missing = [prompt for prompt in dict.fromkeys(prompts) if not is_whole(folder, identity, prompt)]
    if missing:
        with alone(folder):
            missing = [prompt for prompt in missing if not is_whole(folder, identity, prompt)]
            for _ in made(folder, identity, missing, encode):
                # It is on the disk, and is not kept in memory.
                continue


def made(folder: Path, identity: str, prompts: Sequence[str], encode: Encode) -> Iterator[tuple[str, Encoding]]:
    """Encodes prompts and writes each as soon as it is there; the encoders are loaded only for one at least."""
    for prompt, encoding in zip(prompts, encode(prompts) if prompts else (), strict=True):
        write(folder, identity, prompt, encoding)
        yield prompt, encoding


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """This process's turn to write into the folder; raises WorkerError where prompts cannot be kept in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):
            yield
    except OSError as error:
        message = f"Encoded prompts cannot be kept in {folder}: {error}."
        raise WorkerError("policy/cache", message, "Make room there and let yourself write to it.") from error


def entry(folder: Path, identity: str, prompt: str) -> Path:
    """The file of one prompt."""
    key = hashlib.sha256(f"{identity}\0{prompt}".encode()).hexdigest()
    return folder / f"{key}.safetensors"


def is_whole(folder: Path, identity: str, prompt: str) -> bool:
    """Whether the cache has the encoding, by the header of its file."""
    try:
        with safe_open(entry(folder, identity, prompt), framework="pt") as store:
            return "digest" in (store.metadata() or {})
    except (OSError, SafetensorError):
        return False


def read(folder: Path, identity: str, prompt: str) -> Encoding | None:
    """The encoding in the cache; None where there is none or where its file is damaged."""
    file = entry(folder, identity, prompt)
    if not file.is_file():
        return None
    try:
        with safe_open(file, framework="pt") as store:
            encoding = {name: store.get_tensor(name) for name in store.keys()}  # noqa: SIM118
            metadata = store.metadata() or {}
    except (OSError, SafetensorError):
        return None
    return encoding if metadata.get("digest") == digest(encoding) else None


def write(folder: Path, identity: str, prompt: str, encoding: Encoding) -> None:
    """Writes one encoding, whole or not at all."""
    file = entry(folder, identity, prompt)
    draft = file.with_suffix(f".{os.getpid()}.part")
    metadata = {"identity": identity, "prompt": prompt, "digest": digest(encoding)}
    save_file(encoding, draft, metadata=metadata)
    os.replace(draft, file)


def digest(encoding: Encoding) -> str:
    """Hash of names, types, shapes and contents."""
    state = hashlib.sha256()
    for name in sorted(encoding):
        tensor = encoding[name].contiguous()
        state.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        state.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    return state.hexdigest()


def fingerprint(folder: Path, parts: Sequence[str]) -> str:
    """Hash of the files in some sub-folders: small ones whole, large ones by size and samples of their bytes.

    Two checkpoints of the same size differ nearly everywhere, so the samples tell them apart without reading 15 GB.
    """
    state = hashlib.sha256()
    for file in sorted(file for part in parts for file in (folder / part).rglob("*") if file.is_file()):
        size = file.stat().st_size
        state.update(f"{file.relative_to(folder).as_posix()} {size}\n".encode())
        with file.open("rb") as stream:
            if size <= 16 * SAMPLED:
                state.update(stream.read())
                continue
            for eighth in range(8):
                stream.seek(eighth * (size - SAMPLED) // 7)
                state.update(stream.read(SAMPLED))
    return state.hexdigest()
