"""Commands that errors tell are those of the program that is there, and fetch no more than is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from sage_worker import hub
from sage_worker.errors import WorkerError
from sage_worker.models.wan import PUBLISHED
from sage_worker.rewards.checkpoints import missing_part
from sage_worker.rewards.clipscore import load_clipscore
from sage_worker.rewards.videoalign import load_videoalign


@pytest.fixture
def hf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The program in an environment whose folder nobody has on the path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    program = folder / ("hf.exe" if sys.platform == "win32" else "hf")
    program.touch()
    return str(program)


def test_the_program_is_that_beside_this_python_or_the_one_on_the_path(hf: str) -> None:
    assert hub.download("me/mine") == f"{hf} download me/mine"
    Path(hf).unlink()
    assert hub.download("me/mine", ("*.bin", "*.h5")) == "hf download me/mine --exclude '*.bin' --exclude '*.h5'"


def test_the_installed_program_takes_the_command() -> None:
    command = hub.download("me/mine", hub.OTHER_FORMATS)
    said = subprocess.run(f"{command} --dry-run --help", shell=True, capture_output=True, text=True, check=False)
    assert said.returncode == 0 and "--exclude" in said.stdout


def test_errors_of_training_name_it(hf: str, tmp_path: Path) -> None:
    assert f"`{hf} download {PUBLISHED.repository} --local-dir FOLDER`" in PUBLISHED.remedy()
    formats = "--exclude '*.bin' --exclude '*.h5' --exclude '*.msgpack'"
    with pytest.raises(WorkerError) as clip:
        load_clipscore("./nowhere", tmp_path, torch.device("cpu"), torch.float32)
    assert f"`{hf} download openai/clip-vit-large-patch14 {formats}`" in clip.value.remedy
    with pytest.raises(WorkerError) as align:
        load_videoalign("./nowhere", tmp_path, torch.device("cpu"), torch.float32)
    assert f"`{hf} download KlingTeam/VideoReward`" in align.value.remedy
    part = missing_part("videoalign", "tokenizer", "here", "Qwen/Qwen2-VL-2B-Instruct", OSError())
    whole = "--exclude '*.safetensors' --exclude '*.bin'"
    assert f"`{hf} download Qwen/Qwen2-VL-2B-Instruct {whole}`" in part.remedy
