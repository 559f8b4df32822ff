"""VideoAlign scores as the published checkpoint would: loaded from its layout, checked by a forward written out."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub.constants
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from sage_worker.errors import WorkerError
from sage_worker.rewards.base import VideoToScore
from sage_worker.rewards.videoalign import prompt as prompt_module
from sage_worker.rewards.videoalign.layout import read_settings
from sage_worker.rewards.videoalign.model import VideoAlign, load_videoalign
from sage_worker.rewards.videoalign.pixels import PatchSize, frame_count, frame_size, normalise, patches_of, resize
from sage_worker.rewards.videoalign.prompt import read_prompt
from tiny_videoalign import QUESTION, REWARD_TOKENS, STEP, TinyVideoAlign, build_tiny_videoalign

CPU = torch.device("cpu")
SCALE = {"VQ": (3.6757, 2.2476), "MQ": (1.1646, 1.3811), "TA": (2.8105, 2.5121)}
QWEN = PatchSize(pixels=14, frames=2, merge=2)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyVideoAlign:
    return build_tiny_videoalign(tmp_path_factory.mktemp("videoalign"))


@pytest.fixture(scope="module")
def model(tiny: TinyVideoAlign) -> VideoAlign:
    return load(tiny.folder)


def load(folder: Path, precision: torch.dtype = torch.float32) -> VideoAlign:
    """The product's own loading, by a name beside the config."""
    loaded = load_videoalign(folder.name, folder.parent, CPU, precision)
    assert isinstance(loaded, VideoAlign)
    return loaded


def video(seed: int, prompt: str, frames: int = 9, height: int = 16, width: int = 24) -> VideoToScore:
    pixels = torch.rand(frames, height, width, 3, generator=torch.Generator().manual_seed(seed))
    return VideoToScore(pixels, prompt, 8.0, f"video {seed}")


