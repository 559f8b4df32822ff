"""Wan2.1, text to video, through diffusers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from sage_worker.models import pipeline_folder
from sage_worker.models.diffusers_video import DiffusersVideo
from sage_worker.models.pipeline_folder import Published
from sage_worker.models.text_cache import Encoding

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
    encoders={"text_encoder": "UMT5EncoderModel"},
)
LORA_TARGETS = r"blocks\.\d+\.(attn[12]\.(to_q|to_k|to_v|to_out\.0)|ffn\.net\.(0\.proj|2))"
TEXT_TOKENS = 512
"""Of every text: the model was trained with zeros behind the valid tokens and attends to them."""


class Wan(DiffusersVideo):
    """One text stream: umt5 [tokens, 4096]."""

    name = "wan-2.1"
    published = PUBLISHED
    lora_targets: str | None = LORA_TARGETS
    frames_per_second = 16.0
    block_list = "blocks"
    text_tokens = TEXT_TOKENS
    # Published as float32, and small: bfloat16 shows in its colours.
    autoencoder_precision = torch.float32
    latent_precision = torch.float32

    def check_parts(self) -> tuple[int, int, int, int]:
        """The latents' shape; raises WorkerError, see DiffusersVideo."""
        index = pipeline_folder.read_json(self.folder / "model_index.json", PUBLISHED)
        network, vae, text = (self.part_config(part) for part in ("transformer", "vae", "text_encoder"))
        self.require(
            index.get("boundary_ratio") is None and not index.get("expand_timesteps"),
            "this is a Wan2.2 with two transformers or a timestep for every token, and neither is supported.",
        )
        self.require(network.get("image_dim") is None, "this transformer makes videos from images, not from text.")
        channels = vae.get("z_dim", 16)
        self.require(
            network.get("in_channels", 16) == channels and network.get("out_channels", 16) == channels,
            f"the transformer takes {network.get('in_channels')} channels and gives {network.get('out_channels')}, and "
            f"the autoencoder has {channels}.",
        )
        self.require(
            text.get("d_model") == network.get("text_dim"),
            f"the text encoder gives {text.get('d_model')} numbers a token, and the transformer takes "
            f"{network.get('text_dim')}.",
        )
        size = pipeline_folder.latent_size(
            self.options,
            vae.get("scale_factor_temporal", 4),
            vae.get("scale_factor_spatial", 8),
            network.get("patch_size", (1, 2, 2))[1],
            PUBLISHED.title,
        )
        return channels, *size

    def patch_size(self) -> tuple[int, int, int]:
        """Latent frames, rows and columns of one token."""
        time, rows, columns = self.network.config.patch_size
        return time, rows, columns

    def encode_prompt(self, pipeline: Any, prompt: str, place: torch.device) -> Encoding:
        """The text without the zeros that the pipeline puts behind it."""
        text, _ = pipeline.encode_prompt(
            prompt,
            do_classifier_free_guidance=False,
            max_sequence_length=TEXT_TOKENS,
            device=place,
            dtype=self.precision,
        )
        valid = int(text[0].ne(0).any(dim=1).nonzero().max()) + 1
        return {"umt5": text[0, :valid].cpu()}

    def forward(self, x: Tensor, sigma: Tensor, conditions: Sequence[Encoding]) -> Tensor:
        """One pass through the transformer, [R, *latent_shape] in float32."""
        text = torch.stack([one["umt5"] for one in conditions]).to(x.device, self.precision)
        velocity: Tensor = self.caller(
            hidden_states=x.to(self.precision),
            # Not rounded as the latents are: the pipeline gives the timestep as it is to a time embedder in float32.
            timestep=1000.0 * sigma.float(),
            encoder_hidden_states=text,
            return_dict=False,
        )[0]
        return velocity.float()

    def denormalise(self, z: Tensor) -> Tensor:
        """Latents in the autoencoder's own scale."""
        config = self.vae.config
        mean = torch.tensor(config.latents_mean).to(z).reshape(1, -1, 1, 1, 1)
        # As the pipeline computes it, which divides by the reciprocal.
        inverse = (1.0 / torch.tensor(config.latents_std)).to(z).reshape(1, -1, 1, 1, 1)
        return z / inverse + mean
