"""What the doctor sees of this Python and of weights on the disk."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import save_file

from sage_worker import doctor


def write(file: Path, content: object = "x") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content))


def pipeline(folder: Path) -> Path:
    """A pipeline's folder with a sharded transformer, as diffusers writes it."""
    parts = {"transformer": ["diffusers", "T"], "tokenizer": ["transformers", "ByT5Tokenizer"], "image": [None, None]}
    write(folder / "model_index.json", {"_class_name": "P", "do_this": True, **parts})
    write(folder / "transformer" / "config.json", {})
    shards = {"a": "m-00001-of-00002.safetensors", "b": "m-00002-of-00002.safetensors"}
    write(folder / "transformer" / "m.safetensors.index.json", {"weight_map": shards})
    for shard in shards.values():
        save_file({"a": torch.ones(64)}, folder / "transformer" / shard)
    (folder / "tokenizer").mkdir()
    return folder


def test_this_python_is_told_as_it_is() -> None:
    wanted = {"packages": ["torch", "no-such-package"], "imports": ["json", "no_such_module"], "weights": []}
    command = [sys.executable, "-m", "sage_worker.doctor", json.dumps(wanted)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = json.loads(output.split(doctor.MARK)[-1])
    assert found["packages"] == {"torch": torch.__version__, "no-such-package": None}
    assert found["torch"]["version"] == torch.__version__
    assert len(found["devices"]) == torch.cuda.device_count()
    # What is not installed is missing, not broken.
    assert found["broken"] == {}


def test_a_package_that_breaks_while_it_is_imported_is_named_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "crooked.py", "raise OSError('libcudart.so.12: cannot open shared object file')")
    write(tmp_path / "leaning.py", "import no_such_module")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert doctor.import_error("crooked") == "OSError: libcudart.so.12: cannot open shared object file"
    assert doctor.import_error("leaning") == "ModuleNotFoundError: No module named 'no_such_module'"


def test_a_folder_of_weights_is_whole_or_says_what_it_lacks(tmp_path: Path) -> None:
    folder = pipeline(tmp_path / "model")
    assert doctor.weights(str(folder), "pipeline")["missing"] == []
    (folder / "transformer" / "m-00002-of-00002.safetensors").unlink()
    assert doctor.weights(str(folder), "pipeline")["missing"] == ["transformer/m-00002-of-00002.safetensors"]
    (folder / "tokenizer").rmdir()
    assert "tokenizer" in doctor.weights(str(folder), "pipeline")["missing"]
    gone = doctor.weights(str(tmp_path / "gone"), "pipeline")
    assert (gone["folder"], gone["missing"], gone["is_path"]) == (None, None, True)


@pytest.mark.parametrize("damage", ["cut short", "page", "pointer", "empty"])
@pytest.mark.parametrize("sharded", [True, False])
def test_weights_that_are_not_whole_are_named(tmp_path: Path, damage: str, sharded: bool) -> None:
    folder = pipeline(tmp_path / "model")
    if not sharded:
        (folder / "transformer" / "m.safetensors.index.json").unlink()
    file = folder / "transformer" / "m-00001-of-00002.safetensors"
    whole = file.read_bytes()
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 16700000000\n"
    pages = {"cut short": whole[:-1], "page": b"<!doctype html><title>404</title>", "pointer": pointer, "empty": b""}
    file.write_bytes(pages[damage])
    assert doctor.weights(str(folder), "pipeline")["missing"] == [f"transformer/{file.name} (damaged)"]
    file.write_bytes(whole)
    assert doctor.weights(str(folder), "pipeline")["missing"] == []


def test_a_repository_is_looked_for_in_the_cache_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    assert doctor.weights("owner/clip", "model")["missing"] is None
    repository = tmp_path / "models--owner--clip"
    write(repository / "refs" / "main", "abc")
    snapshot = repository / "snapshots" / "abc"
    write(snapshot / "config.json", {})
    # A download that was cut short has links without their files.
    (snapshot / "model.safetensors").symlink_to(repository / "blobs" / "gone")
    assert doctor.weights("owner/clip", "model")["missing"] == ["weights"]
    (repository / "blobs").mkdir()
    save_file({"a": torch.ones(1)}, repository / "blobs" / "gone")
    found = doctor.weights("owner/clip", "model")
    assert (found["missing"], found["folder"], found["is_path"]) == ([], str(snapshot), False)


def test_video_align_is_settings_beside_a_folder_with_weights(tmp_path: Path) -> None:
    assert doctor.weights(str(tmp_path), "videoalign")["missing"] == ["model_config.json", "model.pth"]
    write(tmp_path / "model_config.json", {})
    write(tmp_path / "checkpoint-11352" / "model.pth")
    assert doctor.weights(str(tmp_path), "videoalign")["missing"] == []