def patches_by_hand(pixels: Tensor, rows: int, columns: int, chosen: Sequence[int]) -> tuple[Tensor, list[int]]:
    """Patches of the chosen frames as the tower reads them, one after the other in plain loops."""
    frames = (pixels[list(chosen)] * 255).round().permute(0, 3, 1, 2)
    frames = (
        torch.nn.functional.interpolate(frames, (rows, columns), mode="bicubic", antialias=True).clamp(0, 255).round()
    )
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073])[:, None, None]
    std = torch.tensor([0.26862954, 0.26130258, 0.27577711])[:, None, None]
    frames = (frames / 255 - mean) / std
    patches = [
        torch.stack([frames[t + dt, :, y : y + 14, x : x + 14] for dt in (0, 1)], dim=1).flatten()
        for t in range(0, len(frames), 2)
        for square_y in range(0, rows, 28)
        for square_x in range(0, columns, 28)
        for y in (square_y, square_y + 14)
        for x in (square_x, square_x + 14)
    ]
    return torch.stack(patches), [len(frames) // 2, rows // 14, columns // 14]


@torch.no_grad()
def raw_by_hand(
    tiny: TinyVideoAlign, item: VideoToScore, size: tuple[int, int], chosen: list[int], positions: str
) -> Tensor:
    """Raw VQ, MQ, TA by the model that the checkpoint was written from: the whole way, written out for one video."""
    network = tiny.model.get_base_model()  # type: ignore[operator]
    patches, grid = patches_by_hand(item.pixels, *size, chosen)
    grids = torch.tensor([grid])
    text = (
        "<|im_start|>system\nYou help.<|im_end|>\n<|im_start|>user\n<|vision_start|>"
        + "<|video_pad|>" * (math.prod(grid) // 4)
        + "<|vision_end|>"
        + QUESTION.replace("{text_prompt}", item.prompt)
        + "<|im_end|>\n<|im_start|>assistant\n"
    )
    ids = torch.tensor([tiny.tokenizer(text).input_ids])
    is_video = ids == tiny.config.video_token_id
    if positions == "plain":
        embeds = network.model.language_model.embed_tokens(ids)
        embeds[is_video] = network.model.visual(patches, grid_thw=grids).pooler_output
        hidden = network.model.language_model(inputs_embeds=embeds).last_hidden_state
    else:
        hidden = network.model(
            input_ids=ids, pixel_values_videos=patches, video_grid_thw=grids, mm_token_type_ids=is_video.int() * 2
        ).last_hidden_state
    logits = network.rm_head(hidden)[0]
    at = [ids[0].tolist().index(tiny.tokenizer.convert_tokens_to_ids(token)) for token in REWARD_TOKENS]
    if logits.shape[-1] == 1:
        return logits[at, 0]
    return torch.stack([logits[position, i] for i, position in enumerate(at)])


# 9 frames at 8 a second would be 2.25 of 2 a second, but 4 is the least; 16x24 is enlarged to 100,352 pixels at least.
SIZE, CHOSEN = (280, 392), [0, 3, 5, 8]


def test_scores_are_those_of_a_forward_written_out(tiny: TinyVideoAlign, model: VideoAlign) -> None:
    item = video(1, "a cat on a red roof")
    raw = raw_by_hand(tiny, item, SIZE, CHOSEN, "plain")
    [score] = model.score([item])
    assert score.reason is None
    assert list(score.raw.values()) == pytest.approx(raw.tolist(), abs=1e-5)
    for i, name in enumerate(("VQ", "MQ", "TA")):
        mean, std = SCALE[name]
        assert score.components[name] == pytest.approx((raw[i].item() - mean) / std, abs=1e-5)


def test_positions_on_the_grid_would_give_other_scores(tiny: TinyVideoAlign, model: VideoAlign) -> None:
    item = video(1, "a cat on a red roof")
    grid = raw_by_hand(tiny, item, SIZE, CHOSEN, "grid")
    [score] = model.score([item])
    assert max(abs(a - b) for a, b in zip(score.raw.values(), grid.tolist(), strict=True)) > 1e-3


def test_rotary_frequencies_are_rounded_as_they_were_in_training(model: VideoAlign) -> None:
    exact = 1 / 1e6 ** (torch.arange(0, 8, 2) / 8)
    rotary = model.network.get_base_model().model.language_model.rotary_emb  # type: ignore[operator]
    assert rotary.inv_freq.tolist() == exact.to(torch.bfloat16).float().tolist() != exact.tolist()


def test_a_head_with_three_outputs_gives_each_dimension_its_own(tmp_path: Path) -> None:
    tiny = build_tiny_videoalign(tmp_path, outputs=3)
    item = video(2, "rain")
    [score] = load(tiny.folder).score([item])
    assert list(score.raw.values()) == pytest.approx(raw_by_hand(tiny, item, SIZE, CHOSEN, "plain").tolist(), abs=1e-5)


def test_a_video_has_the_same_score_alone_and_among_others(model: VideoAlign) -> None:
    items = [video(1, "a cat"), video(2, "a dog that runs after a ball " * 5, 33, 30, 16), video(3, "", 4, 20, 20)]
    together = model.score(items)
    for item, score in zip(items, together, strict=True):
        assert list(score.raw.values()) == pytest.approx(list(model.score([item])[0].raw.values()), abs=1e-5)
    assert len({round(score.raw["VQ"], 3) for score in together}) == 3


def test_prompt_and_pixels_matter(model: VideoAlign) -> None:
    cat, dog, other = model.score([video(1, "a cat"), video(1, "a dog"), video(2, "a cat")])
    assert abs(cat.raw["TA"] - dog.raw["TA"]) > 1e-3
    # The caption stands behind the first two questions, so it cannot reach them.
    assert cat.raw["VQ"] == pytest.approx(dog.raw["VQ"], abs=1e-5)
    assert abs(cat.raw["VQ"] - other.raw["VQ"]) > 1e-3


def test_bytes_and_floats_of_the_same_video_score_alike(model: VideoAlign) -> None:
    floats = video(5, "a cat")
    levels = VideoToScore((floats.pixels * 255).round().to(torch.uint8), "a cat", 8.0, "bytes")
    assert model.score([levels])[0].raw == model.score([floats])[0].raw


def test_bfloat16_scores_are_near(tiny: TinyVideoAlign, model: VideoAlign) -> None:
    [half] = load(tiny.folder, torch.bfloat16).score([video(1, "a cat")])
    [full] = model.score([video(1, "a cat")])
    assert half.raw != full.raw
    assert list(half.raw.values()) == pytest.approx(list(full.raw.values()), abs=0.2)


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (video(1, "a cat", frames=1), "video 1: VideoAlign needs 2 frames at least, and it has 1"),
        (video(1, "so <|MQ_reward|>"), "video 1: its prompt contains <|MQ_reward|>, which is a mark"),
        (video(1, "see <|video_pad|>"), "video 1: its prompt contains <|video_pad|>, which is a mark"),
        (video(1, "a line", height=1, width=300), "video 1: its frames of 300x1 are longer than 200 to 1"),
    ],
)
def test_what_it_cannot_look_at_drops_out_alone(model: VideoAlign, item: VideoToScore, reason: str) -> None:
    first, dropped, last = model.score([video(7, "a cat"), item, video(8, "a dog")])
    assert (dropped.reason or "").startswith(reason) and not dropped.components
    assert first.reason is None and last.reason is None


