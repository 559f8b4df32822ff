"""The question that VideoAlign was trained to answer.

Its text is read from `prompt_template.py`, a file of VideoAlign's own repository, which is parsed and never run. Every
space of it matters to the scores, so the text's SHA-256 says whether it is the published one.
"""

from __future__ import annotations

import ast
import hashlib
from dataclasses import dataclass
from pathlib import Path

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


def read_prompt(folders: tuple[Path, ...], tokens: tuple[str, ...]) -> Prompt:
    """The template from the first folder that has it; each of `tokens` must be in it once. Raises WorkerError."""
    file = next((folder / file_name for folder in folders if (folder / file_name).is_file()), None)
    if file is None:
        places = " or ".join(str(folder) for folder in folders)
        message = f"VideoAlign's prompt is missing: there is no {file_name} in {places}."
        remedy = f"Fetch it (MIT licence): `curl -fL -o '{folders[0] / file_name}' {_address}`."
        raise WorkerError("reward/prompt", message, remedy)
    text = _constant_of(file)
    for part in (*tokens, "{text_prompt}"):
        if text is None or text.count(part) != 1:
            message = f"{file} does not give {_constant} as a text that has {part} once."
            raise WorkerError("reward/prompt", message, f"Fetch it again: `curl -fL -o '{file}' {_address}`.")
    assert text is not None
    return Prompt(text, hashlib.sha256(text.encode()).hexdigest())


def _constant_of(file: Path) -> str | None:
    try:
        tree = ast.parse(file.read_text("utf-8"))
    except (OSError, SyntaxError, UnicodeDecodeError):
        return None
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant):
            names = [target.id for target in statement.targets if isinstance(target, ast.Name)]
            if _constant in names and isinstance(statement.value.value, str):
                return statement.value.value
    return None
