"""What CLIPScore and PickScore have in common: cosines between a prompt and some frames of a video, by a CLIP model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sage_worker.rewards.base import VideoToScore
from sage_worker.rewards.checkpoints import missing, missing_part
from sage_worker.rewards.frames import as_bytes, evenly_spaced

frames_a_video = 8
"""Frames that are looked at, evenly spaced with first and last; the score is their mean."""

_frames_a_pass = 64


@dataclass(frozen=True)
class Cosines:
    """Of one video: the cosine of each frame that was looked at, and how many of the prompt's tokens were cut off."""

    frames: list[float]
    tokens_cut: int
    tokens_kept: int


class Clip:
    """A CLIP model with its tokenizer and image processor, as released; all of it in transformers' layout."""

    def __init__(
        self, name: str, source: str, processor: str, released: str, device: torch.device, precision: torch.dtype
    ):
        """Loads model from `source`, tokenizer and image processor from `processor`. Raises WorkerError."""
        # transformers.CLIPImageProcessor needs torchvision; this one is the same on PIL.
        from transformers import AutoTokenizer, CLIPModel
        from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

        try:
            model: Any = CLIPModel.from_pretrained(source, dtype=torch.float32).eval()
        except (OSError, ValueError) as error:
            raise missing(name, source, released, error) from error
        try:
            self.tokenizer: Any = AutoTokenizer.from_pretrained(processor)
            self.images: Any = CLIPImageProcessorPil.from_pretrained(processor)
        except (OSError, ValueError) as error:
            repository = released if processor == source else processor
            raise missing_part(name, "tokenizer and image processor", processor, repository, error) from error
        # Before the cast: bfloat16 would make 98.9 of PickScore's 100.
        self.logit_scale = float(model.logit_scale.detach().exp())
        self.model = model.to(device, precision)
        self.source = source
        self.precision = precision

    @torch.no_grad()
    def cosines(self, videos: Sequence[VideoToScore]) -> list[Cosines]:
        """Cosines in float32 between each video's prompt and its frames."""
        chosen = [v.pixels[evenly_spaced(v.pixels.shape[0], frames_a_video)] for v in videos]
        prompts = list(dict.fromkeys(v.prompt for v in videos))
        texts = dict(zip(prompts, self._embed_texts(prompts), strict=True))
        images = self._embed_frames(torch.cat([self._prepare(frames) for frames in chosen]))
        length = self.model.config.text_config.max_position_embeddings
        results = []
        for video, frames in zip(videos, images.split([len(frames) for frames in chosen]), strict=True):
            cut = max(0, len(self.tokenizer(video.prompt, truncation=False, verbose=False).input_ids) - length)
            results.append(Cosines((frames @ texts[video.prompt]).tolist(), cut, length))
        return results

    def _prepare(self, frames: Tensor) -> Tensor:
        """Pixel values [F, 3, S, S] of frames [F, H, W, 3]: shorter edge to S, the middle square, normalised."""
        arrays = list(as_bytes(frames).numpy())
        values: Tensor = self.images(arrays, return_tensors="pt", input_data_format="channels_last").pixel_values
        return values

    def _embed_frames(self, values: Tensor) -> Tensor:
        """Unit vectors [F, D] in float32 on the CPU."""
        passes = [
            self.model.get_image_features(pixel_values=part.to(self.model.device, self.precision)).pooler_output
            for part in values.split(_frames_a_pass)
        ]
        return torch.nn.functional.normalize(torch.cat(passes).float(), dim=-1).cpu()

    def _embed_texts(self, prompts: list[str]) -> Tensor:
        """Unit vectors [N, D] in float32 on the CPU; what is beyond the model's tokens is cut off."""
        length = self.model.config.text_config.max_position_embeddings
        tokens = self.tokenizer(prompts, padding=True, truncation=True, max_length=length, return_tensors="pt")
        features = self.model.get_text_features(
            input_ids=tokens.input_ids.to(self.model.device),
            attention_mask=tokens.attention_mask.to(self.model.device),
        ).pooler_output
        return torch.nn.functional.normalize(features.float(), dim=-1).cpu()


def notes_of(cosines: Cosines) -> tuple[str, ...]:
    """What a reader of the score should know."""
    if cosines.tokens_cut == 0:
        return ()
    return (f"the prompt's last {cosines.tokens_cut} tokens were cut off: it reads {cosines.tokens_kept}",)