def test_provenance_says_checkpoint_prompt_and_scale(model: VideoAlign, tiny: TinyVideoAlign) -> None:
    versions = model.versions()
    assert versions["videoalign"].startswith(f"{tiny.folder}, step {STEP}, ")
    assert versions["videoalign prompt"].startswith("not the published text, sha256 ")
    assert "VQ 3.6757 ± 2.2476" in versions["videoalign scale"]


# How a video is prepared.


@pytest.mark.parametrize(
    ("frames", "rate", "count"),
    [(81, 24, 6), (121, 24, 10), (33, 8, 8), (9, 8, 4), (5, 24, 4), (3, 8, 2), (2, 8, 2), (24 * 600, 24, 768)],
)
def test_frames_are_taken_at_two_a_second_in_pairs(tiny: TinyVideoAlign, frames: int, rate: float, count: int) -> None:
    assert frame_count(frames, rate, read_settings(tiny.folder / "model_config.json")) == count


@pytest.mark.parametrize(
    ("size", "resized"),
    [
        ((480, 848), (336, 588)),
        ((352, 624), (336, 588)),
        ((720, 1280), (336, 588)),
        ((400, 400), (392, 392)),
        ((16, 16), (336, 336)),
    ],
)
def test_frames_are_resized_to_multiples_of_28_within_the_pixels(
    size: tuple[int, int], resized: tuple[int, int]
) -> None:
    assert frame_size(*size, 28, 200704) == resized


