"""Repositories of the Hugging Face hub that several parts name, and the command that fetches one."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

QWEN2_VL = "Qwen/Qwen2-VL-2B-Instruct"
"""VideoAlign was trained from it, and brings neither its config nor its tokenizer."""
CLIP_H = "laion/CLIP-ViT-H-14-laion2B-s32B-b79K"
"""Its tokenizer and image processor are PickScore's; PickScore's own repository is used with these."""

OTHER_FORMATS = ("*.bin", "*.h5", "*.msgpack")
"""Of repositories that have the same weights as safetensors, which are loaded."""
ALL_WEIGHTS = ("*.safetensors", "*.bin")


def download(repository: str, unneeded: tuple[str, ...] = ()) -> str:
    """`hf download REPOSITORY` without the files of some patterns, by the program beside this Python.

    In a virtual environment it lies there alone, and a shell would not find it.
    """
    beside = Path(sys.executable).with_name("hf.exe" if sys.platform == "win32" else "hf")
    program = shlex.quote(str(beside)) if beside.is_file() else "hf"
    return " ".join([f"{program} download {repository}", *(f"--exclude '{pattern}'" for pattern in unneeded)])
