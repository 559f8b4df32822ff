"""HunyuanVideo-1.5, text to video, through diffusers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sage_worker.models import guidance, pipeline_folder, text_cache
from sage_worker.models.base import Condition, ModelOptions
from sage_worker.models.decode import decode_videos
from sage_worker.models.pipeline_folder import Published

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
)
TEXT_PARTS = ("text_encoder", "tokenizer", "text_encoder_2", "tokenizer_2")

# Anchored on the blocks: the token refiner has attention and feed-forward layers of the same names.
LORA_TARGETS = (
    r"transformer_blocks\.\d+\."
    r"(attn\.(to_q|to_k|to_v|to_out\.0|add_q_proj|add_k_proj|add_v_proj|to_add_out)|ff(_context)?\.net\.(0\.proj|2))"
)
FRAMES_PER_SECOND = 24.0
NO_PROMPT = ""
"""What the pipeline encodes for the unconditional branch unless it is told otherwise."""


class HunyuanVideo:
    """The released transformer and autoencoder behind the worker's interface (models/base.py)."""

    name = "hunyuan-video-1.5"
    lora_targets: str | None = LORA_TARGETS

    def __init__(self, options: ModelOptions) -> None:
        from diffusers import AutoencoderKLHunyuanVideo15, HunyuanVideo15Transformer3DModel

        pipeline_folder.quiet()
        self.folder = pipeline_folder.locate(options.weights, PUBLISHED)
        shape = check_parts(self.folder, options)
        self.options = options
        self.device = options.device
        self.precision = options.precision
        self.cache = options.cache
        self.format = pipeline_folder.video_format(options, FRAMES_PER_SECOND)
        self.latent_shape: tuple[int, ...] = shape
        self.latent_dtype = options.precision
        self.guidance_batching = options.guidance_batching
        self.offload_vae = False
        """Whether the autoencoder waits on the CPU between decodings."""
        load = pipeline_folder.load_part
        self.network: Any = load(
            HunyuanVideo15Transformer3DModel, self.folder, "transformer", self.precision, PUBLISHED
        )
        self.network.to(self.device)
        if options.activation_checkpointing:
            self.network.enable_gradient_checkpointing()
        self.vae: Any = load(AutoencoderKLHunyuanVideo15, self.folder, "vae", self.precision, PUBLISHED)
        self.vae.to(self.device).requires_grad_(False)
        self.vae.enable_tiling()
        self.caller: nn.Module = self.network
        self.text_identity = f"{self.name} 1 {self.precision} {text_cache.fingerprint(self.folder, TEXT_PARTS)}"
        self.rows_per_pass = guidance.rows_at_most(options.rows_per_pass, self.tokens())
        self.unconditional: text_cache.Encoding | None = None
        self.batched: bool | None = None
        self.choose_attention(masked=False)

    def choose_attention(self, masked: bool) -> None:
        """With a mask for passes with texts of several lengths, without one for all others."""
        from sage_worker.models.hunyuan_attention import use_mask

        use_mask(self.network.transformer_blocks, masked)

    def blocks(self) -> Sequence[nn.Module]:
        """The dual-stream blocks."""
        return list(self.network.transformer_blocks)

    def use_network(self, network: nn.Module) -> None:
        """From here on velocities come from this module."""
        self.caller = network

    def encode(self, prompts: Sequence[str]) -> list[Condition]:
        """Valid tokens of both text streams, on the CPU: qwen [tokens, 3584] and byt5 [tokens, 1472], often none."""
        found = text_cache.cached(self.cache, self.text_identity, [NO_PROMPT, *prompts], self.encode_missing)
        self.unconditional = found[0]
        return list(found[1:])

    def encode_missing(self, prompts: Sequence[str]) -> Iterator[text_cache.Encoding]:
        """Loads the encoders, encodes one prompt at a time as the pipeline does, drops the padding, frees them."""
        from diffusers import HunyuanVideo15Pipeline
        from transformers import Qwen2_5_VLTextModel, T5EncoderModel

        encoders = {"text_encoder": Qwen2_5_VLTextModel, "text_encoder_2": T5EncoderModel}
        with pipeline_folder.loaded_encoders(
            HunyuanVideo15Pipeline, PUBLISHED, self.folder, self.options, encoders, self.vae
        ) as (pipeline, place):
            for prompt in prompts:
                with torch.no_grad():
                    qwen, mask, byt5, mask_2 = pipeline.encode_prompt([prompt], place, self.precision, batch_size=1)
                yield {"qwen": qwen[0][mask[0].bool()].cpu(), "byt5": byt5[0][mask_2[0].bool()].cpu()}

    def velocity(self, x: Tensor, sigma: Tensor, conditions: Sequence[Condition], guidance_scale: float) -> Tensor:
        """Velocities [N, *latent_shape] in float32; see VideoModel."""
        rows = guidance.rows_of_any_text(self.rows_per_pass)
        if guidance_scale == 1.0:
            return guidance.in_passes(self.forward, x, sigma, conditions, rows)
        if self.unconditional is None:
            self.encode([])
        assert self.unconditional is not None
        if self.batched is None:
            self.batched = guidance.decide_batching(
                self.guidance_batching,
                self.device,
                self.tokens(),
                lambda: self.forward(x[:1], sigma[:1], conditions[:1]),
            )
            self.choose_attention(masked=self.batched)
        run = guidance.guided(self.forward, self.unconditional, guidance_scale, self.batched)
        return guidance.in_passes(run, x, sigma, conditions, rows)

    def tokens(self) -> int:
        """Latent tokens of one row."""
        _, frames, height, width = self.latent_shape
        config = self.network.config
        return int(frames // config.patch_size_t * (height // config.patch_size) * (width // config.patch_size))

    def forward(self, x: Tensor, sigma: Tensor, conditions: Sequence[text_cache.Encoding]) -> Tensor:
        """One pass through the transformer, [R, *latent_shape] in float32."""
        latents = x.to(self.precision)
        # Text to video has no first frame to go on: its latents and its mask are zero, and so are no image's tokens.
        hidden = torch.cat([latents, torch.zeros_like(latents), torch.zeros_like(latents[:, :1])], dim=1)
        qwen, qwen_mask = padded([one["qwen"] for one in conditions], x.device, self.precision)
        byt5, byt5_mask = padded([one["byt5"] for one in conditions], x.device, self.precision)
        image = latents.new_zeros((len(x), 0, self.network.config.image_embed_dim))
        velocity = self.caller(
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

    def decode(self, latents: Tensor) -> Tensor:
        """Videos [N, F, H, W, 3] in uint8 on the CPU."""
        factor = self.vae.config.scaling_factor
        return decode_videos(self.vae, latents, lambda z: z / factor, self.device, self.offload_vae)

    def versions(self) -> dict[str, str]:
        """Versions of the libraries that compute the model."""
        return pipeline_folder.library_versions()


def padded(texts: Sequence[Tensor], device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Texts [tokens, C] as one tensor [R, most tokens, C], zero where a text is shorter, and a mask of valid tokens."""
    text = nn.utils.rnn.pad_sequence(list(texts), batch_first=True).to(device, dtype)
    lengths = torch.tensor([len(one) for one in texts], device=device)
    return text, torch.arange(text.shape[1], device=device)[None, :] < lengths[:, None]


def check_parts(folder: Path, options: ModelOptions) -> tuple[int, int, int, int]:
    """The latents' shape; raises WorkerError where the parts do not fit together or the video does not fit them."""

    def require(condition: bool, message: str) -> None:
        pipeline_folder.require(condition, folder, message, PUBLISHED)

    network = pipeline_folder.part_config(folder, "transformer", PUBLISHED)
    vae = pipeline_folder.part_config(folder, "vae", PUBLISHED)
    text = pipeline_folder.part_config(folder, "text_encoder", PUBLISHED)
    channels = vae.get("latent_channels", 32)
    require(
        network.get("in_channels", 65) == 2 * channels + 1 and network.get("out_channels", 32) == channels,
        f"the transformer takes {network.get('in_channels')} channels and gives {network.get('out_channels')}, and the "
        f"autoencoder's {channels} need {2 * channels + 1} and {channels}.",
    )
    width = text.get("hidden_size") or (text.get("text_config") or {}).get("hidden_size")
    require(
        width is None or width == network.get("text_embed_dim", 3584),
        f"the text encoder gives {width} numbers a token, and the transformer takes {network.get('text_embed_dim')}.",
    )
    require(not network.get("use_meanflow", False), "a transformer with two timesteps (MeanFlow) is not supported.")
    frames, height, columns = pipeline_folder.latent_size(
        options,
        vae.get("temporal_compression_ratio", 4),
        vae.get("spatial_compression_ratio", 16),
        network.get("patch_size", 1),
        PUBLISHED.title,
    )
    return channels, frames, height, columns
