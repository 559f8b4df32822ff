"""Where a reward model's weights are: a folder, or a repository of the Hugging Face hub."""

from __future__ import annotations

import re
from pathlib import Path

from sage_worker.errors import WorkerError

_repository = re.compile(r"[\w.-]+/[\w.-]+")


def resolve(name: str, checkpoint: str | None, released: str, base_folder: Path) -> str:
    """Folder (absolute) or repository of a reward model's weights; `released` where the config names none.

    A name like `owner/name` that is no folder beside the config is a repository. Raises WorkerError.
    """
    given = released if checkpoint is None else checkpoint
    folder = (base_folder / Path(given).expanduser()).resolve()
    if folder.is_dir():
        return str(folder)
    if _repository.fullmatch(given) and not given.startswith("."):
        return given
    message = f"The weights of {name} are not at {folder}."
    raise WorkerError("reward/weights", message, remedy(name, released))


def missing(name: str, source: str, released: str, error: BaseException) -> WorkerError:
    """What to say where weights could not be loaded from `source`."""
    first = str(error).strip().splitlines()
    words = f"{type(error).__name__}: {first[0]}" if first else type(error).__name__
    return WorkerError("reward/weights", f"{name} could not be loaded from {source} ({words}).", remedy(name, released))


def remedy(name: str, released: str) -> str:
    """How to get the weights."""
    return (
        f"`hf download {released}` fetches them into the cache, or `hf download {released} --local-dir FOLDER` into "
        f"a folder, which reward.checkpoints then names: `{name}: FOLDER`."
    )
