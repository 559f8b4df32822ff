"""Joint attention of HunyuanVideo-1.5 without a mask, for passes whose text tokens are all valid.

diffusers' processor builds a dense [tokens, tokens] mask in every block, 331 MB a row at 352 x 624 x 81, and a mask
keeps PyTorch from its flash kernel. Texts without padding need none.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers.models.attention_dispatch import dispatch_attention_fn
from diffusers.models.embeddings import apply_rotary_emb
from diffusers.models.transformers.transformer_hunyuan_video15 import HunyuanVideo15AttnProcessor2_0
from torch import Tensor, nn


class UnmaskedAttention(HunyuanVideo15AttnProcessor2_0):  # type: ignore[misc]
    """Attention of latent and text tokens to each other, all of them to all."""

    def __call__(  # type: ignore[override]
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        image_rotary_emb: Any = None,
    ) -> tuple[Tensor, Tensor]:
        """hidden_states [B, L, C] and encoder_hidden_states [B, S, C] -> the same shapes."""
        latent = [attn.to_q(hidden_states), attn.to_k(hidden_states), attn.to_v(hidden_states)]
        query, key, value = (part.unflatten(2, (attn.heads, -1)) for part in latent)
        query, key = attn.norm_q(query), attn.norm_k(key)
        if image_rotary_emb is not None:
            query = apply_rotary_emb(query, image_rotary_emb, sequence_dim=1)
            key = apply_rotary_emb(key, image_rotary_emb, sequence_dim=1)
        text = [
            attn.add_q_proj(encoder_hidden_states),
            attn.add_k_proj(encoder_hidden_states),
            attn.add_v_proj(encoder_hidden_states),
        ]
        text_query, text_key, text_value = (part.unflatten(2, (attn.heads, -1)) for part in text)
        text_query, text_key = attn.norm_added_q(text_query), attn.norm_added_k(text_key)
        mixed = dispatch_attention_fn(
            torch.cat([query, text_query], dim=1),
            torch.cat([key, text_key], dim=1),
            torch.cat([value, text_value], dim=1),
            attn_mask=self.mask(hidden_states, attention_mask),
            backend=self._attention_backend,
            parallel_config=self._parallel_config,
        )
        mixed = mixed.flatten(2, 3).to(query.dtype)
        tokens = hidden_states.shape[1]
        return attn.to_out[1](attn.to_out[0](mixed[:, :tokens])), attn.to_add_out(mixed[:, tokens:])

    def mask(self, latent: Tensor, text: Tensor | None) -> Tensor | None:
        """None: every token attends to every other."""
        return None


class KeyMaskedAttention(UnmaskedAttention):
    """The same for texts of several lengths, with a mask of keys in place of one of pairs.

    What padding itself attends to differs from diffusers, and is never read: no valid token attends to padding.
    """

    def mask(self, latent: Tensor, text: Tensor | None) -> Tensor | None:
        """[B, 1, 1, L + S] of the text's mask [B, S]: True where a key is valid."""
        assert text is not None
        return nn.functional.pad(text.bool(), (latent.shape[1], 0), value=True)[:, None, None, :]


def use_mask(blocks: nn.ModuleList, masked: bool) -> None:
    """Gives every block the processor with a mask of keys or without one; the attention backend that was set stays."""
    for block in blocks:
        attention: Any = block.attn
        processor = KeyMaskedAttention() if masked else UnmaskedAttention()
        processor._attention_backend = attention.processor._attention_backend
        processor._parallel_config = attention.processor._parallel_config
        attention.set_processor(processor)
