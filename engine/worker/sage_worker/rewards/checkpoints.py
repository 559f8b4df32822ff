"""Where a reward model's weights are: a folder, or a repository of the Hugging Face hub."""

from __future__ import annotations

import re
from difflib import get_close_matches
from pathlib import Path

from sage_worker.errors import WorkerError
from sage_worker.hub import ALL_WEIGHTS, OTHER_FORMATS, download

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
    raise WorkerError("reward/weights", message, nearest(name, folder) + remedy(name, released))


def lost_folder(error: WorkerError, name: str, given: str | None, base_folder: Path) -> WorkerError:
    """The error of weights that were taken for a repository's, where more likely a folder is meant.

    It is one where `given` is no folder, but what it begins with is one beside the config.
    """
    if error.code != "reward/weights" or given is None or not _repository.fullmatch(given):
        return error
    folder = (base_folder / given).resolve()
    if folder.is_dir() or not folder.parent.is_dir():
        return error
    message = (
        f"There is no folder {given} in {base_folder} with the weights of {name}, nor could they be had from a "
        "repository of that name on the Hugging Face hub."
    )
    return WorkerError(error.code, message, nearest(name, folder) + error.remedy)


def nearest(name: str, folder: Path) -> str:
    """What to write in place of a folder that is not there, as the first sentence of a remedy."""
    there = [place.name for place in folder.parent.iterdir()] if folder.parent.is_dir() else []
    near = get_close_matches(folder.name, there, n=1)
    return f"Write `{name}: {folder.with_name(near[0])}` in reward.checkpoints, if that is meant. " if near else ""


def missing(name: str, source: str, released: str, error: BaseException) -> WorkerError:
    """What to say where a reward model's weights could not be loaded from `source`."""
    message = f"{name} could not be loaded from {source} ({_first_line(error)})."
    return WorkerError("reward/weights", message, remedy(name, released))


def missing_part(name: str, part: str, source: str, repository: str, error: BaseException) -> WorkerError:
    """What to say where the weights are there, and something small beside them is not."""
    message = f"{name}'s {part} could not be loaded from {source} ({_first_line(error)})."
    advice = (
        f"`{download(repository, ALL_WEIGHTS)}` fetches it without weights; "
        f"or put its files into the folder that reward.checkpoints names for {name}."
    )
    return WorkerError("reward/weights", message, advice)


def remedy(name: str, released: str) -> str:
    """How to get the weights."""
    # VideoAlign's are in no other format than they are loaded from.
    command = download(released, () if name == "videoalign" else OTHER_FORMATS)
    return (
        f"`{command}` fetches them into the cache; with `--local-dir FOLDER` behind it into a folder, which "
        f"reward.checkpoints then names: `{name}: FOLDER`."
    )


def _first_line(error: BaseException) -> str:
    first = str(error).strip().splitlines()
    return f"{type(error).__name__}: {first[0]}" if first else type(error).__name__