def test_resizing_is_antialiased_bicubic() -> None:
    frame = torch.randint(0, 256, (40, 100, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    # Pillow's bicubic is the antialiased one; it computes with rounded integer weights.
    expected = np.asarray(Image.fromarray(frame.numpy()).resize((28, 28), Image.Resampling.BICUBIC)).astype(int)
    ours = resize(frame.permute(2, 0, 1)[None], 28, 28)[0].permute(1, 2, 0).numpy().astype(int)
    assert np.abs(ours - expected).max() <= 1


def test_patches_are_in_the_order_of_qwens_own_processor() -> None:
    frame = torch.randint(0, 256, (56, 84, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    processor = Qwen2VLImageProcessorPil(size={"shortest_edge": 28 * 28, "longest_edge": 200704})
    expected = processor(images=[Image.fromarray(frame.numpy())], return_tensors="pt")
    # Of a still it makes two equal frames.
    ours = patches_of(normalise(frame.permute(2, 0, 1)[None].repeat(2, 1, 1, 1)), QWEN)
    assert list(ours.grid) == expected.image_grid_thw[0].tolist() == [1, 4, 6]
    torch.testing.assert_close(ours.values, expected.pixel_values, atol=1e-5, rtol=0)


# What is wrong with a checkpoint is said.


def changed(tiny: TinyVideoAlign, folder: Path, change: Callable[[dict[str, Tensor]], None]) -> Path:
    """A copy of the checkpoint with other weights."""
    copy = folder / "VideoReward"
    shutil.copytree(tiny.folder, copy)
    file = copy / f"checkpoint-{STEP}" / "model.pth"
    weights = torch.load(file, weights_only=True)
    change(weights)
    torch.save(weights, file)
    return copy


def drop_head(weights: dict[str, Tensor]) -> None:
    del weights["base_model.model.rm_head.weight"]


def add_adapter(weights: dict[str, Tensor]) -> None:
    weights["base_model.model.visual.blocks.0.attn.qkv.lora_A.default.weight"] = torch.zeros(4, 32)


def narrow_head(weights: dict[str, Tensor]) -> None:
    weights["base_model.model.rm_head.weight"] = torch.zeros(1, 16)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (drop_head, r"has no base_model\.model\.rm_head\.weight"),
        (
            add_adapter,
            r"has an unknown base_model\.model\.model\.visual\.blocks\.0\.attn\.qkv\.lora_A\.default\.weight",
        ),
        (narrow_head, r"has in another shape base_model\.model\.rm_head\.weight \[1, 16\] for \[1, 32\]"),
    ],
)
def test_a_tensor_too_many_or_too_few_is_named(
    tiny: TinyVideoAlign, tmp_path: Path, change: Callable[[dict[str, Tensor]], None], words: str
) -> None:
    with pytest.raises(WorkerError, match=words):
        load(changed(tiny, tmp_path, change))


def test_the_newest_step_is_loaded(tiny: TinyVideoAlign, model: VideoAlign, tmp_path: Path) -> None:
    def double_head(weights: dict[str, Tensor]) -> None:
        weights["base_model.model.rm_head.weight"] *= 2

    folder = changed(tiny, tmp_path, double_head)
    (folder / f"checkpoint-{STEP}").rename(folder / "checkpoint-20000")
    shutil.copytree(tiny.folder / f"checkpoint-{STEP}", folder / "checkpoint-9000")
    [newest] = load(folder).score([video(1, "a cat")])
    [first] = model.score([video(1, "a cat")])
    assert newest.raw["TA"] == pytest.approx(2 * first.raw["TA"], rel=1e-4)


def test_a_pickle_is_not_executed(tiny: TinyVideoAlign, tmp_path: Path) -> None:
    folder = tmp_path / "VideoReward"
    shutil.copytree(tiny.folder, folder)
    torch.save({"weight": Path("/")}, folder / f"checkpoint-{STEP}" / "model.pth")
    with pytest.raises(WorkerError, match="could not be read as weights"):
        load(folder)


def test_a_missing_prompt_says_where_to_get_it(tiny: TinyVideoAlign, tmp_path: Path) -> None:
    folder = tmp_path / "VideoReward"
    shutil.copytree(tiny.folder, folder)
    text = (folder / "prompt_template.py").rename(tmp_path / "elsewhere.py")
    with pytest.raises(
        WorkerError, match=r"(?s)no prompt_template\.py in .*curl -fL -o .*KwaiVGI/VideoAlign/[0-9a-f]{40}/"
    ):
        load(folder)
    # Beside the config it is found too: a repository's snapshot in the cache is no place for a file of one's own.
    text.rename(tmp_path / "prompt_template.py")
    assert load(folder).prompt.text == QUESTION


class Site(BaseHTTPRequestHandler):
    """Gives one text, whatever is asked for."""

    text = ""
    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.text.encode())

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def test_a_missing_prompt_is_fetched_once_and_kept_only_if_it_is_the_published_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens, cache = tuple(REWARD_TOKENS), tmp_path / "cache"
    with pytest.raises(WorkerError, match="downloads are turned off"):
        read_prompt((tmp_path,), tokens, cache)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        monkeypatch.setattr(prompt_module, "_address", f"http://127.0.0.1:{site.server_port}/{prompt_module.file_name}")
        Site.text = f"DETAILED_PROMPT_WITH_SPECIAL_TOKEN = {QUESTION!r}\n"
        with pytest.raises(WorkerError, match="is not the published text"):
            read_prompt((tmp_path,), tokens, cache)
        assert not cache.exists()
        monkeypatch.setattr(prompt_module, "_published", hashlib.sha256(QUESTION.encode()).hexdigest())
        Site.asked = 0
        for _ in range(2):
            prompt = read_prompt((tmp_path,), tokens, cache)
            assert prompt.text == QUESTION
            assert prompt.published
        assert Site.asked == 1
        site.shutdown()
    monkeypatch.setattr(prompt_module, "_address", f"http://127.0.0.1:{site.server_port}/gone")
    with pytest.raises(WorkerError, match="could not be fetched"):
        read_prompt((tmp_path,), tokens, tmp_path / "other")


def test_a_missing_base_says_which_files(tiny: TinyVideoAlign, tmp_path: Path) -> None:
    folder = tmp_path / "VideoReward"
    shutil.copytree(tiny.folder, folder)
    file = folder / "model_config.json"
    file.write_text(file.read_text().replace(str(tiny.folder.parent / "base"), "Qwen/Qwen2-VL-2B-Instruct"))
    with pytest.raises(
        WorkerError, match=r"videoalign's config\.json .*hf download Qwen/Qwen2-VL-2B-Instruct --exclude"
    ):
        load(folder)
    # Beside the weights it is found.
    shutil.copy(tiny.folder.parent / "base" / "config.json", folder)
    assert load(folder).name == "videoalign"


def test_a_chat_template_in_a_file_of_its_own_is_found(tiny: TinyVideoAlign, model: VideoAlign, tmp_path: Path) -> None:
    folder = tmp_path / "VideoReward"
    shutil.copytree(tiny.folder, folder)
    template = folder / f"checkpoint-{STEP}" / "tokenizer" / "chat_template.jinja"
    text = template.read_text()
    template.unlink()
    with pytest.raises(WorkerError, match="has no chat template"):
        load(folder)
    # As Qwen2-VL's processors kept it.
    (template.parent / "chat_template.json").write_text(json.dumps({"chat_template": text}))
    assert load(folder).score([video(1, "a cat")])[0].raw == model.score([video(1, "a cat")])[0].raw


def test_a_prompt_without_its_marks_is_refused(tmp_path: Path) -> None:
    (tmp_path / "prompt_template.py").write_text(
        'DETAILED_PROMPT_WITH_SPECIAL_TOKEN = "rate {text_prompt}: <|VQ_reward|>"'
    )
    with pytest.raises(WorkerError, match=r"does not give .* that has <\|MQ_reward\|> once"):
        read_prompt((tmp_path,), tuple(REWARD_TOKENS))


@pytest.mark.parametrize(
    ("block", "key", "value", "words"),
    [
        ("data_config", "prompt_template_type", "simple", "prompt_template_type is 'simple'"),
        ("data_config", "sample_type", "multi_pts", "sample_type is 'multi_pts'"),
        ("data_config", "eval_dim", ["VQ"], "eval_dim is"),
        ("inference_config", "VQ_std", None, "TypeError"),
    ],
)
def test_settings_that_would_be_scored_another_way_are_refused(
    tiny: TinyVideoAlign, tmp_path: Path, block: str, key: str, value: object, words: str
) -> None:
    content = json.loads((tiny.folder / "model_config.json").read_text())
    content[block][key] = value
    (tmp_path / "model_config.json").write_text(json.dumps(content))
    with pytest.raises(WorkerError, match=words):
        read_settings(tmp_path / "model_config.json")


@pytest.mark.parametrize("checkpoint", [None, "KlingTeam/VideoReward", "./nowhere"])
def test_missing_weights_say_what_to_fetch(checkpoint: str | None, tmp_path: Path) -> None:
    with pytest.raises(WorkerError) as caught:
        load_videoalign(checkpoint, tmp_path, CPU, torch.float32)
    assert caught.value.code == "reward/weights"
    assert "hf download KlingTeam/VideoReward" in caught.value.remedy and "reward.checkpoints" in caught.value.remedy
