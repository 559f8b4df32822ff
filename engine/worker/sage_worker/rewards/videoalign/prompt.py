"""The question that VideoAlign was trained to answer.

Its text is read from `prompt_template.py`, a file of VideoAlign's own repository, which is parsed and never run. Where
there is none, and downloads are not turned off, it is fetched as the weights are, and kept only if it is the published
text. Every space of it matters to the scores, so the text's SHA-256 says whether it is that one.
"""

from __future__ import annotations

import ast
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from sage_worker.errors import WorkerError

file_name = "prompt_template.py"
_constant = "DETAILED_PROMPT_WITH_SPECIAL_TOKEN"
_published = "fdb6309bac618dd0c8b1b589d3a0970a974f7856eecbb355a190b2dce54af700"
_address = (
    "https://raw.githubusercontent.com/KwaiVGI/VideoAlign/219ab9db64c045e5181a2202d11f686439351292/prompt_template.py"
)


@dataclass(frozen=True)
class Prompt:
    """The template `detailed_special`."""

    text: str
    sha256: str

    def fill(self, caption: str) -> str:
        """The question about a video of this caption."""
        return self.text.format(text_prompt=caption)

    @property
    def published(self) -> bool:
        """Whether it is, to the letter, what the published checkpoint was trained with."""
        return self.sha256 == _published


def read_prompt(folders: tuple[Path, ...], tokens: tuple[str, ...], cache: Path | None = None) -> Prompt:
    """The template from the first folder that has it, or fetched into `cache`; each of `tokens` must be in it once.

    Raises WorkerError.
    """
    kept = () if cache is None else (cache / "videoalign",)
    file = next((folder / file_name for folder in (*folders, *kept) if (folder / file_name).is_file()), None)
    reason = "" if file or not kept else _fetch(kept[0] / file_name)
    if file is None and reason == "" and kept:
        file = kept[0] / file_name
    if file is None:
        places = " or ".join(str(folder) for folder in folders)
        message = f"VideoAlign's prompt is missing: there is no {file_name} in {places}{reason}."
        remedy = f"Fetch it (MIT licence): `curl -fL -o '{folders[0] / file_name}' {_address}`."
        raise WorkerError("reward/prompt", message, remedy)
    text = _constant_of(file)
    for part in (*tokens, "{text_prompt}"):
        if text is None or text.count(part) != 1:
            message = f"{file} does not give {_constant} as a text that has {part} once."
            raise WorkerError("reward/prompt", message, f"Fetch it again: `curl -fL -o '{file}' {_address}`.")
    assert text is not None
    return Prompt(text, hashlib.sha256(text.encode()).hexdigest())


def _fetch(file: Path) -> str:
    """Downloads the published file; returns why there is none, as the end of a sentence, or nothing."""
    from huggingface_hub.constants import HF_HUB_OFFLINE

    if HF_HUB_OFFLINE:
        return ", and downloads are turned off (HF_HUB_OFFLINE)"
    try:
        with urlopen(_address, timeout=60) as answer:
            text = answer.read(1 << 20).decode("utf-8")
        constant = _constant_in(text)
        if constant is None or hashlib.sha256(constant.encode()).hexdigest() != _published:
            return f", and what {_address} gives is not the published text"
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(f".{os.getpid()}.part")
        draft.write_text(text, "utf-8")
        os.replace(draft, file)
    except (URLError, OSError, UnicodeDecodeError) as error:
        return f", and it could not be fetched ({error})"
    return ""


def _constant_of(file: Path) -> str | None:
    try:
        return _constant_in(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        return None


def _constant_in(source: str) -> str | None:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return None
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant):
            names = [target.id for target in statement.targets if isinstance(target, ast.Name)]
            if _constant in names and isinstance(statement.value.value, str):
                return statement.value.value
    return None
