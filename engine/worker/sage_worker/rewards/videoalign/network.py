"""Qwen2-VL with a reward head that is read at three tokens."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class RewardNetwork(nn.Module):
    """Modules are named as in VideoAlign's checkpoint under the current transformers: `model` and `rm_head`."""

    def __init__(self, config: Any, outputs: int) -> None:
        """`config` is a Qwen2VLConfig; `outputs` of the head are 1, or 3 for one of each dimension."""
        from transformers import Qwen2VLModel

        super().__init__()
        # Not the whole config: peft would take the module for one of transformers' own.
        self.video_token_id: int = config.video_token_id
        self.outputs = outputs
        self.model: Any = Qwen2VLModel(config)
        self.rm_head = nn.Linear(config.text_config.hidden_size, outputs, bias=False)

    def forward(self, input_ids: Tensor, patches: Tensor, grids: Tensor, reward_tokens: Tensor) -> Tensor:
        """Raw scores [B, 3] in float32 of rows [B, L], padded on the right, each with one video.

        patches [P, D] and grids [B, 3] are the rows' videos one after the other; reward_tokens [3] are the ids at
        which the head is read, each once in every row.
        """
        embeds = self.model.get_input_embeddings()(input_ids)
        video = self.model.visual(patches.to(self.model.visual.dtype), grid_thw=grids).pooler_output
        is_video = (input_ids == self.video_token_id)[..., None]
        embeds = embeds.masked_scatter(is_video, video.to(embeds.dtype))
        # One-dimensional positions on all three axes of the rotary embedding, as VideoAlign was trained. The grid's
        # positions, which Qwen2-VL would compute from input_ids, give other scores.
        rows, length = input_ids.shape
        positions = torch.arange(length, device=input_ids.device).expand(3, rows, length)
        # No mask: attention is causal, so the padding on the right is seen by no token that is read.
        hidden = self.model.language_model(inputs_embeds=embeds, position_ids=positions, use_cache=False)[0]
        at = (input_ids[:, None, :] == reward_tokens[None, :, None]).int().argmax(-1)
        read = hidden.gather(1, at[..., None].expand(-1, -1, hidden.shape[-1]))
        scores = self.rm_head(read)
        return (scores.diagonal(dim1=1, dim2=2) if self.outputs > 1 else scores[..., 0]).float()
