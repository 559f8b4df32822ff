"""HunyuanVideo-1.5, text to video, through diffusers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sage_worker.models import pipeline_folder
from sage_worker.models.diffusers_video import DiffusersVideo
from sage_worker.models.pipeline_folder import Published
from sage_worker.models.text_cache import Encoding

PUBLISHED = Published(
    title="HunyuanVideo-1.5",
    pipeline="HunyuanVideo15Pipeline",
    repository="hunyuanvideo-community/HunyuanVideo-1.5-Diffusers-480p_t2v",
    parts={
        "transformer": "HunyuanVideo15Transformer3DModel",
        "vae": "AutoencoderKLHunyuanVideo15",
        "scheduler": None,
        "guider": None,
        "text_encoder": None,
        "tokenizer": None,
        "text_encoder_2": None,
        "tokenizer_2": None,
    },
    encoders={"text_encoder": "Qwen2_5_VLTextModel", "text_encoder_2": "T5EncoderModel"},
)

# Anchored on the blocks: the token refiner has attention and feed-forward layers of the same names.
LORA_TARGETS = (
    r"transformer_blocks\.\d+\."
    r"(attn\.(to_q|to_k|to_v|to_out\.0|add_q_proj|add_k_proj|add_v_proj|to_add_out)|ff(_context)?\.net\.(0\.proj|2))"
)


class HunyuanVideo(DiffusersVideo):
    """Two text streams: qwen [tokens, 3584] of the prompt, byt5 [tokens, 1472] of what it quotes, often none."""

    name = "hunyuan-video-1.5"
    published = PUBLISHED
    lora_targets: str | None = LORA_TARGETS
    frames_per_second = 24.0
    block_list = "transformer_blocks"

    def check_parts(self) -> tuple[int, int, int, int]:
        """The latents' shape; raises WorkerError, see DiffusersVideo."""
        network, vae, text = (self.part_config(part) for part in ("transformer", "vae", "text_encoder"))
        channels = vae.get("latent_channels", 32)
        self.require(
            network.get("in_channels", 65) == 2 * channels + 1 and network.get("out_channels", 32) == channels,
            f"the transformer takes {network.get('in_channels')} channels and gives {network.get('out_channels')}, and "
            f"the autoencoder's {channels} need {2 * channels + 1} and {channels}.",
        )
        width = text.get("hidden_size") or (text.get("text_config") or {}).get("hidden_size")
        self.require(
            width is None or width == network.get("text_embed_dim", 3584),
            f"the text encoder gives {width} numbers a token, and the transformer takes "
            f"{network.get('text_embed_dim')}.",
        )
        self.require(
            not network.get("use_meanflow", False), "a transformer with two timesteps (MeanFlow) is not supported."
        )
        size = pipeline_folder.latent_size(
            self.options,
            vae.get("temporal_compression_ratio", 4),
            vae.get("spatial_compression_ratio", 16),
            network.get("patch_size", 1),
            PUBLISHED.title,
        )
        return channels, *size

    def patch_size(self) -> tuple[int, int, int]:
        """Latent frames, rows and columns of one token."""
        config = self.network.config
        return config.patch_size_t, config.patch_size, config.patch_size

    def choose_attention(self, masked: bool) -> None:
        """diffusers' own would always mask."""
        from sage_worker.models.hunyuan_attention import use_mask

        use_mask(self.network.transformer_blocks, masked)

    def encode_prompt(self, pipeline: Any, prompt: str, place: torch.device) -> Encoding:
        """Both streams without the pipeline's padding."""
        qwen, mask, byt5, mask_2 = pipeline.encode_prompt([prompt], place, self.precision, batch_size=1)
        return {"qwen": qwen[0][mask[0].bool()].cpu(), "byt5": byt5[0][mask_2[0].bool()].cpu()}

    def forward(self, x: Tensor, sigma: Tensor, conditions: Sequence[Encoding]) -> Tensor:
        """One pass through the transformer, [R, *latent_shape] in float32."""
        latents = x.to(self.precision)
        # Text to video has no first frame to go on: its latents and its mask are zero, and so are no image's tokens.
        hidden = torch.cat([latents, torch.zeros_like(latents), torch.zeros_like(latents[:, :1])], dim=1)
        qwen, qwen_mask = padded([one["qwen"] for one in conditions], x.device, self.precision)
        byt5, byt5_mask = padded([one["byt5"] for one in conditions], x.device, self.precision)
        image = latents.new_zeros((len(x), 0, self.network.config.image_embed_dim))
        velocity: Tensor = self.caller(
            hidden_states=hidden,
            # The pipeline rounds the timestep to the latents' type: to multiples of 4 near 1000 in bfloat16.
            timestep=(1000.0 * sigma.float()).to(self.precision),
            encoder_hidden_states=qwen,
            encoder_attention_mask=qwen_mask,
            encoder_hidden_states_2=byt5,
            encoder_attention_mask_2=byt5_mask,
            image_embeds=image,
            return_dict=False,
        )[0]
        return velocity.float()

    def denormalise(self, z: Tensor) -> Tensor:
        """Latents in the autoencoder's own scale."""
        scaled: Tensor = z / self.vae.config.scaling_factor
        return scaled


def padded(texts: Sequence[Tensor], device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Texts [tokens, C] as one tensor [R, most tokens, C], zero where a text is shorter, and a mask of valid tokens."""
    text = nn.utils.rnn.pad_sequence(list(texts), batch_first=True).to(device, dtype)
    lengths = torch.tensor([len(one) for one in texts], device=device)
    return text, torch.arange(text.shape[1], device=device)[None, :] < lengths[:, None]
