"""What the doctor sees of this Python and of weights on the disk."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import save_file

from sage_worker import doctor
from sage_worker.doctor_weights import weights
from tiny_clip import build_tiny_clip
from tiny_videoalign import build_tiny_videoalign


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
    assert weights(str(folder), "pipeline")["missing"] == []
    (folder / "transformer" / "m-00002-of-00002.safetensors").unlink()
    assert weights(str(folder), "pipeline")["missing"] == ["transformer/m-00002-of-00002.safetensors"]
    (folder / "tokenizer").rmdir()
    assert "tokenizer" in weights(str(folder), "pipeline")["missing"]
    gone = weights(str(tmp_path / "gone"), "pipeline")
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
    assert weights(str(folder), "pipeline")["missing"] == [f"transformer/{file.name} (damaged)"]
    file.write_bytes(whole)
    assert weights(str(folder), "pipeline")["missing"] == []


def test_a_repository_is_looked_for_in_the_cache_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    assert weights("owner/clip", "pickscore")["missing"] is None
    repository = tmp_path / "models--owner--clip"
    write(repository / "refs" / "main", "abc")
    snapshot = repository / "snapshots" / "abc"
    write(snapshot / "config.json", {})
    # A download that was cut short has links without their files.
    (snapshot / "model.safetensors").symlink_to(repository / "blobs" / "gone")
    assert weights("owner/clip", "pickscore")["missing"] == ["weights"]
    (repository / "blobs").mkdir()
    save_file({"a": torch.ones(1)}, repository / "blobs" / "gone")
    found = weights("owner/clip", "pickscore")
    assert (found["missing"], found["folder"], found["is_path"]) == ([], str(snapshot), False)


def test_video_align_is_settings_beside_a_folder_with_weights(tmp_path: Path) -> None:
    def missing() -> list[str]:
        return cast(list[str], weights(str(tmp_path), "videoalign")["missing"])

    assert missing() == ["model_config.json", "checkpoint-N/model.pth"]
    write(tmp_path / "model_config.json", {})
    # Not where training looks for them.
    torch.save({}, tmp_path / "model.pth")
    (tmp_path / "checkpoint-last").mkdir()
    torch.save({}, tmp_path / "checkpoint-last" / "model.pth")
    assert missing() == ["checkpoint-N/model.pth"]
    for step in (9, 11352):
        (tmp_path / f"checkpoint-{step}").mkdir()
        torch.save({"a": torch.ones(4)}, tmp_path / f"checkpoint-{step}" / "model.pth")
    assert missing() == []
    # The newest are taken, as numbers go.
    (tmp_path / "checkpoint-9" / "model.pth").write_text("x")
    assert missing() == []


@pytest.mark.parametrize("damage", ["cut short", "cut in the middle", "page", "pointer", "empty", "zip", "pickle"])
def test_weights_of_video_align_that_are_something_else_are_named(tmp_path: Path, damage: str) -> None:
    folder = build_tiny_videoalign(tmp_path).folder
    assert weights(str(folder), "videoalign")["missing"] == []
    file = folder / "checkpoint-11352" / "model.pth"
    whole = file.read_bytes()
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("notes.txt", "nothing")
    others = {
        "cut short": whole[:-1],
        "cut in the middle": whole[:2000] + whole[3000:],
        "page": b"<!doctype html><title>404</title>",
        "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 5031072529\n",
        "empty": b"",
        "zip": (tmp_path / "other.zip").read_bytes(),
        "pickle": pickle.dumps({"a": 1}),
    }
    file.write_bytes(others[damage])
    assert weights(str(folder), "videoalign")["missing"] == ["checkpoint-11352/model.pth (damaged)"]


def test_what_weights_take_from_elsewhere_is_looked_for_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    tiny = build_tiny_videoalign(tmp_path)

    def needs(folder: Path, kind: str) -> list[dict[str, Any]]:
        return cast(list[dict[str, Any]], weights(str(folder), kind)["needs"])

    # The tokenizer lies beside the weights; the settings of the network are those of the model it was trained from.
    [base] = needs(tiny.folder, "videoalign")
    assert (base["name"], base["is_path"], base["missing"]) == (str(tmp_path / "base"), True, [])
    (tmp_path / "base" / "config.json").unlink()
    assert needs(tiny.folder, "videoalign")[0]["missing"] == ["config.json"]
    settings = json.loads((tiny.folder / "model_config.json").read_text())
    settings["model_config"]["model_name_or_path"] = None
    write(tiny.folder / "model_config.json", settings)
    [base] = needs(tiny.folder, "videoalign")
    assert (base["name"], base["is_path"], base["missing"]) == ("Qwen/Qwen2-VL-2B-Instruct", False, None)
    tiny.config.save_pretrained(tiny.folder)
    assert needs(tiny.folder, "videoalign") == []
    shutil.rmtree(tiny.folder / "checkpoint-11352" / "tokenizer")
    assert len(needs(tiny.folder, "videoalign")) == 1
    build_tiny_clip(tmp_path / "clip")
    assert needs(tmp_path / "clip", "pickscore") == []
    assert weights(str(tmp_path / "clip"), "clip")["missing"] == []
    for file in (tmp_path / "clip").glob("*token*"):
        file.unlink()
    assert [one["name"] for one in needs(tmp_path / "clip", "pickscore")] == ["laion/CLIP-ViT-H-14-laion2B-s32B-b79K"]


def test_the_size_of_what_is_here_is_told(tmp_path: Path) -> None:
    folder = pipeline(tmp_path / "model")
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    assert weights(str(folder), "pipeline")["bytes"] == size > 600
    assert weights("./gone", "pipeline")["bytes"] == 0
