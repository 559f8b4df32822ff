"""VideoAlign as a reward: components VQ, MQ and TA on the normalised scale, raw scores beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from sage_worker.errors import WorkerError
from sage_worker.hub import QWEN2_VL
from sage_worker.rewards.base import RewardModel, ScoredVideo, VideoToScore
from sage_worker.rewards.checkpoints import missing_part
from sage_worker.rewards.videoalign.layout import Checkpoint, dimensions, find_checkpoint
from sage_worker.rewards.videoalign.pixels import Patches, PatchSize, prepare
from sage_worker.rewards.videoalign.prompt import Prompt, read_prompt
from sage_worker.rewards.videoalign.weights import build_network

reward_tokens = tuple(f"<|{name}_reward|>" for name in dimensions)

_rows_a_pass = 8


class VideoAlign:
    """The network with its tokenizer and prompt. Their sum, Overall, is what equal weights of 1 make of them."""

    name = "videoalign"
    components: tuple[str, ...] = dimensions

    def __init__(
        self,
        checkpoint: Checkpoint,
        network: nn.Module,
        config: Any,
        tokenizer: Any,
        prompt: Prompt,
        device: torch.device,
    ) -> None:
        self.checkpoint = checkpoint
        self.network = network.to(device)
        self.tokenizer = tokenizer
        self.prompt = prompt
        self.device = device
        self.token_ids: list[int] = tokenizer.convert_tokens_to_ids(list(reward_tokens))
        self.video_id: int = config.video_token_id
        vision = config.vision_config
        self.size = PatchSize(vision.patch_size, vision.temporal_patch_size, vision.spatial_merge_size)

    @torch.no_grad()
    def score(self, videos: Sequence[VideoToScore]) -> list[ScoredVideo]:
        """Scores in batches; a video that cannot be prepared drops out with the reason."""
        results: list[ScoredVideo | None] = [None] * len(videos)
        rows: list[tuple[int, Tensor, Patches]] = []
        for i, video in enumerate(videos):
            try:
                rows.append((i, *self.row(video)))
            except ValueError as error:
                results[i] = ScoredVideo(reason=f"{video.name}: {error}")
        for start in range(0, len(rows), _rows_a_pass):
            part = rows[start : start + _rows_a_pass]
            for (i, _, _), raw in zip(part, self.raw_scores([(ids, p) for _, ids, p in part]), strict=True):
                results[i] = self._scored(raw)
        return [result for result in results if result is not None]

    def versions(self) -> dict[str, str]:
        """The checkpoint, the prompt, the scale, and the libraries that compute it."""
        import peft
        import transformers

        settings = self.checkpoint.settings
        known = "as published" if self.prompt.published else "not the published text"
        scale = ", ".join(f"{name} {settings.mean[name]} ± {settings.std[name]}" for name in dimensions)
        size = self.checkpoint.weights.stat().st_size
        precision = next(self.network.parameters()).dtype
        return {
            "videoalign": f"{self.checkpoint.folder}, step {self.checkpoint.step}, {size} bytes, {precision}",
            "videoalign prompt": f"{known}, sha256 {self.prompt.sha256}",
            "videoalign scale": f"(raw - mean) / deviation of {scale}",
            "transformers": transformers.__version__,
            "peft": peft.__version__,
        }

    def row(self, video: VideoToScore) -> tuple[Tensor, Patches]:
        """Token ids [L] and patches of one video. Raises ValueError where there can be no score."""
        patches = prepare(video.pixels, video.frames_per_second, self.checkpoint.settings, self.size, self.device)
        text = self.tokenizer.apply_chat_template(
            [
                {
                    "role": "user",
                    "content": [{"type": "video"}, {"type": "text", "text": self.prompt.fill(video.prompt)}],
                }
            ],
            tokenize=False,
            add_generation_prompt=True,
        )
        ids: list[int] = self.tokenizer(text, verbose=False).input_ids
        for token in (self.video_id, *self.token_ids):
            if ids.count(token) != 1:
                shown = self.tokenizer.convert_ids_to_tokens(token)
                raise ValueError(f"its prompt contains {shown}, which is a mark of VideoAlign's own")
        at = ids.index(self.video_id)
        ids[at : at + 1] = [self.video_id] * patches.tokens(self.size)
        return torch.tensor(ids), patches

    def raw_scores(self, rows: Sequence[tuple[Tensor, Patches]]) -> list[list[float]]:
        """VQ, MQ and TA of each row on the model's own scale."""
        # Any id pads but those that are looked for; what stands behind the reward tokens cannot reach them.
        ids = pad_sequence([ids for ids, _ in rows], batch_first=True, padding_value=0)
        raw: list[list[float]] = self.network(
            ids.to(self.device),
            torch.cat([patches.values for _, patches in rows]),
            torch.tensor([patches.grid for _, patches in rows], device=self.device),
            torch.tensor(self.token_ids, device=self.device),
        ).tolist()
        return raw

    def _scored(self, raw: list[float]) -> ScoredVideo:
        by_name = dict(zip(dimensions, raw, strict=True))
        mean, std = self.checkpoint.settings.mean, self.checkpoint.settings.std
        return ScoredVideo(components={n: (v - mean[n]) / std[n] for n, v in by_name.items()}, raw=by_name)


def load_videoalign(
    checkpoint: str | None,
    base_folder: Path,
    device: torch.device,
    precision: torch.dtype,
    cache: Path | None = None,
) -> RewardModel:
    """Loads the published layout from a folder or repository. Raises WorkerError where a part of it is missing."""
    found = find_checkpoint(checkpoint, base_folder)
    prompt = read_prompt((found.folder, base_folder), reward_tokens, cache)
    config = _config(found)
    tokenizer = _tokenizer(found)
    config.text_config.vocab_size = len(tokenizer)
    network = build_network(config, found.settings.outputs, found.settings.lora, found.weights, precision)
    return VideoAlign(found, network, config, tokenizer, prompt, device)


def _config(found: Checkpoint) -> Any:
    from transformers import Qwen2VLConfig

    try:
        return Qwen2VLConfig.from_pretrained(found.config)
    except (OSError, ValueError) as error:
        raise missing_part("videoalign", "config.json", found.config, QWEN2_VL, error) from error


def _tokenizer(found: Checkpoint) -> Any:
    """The tokenizer with the three reward tokens and a chat template, which older files keep beside it."""
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(found.tokenizer)
        if tokenizer.chat_template is None:
            tokenizer.chat_template = _chat_template(found)
    except (OSError, ValueError) as error:
        raise missing_part("videoalign", "tokenizer", found.tokenizer, QWEN2_VL, error) from error
    tokenizer.add_special_tokens({"additional_special_tokens": list(reward_tokens)})
    return tokenizer


def _chat_template(found: Checkpoint) -> str:
    import json

    from transformers.utils.hub import cached_file

    for source in (found.tokenizer, found.config, found.settings.base):
        try:
            file = cached_file(source, "chat_template.json")
        except OSError:
            continue
        if file is not None:
            return str(json.loads(Path(file).read_text("utf-8"))["chat_template"])
    message = f"The tokenizer at {found.tokenizer} has no chat template."
    remedy = f"Take chat_template.json from {QWEN2_VL} and put it into {found.folder}."
    raise WorkerError("reward/checkpoint", message, remedy)
