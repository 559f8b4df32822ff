"""A prompt is encoded once: its encoding is on the disk from then on, and the encoders are gone."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import Qwen2_5_VLTextModel, T5EncoderModel

from sage_worker.errors import WorkerError
from sage_worker.models import text_cache
from sage_worker.models.load import load_model
from tiny import HUNYUAN_VIDEO, WAN, plain_options, write_hunyuan_video, write_wan


class Encoder:
    """Encodes a prompt as its length and remembers that it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, prompts: Sequence[str]) -> Iterator[text_cache.Encoding]:
        for prompt in prompts:
            self.asked.append(prompt)
            none = torch.zeros((0, 3), dtype=torch.bfloat16)
            yield {"text": torch.full((2, 3), len(prompt), dtype=torch.bfloat16), "none": none}


def test_each_prompt_is_encoded_once_and_keeps_its_place(tmp_path: Path) -> None:
    encoder = Encoder()
    first = text_cache.cached(tmp_path, "model", ["aa", "b", "aa"], encoder)
    again = text_cache.cached(tmp_path, "model", ["b", "ccc", "aa"], encoder)
    assert encoder.asked == ["aa", "b", "ccc"]
    assert [int(one["text"][0, 0]) for one in first] == [2, 1, 2]
    assert [int(one["text"][0, 0]) for one in again] == [1, 3, 2]
    assert again[0]["text"].dtype == torch.bfloat16
    assert again[0]["none"].shape == (0, 3)


def test_a_filled_cache_is_checked_by_headers_and_its_gaps_are_encoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = Encoder()
    text_cache.fill(tmp_path, "model", ["aa", "b", "aa"], encoder)
    part, none = (text_cache.entry(tmp_path, "model", prompt) for prompt in ("b", "ccc"))
    part.write_bytes(part.read_bytes()[:-3])
    none.write_bytes(b"")
    monkeypatch.setattr(text_cache, "read", None)
    for _ in range(2):
        text_cache.fill(tmp_path, "model", ["aa", "b", "ccc"], encoder)
        assert encoder.asked == ["aa", "b", "b", "ccc"]


def test_another_encoder_has_other_entries(tmp_path: Path) -> None:
    encoder = Encoder()
    text_cache.cached(tmp_path, "model in bfloat16", ["a"], encoder)
    text_cache.cached(tmp_path, "model in float32", ["a"], encoder)
    assert encoder.asked == ["a", "a"]


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty"])
def test_a_damaged_entry_is_made_again(tmp_path: Path, damage: str) -> None:
    encoder = Encoder()
    whole = text_cache.cached(tmp_path, "model", ["a"], encoder)
    file = text_cache.entry(tmp_path, "model", "a")
    content = bytearray(file.read_bytes())
    if damage == "flipped":
        content[-1] ^= 1
    file.write_bytes(bytes({"truncated": content[:-3], "flipped": content, "empty": bytearray()}[damage]))
    mended = text_cache.cached(tmp_path, "model", ["a"], encoder)
    assert encoder.asked == ["a", "a"]
    assert torch.equal(mended[0]["text"], whole[0]["text"])
    text_cache.cached(tmp_path, "model", ["a"], encoder)
    assert encoder.asked == ["a", "a"]


def test_of_several_processes_one_encodes(tmp_path: Path) -> None:
    encoder = Encoder()
    prompts = [f"prompt {index}" for index in range(20)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: text_cache.cached(tmp_path, "model", prompts, encoder), range(4)))
    assert encoder.asked == prompts
    assert all(len(result) == 20 for result in results)


def test_an_interrupted_encoding_keeps_what_it_has(tmp_path: Path) -> None:
    encoder = Encoder()

    def fails_at_the_second(prompts: Sequence[str]) -> Iterator[text_cache.Encoding]:
        yield from encoder(prompts[:1])
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        text_cache.cached(tmp_path, "model", ["a", "b"], fails_at_the_second)
    text_cache.cached(tmp_path, "model", ["a", "b"], encoder)
    assert encoder.asked == ["a", "b"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WorkerError, match="file"):
        text_cache.cached(tmp_path / "file", "model", ["a"], Encoder())


def test_other_weights_of_the_same_size_have_another_fingerprint(tmp_path: Path) -> None:
    for name, value in (("a", 0), ("b", 1)):
        (tmp_path / name / "encoder").mkdir(parents=True)
        (tmp_path / name / "encoder" / "weights").write_bytes(bytes([value]) * (3 << 20))
    prints = [text_cache.fingerprint(tmp_path / name, ["encoder"]) for name in ("a", "b")]
    assert prints[0] != prints[1]
    shutil.copytree(tmp_path / "a", tmp_path / "c")
    assert text_cache.fingerprint(tmp_path / "c", ["encoder"]) == prints[0]


def encoders_in_memory() -> int:
    gc.collect()
    kinds = (Qwen2_5_VLTextModel, T5EncoderModel)
    found: list[Any] = [one for one in gc.get_objects() if isinstance(one, kinds)]
    return sum(not parameter.is_meta for one in found for parameter in one.parameters())


def test_encoders_are_loaded_when_something_is_missing_and_freed_at_once(tmp_path: Path) -> None:
    folder = write_hunyuan_video(tmp_path / "model")
    options = plain_options(folder, HUNYUAN_VIDEO, tmp_path / "prompts")
    model = load_model("hunyuan-video-1.5", options)
    before = encoders_in_memory()
    model.encode_ahead(["a boat"])
    assert encoders_in_memory() == before
    assert len(list((tmp_path / "prompts").glob("*.safetensors"))) == 2, "the prompt and the empty one"
    conditions = model.encode(["a boat", 'a "sign"'])
    assert encoders_in_memory() == before
    assert len(list((tmp_path / "prompts").glob("*.safetensors"))) == 3, "two prompts and the empty one"

    half = load_model("hunyuan-video-1.5", replace(options, precision=torch.bfloat16))
    assert half.encode(["a boat"])[0]["qwen"].dtype == torch.bfloat16

    (folder / "text_encoder" / "model.safetensors").unlink()
    again = model.encode(['a "sign"'])
    assert torch.equal(again[0]["byt5"], conditions[1]["byt5"])
    with pytest.raises(WorkerError, match="cannot be loaded"):
        model.encode(["a kite"])


def test_an_encoder_that_lacks_weights_is_refused(tmp_path: Path) -> None:
    folder = write_wan(tmp_path / "model")
    options = plain_options(folder, WAN, tmp_path / "prompts")
    model = load_model("wan-2.1", options)
    file = folder / "text_encoder" / "model.safetensors"
    weights = load_file(file)
    del weights["encoder.block.1.layer.0.SelfAttention.q.weight"]
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(WorkerError, match="lack weights"):
        model.encode(["a kite"])
