"""Wan2.1, text to video, through diffusers."""

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
    title="Wan2.1",
    pipeline="WanPipeline",
    repository="Wan-AI/Wan2.1-T2V-1.3B-Diffusers",
    parts={
        "transformer": "WanTransformer3DModel",
        "vae": "AutoencoderKLWan",
        "scheduler": None,
        "text_encoder": None,
        "tokenizer": None,
    },
)
TEXT_PARTS = ("text_encoder", "tokenizer")
TEXT_TOKENS = 512
"""Of every text: the model was trained with zeros behind the valid tokens and attends to them."""

LORA_TARGETS = r"blocks\.\d+\.(attn[12]\.(to_q|to_k|to_v|to_out\.0)|ffn\.net\.(0\.proj|2))"
FRAMES_PER_SECOND = 16.0
NO_PROMPT = ""
"""What the pipeline encodes for the unconditional branch unless it is told otherwise."""


class Wan:
    """The released transformer and autoencoder behind the worker's interface (models/base.py)."""

    name = "wan-2.1"
    lora_targets: str | None = LORA_TARGETS

    def __init__(self, options: ModelOptions) -> None:
        from diffusers import AutoencoderKLWan, WanTransformer3DModel

        pipeline_folder.quiet()
        self.folder = pipeline_folder.locate(options.weights, PUBLISHED)
        self.latent_shape = check_parts(self.folder, options)
        self.options = options
        self.device = options.device
        self.precision = options.precision
        self.cache = options.cache
        self.format = pipeline_folder.video_format(options, FRAMES_PER_SECOND)
        self.latent_dtype = torch.float32
        self.guidance_batching = options.guidance_batching
        self.rows_per_pass = options.rows_per_pass
        self.offload_vae = False
        """Whether the autoencoder waits on the CPU between decodings."""
        load = pipeline_folder.load_part
        self.network: Any = load(WanTransformer3DModel, self.folder, "transformer", self.precision, PUBLISHED)
        self.network.to(self.device)
        if options.activation_checkpointing:
            self.network.enable_gradient_checkpointing()
        # Published as float32, and small: bfloat16 shows in its colours.
        self.vae: Any = load(AutoencoderKLWan, self.folder, "vae", torch.float32, PUBLISHED)
        self.vae.to(self.device).requires_grad_(False)
        self.vae.enable_tiling()
        self.caller: nn.Module = self.network
        self.text_identity = f"{self.name} 1 {self.precision} {text_cache.fingerprint(self.folder, TEXT_PARTS)}"
        self.unconditional: text_cache.Encoding | None = None
        self.batched: bool | None = None

    def blocks(self) -> Sequence[nn.Module]:
        """The transformer blocks."""
        return list(self.network.blocks)

    def use_network(self, network: nn.Module) -> None:
        """From here on velocities come from this module."""
        self.caller = network

    def encode(self, prompts: Sequence[str]) -> list[Condition]:
        """Valid tokens of each text on the CPU, umt5 [tokens, 4096]."""
        found = text_cache.cached(self.cache, self.text_identity, [NO_PROMPT, *prompts], self.encode_missing)
        self.unconditional = found[0]
        return list(found[1:])

    def encode_missing(self, prompts: Sequence[str]) -> Iterator[text_cache.Encoding]:
        """Loads the encoder, encodes one prompt at a time as the pipeline does, drops the zeros behind, frees it."""
        from diffusers import WanPipeline
        from transformers import UMT5EncoderModel

        encoders = {"text_encoder": UMT5EncoderModel}
        with pipeline_folder.loaded_encoders(WanPipeline, PUBLISHED, self.folder, self.options, encoders, self.vae) as (
            pipeline,
            place,
        ):
            for prompt in prompts:
                with torch.no_grad():
                    text, _ = pipeline.encode_prompt(
                        prompt,
                        do_classifier_free_guidance=False,
                        max_sequence_length=TEXT_TOKENS,
                        device=place,
                        dtype=self.precision,
                    )
                valid = int(text[0].ne(0).any(dim=1).nonzero().max()) + 1
                yield {"umt5": text[0, :valid].cpu()}

    def velocity(self, x: Tensor, sigma: Tensor, conditions: Sequence[Condition], guidance_scale: float) -> Tensor:
        """Velocities [N, *latent_shape] in float32; see VideoModel."""
        texts = [full_length(one) for one in conditions]
        if guidance_scale == 1.0:
            return guidance.in_passes(self.forward, x, sigma, texts, self.rows_per_pass)
        if self.unconditional is None:
            self.encode([])
        assert self.unconditional is not None
        if self.batched is None:
            self.batched = guidance.decide_batching(
                self.guidance_batching, self.device, self.tokens(), lambda: self.forward(x[:1], sigma[:1], texts[:1])
            )
        run = guidance.guided(self.forward, full_length(self.unconditional), guidance_scale, self.batched)
        return guidance.in_passes(run, x, sigma, texts, self.rows_per_pass)

    def tokens(self) -> int:
        """Latent tokens of one row."""
        _, frames, height, width = self.latent_shape
        time, rows, columns = self.network.config.patch_size
        return int(frames // time * (height // rows) * (width // columns))

    def forward(self, x: Tensor, sigma: Tensor, conditions: Sequence[text_cache.Encoding]) -> Tensor:
        """One pass through the transformer, [R, *latent_shape] in float32."""
        text = torch.stack([one["umt5"] for one in conditions]).to(x.device, self.precision)
        velocity = self.caller(
            hidden_states=x.to(self.precision),
            # Not rounded as the latents are: the pipeline gives the timestep as it is to a time embedder in float32.
            timestep=1000.0 * sigma.float(),
            encoder_hidden_states=text,
            return_dict=False,
        )[0]
        return velocity.float()

    def decode(self, latents: Tensor) -> Tensor:
        """Videos [N, F, H, W, 3] in uint8 on the CPU."""
        config = self.vae.config

        def denormalise(z: Tensor) -> Tensor:
            mean = torch.tensor(config.latents_mean).to(z).reshape(1, -1, 1, 1, 1)
            # As the pipeline computes it, which divides by the reciprocal.
            inverse = (1.0 / torch.tensor(config.latents_std)).to(z).reshape(1, -1, 1, 1, 1)
            return z / inverse + mean

        return decode_videos(self.vae, latents, denormalise, self.device, self.offload_vae)

    def versions(self) -> dict[str, str]:
        """Versions of the libraries that compute the model."""
        return pipeline_folder.library_versions()


def full_length(condition: text_cache.Encoding) -> text_cache.Encoding:
    """The text with zeros behind its valid tokens, umt5 [512, C]."""
    text = condition["umt5"]
    return {"umt5": nn.functional.pad(text, (0, 0, 0, TEXT_TOKENS - len(text)))}


def check_parts(folder: Path, options: ModelOptions) -> tuple[int, int, int, int]:
    """The latents' shape; raises WorkerError where the parts do not fit together or the video does not fit them."""

    def require(condition: bool, message: str) -> None:
        pipeline_folder.require(condition, folder, message, PUBLISHED)

    index = pipeline_folder.read_json(folder / "model_index.json", PUBLISHED)
    network = pipeline_folder.part_config(folder, "transformer", PUBLISHED)
    vae = pipeline_folder.part_config(folder, "vae", PUBLISHED)
    text = pipeline_folder.part_config(folder, "text_encoder", PUBLISHED)
    require(
        index.get("boundary_ratio") is None and not index.get("expand_timesteps"),
        "this is a Wan2.2 with two transformers or a timestep for every token, and neither is supported.",
    )
    require(network.get("image_dim") is None, "this transformer makes videos from images, not from text.")
    channels = vae.get("z_dim", 16)
    require(
        network.get("in_channels", 16) == channels and network.get("out_channels", 16) == channels,
        f"the transformer takes {network.get('in_channels')} channels and gives {network.get('out_channels')}, and the "
        f"autoencoder has {channels}.",
    )
    require(
        text.get("d_model") == network.get("text_dim"),
        f"the text encoder gives {text.get('d_model')} numbers a token, and the transformer takes "
        f"{network.get('text_dim')}.",
    )
    patch = network.get("patch_size", (1, 2, 2))
    spatial = vae.get("scale_factor_spatial", 8)
    temporal = vae.get("scale_factor_temporal", 4)
    frames, height, width = pipeline_folder.latent_size(options, temporal, spatial, patch[1], PUBLISHED.title)
    return channels, frames, height, width
