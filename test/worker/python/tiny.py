"""Tiny random instances of the real model classes, written to disk in the layout in which the real ones are published.

Each builder returns a folder that `from_pretrained` and `load_model` take as they take a downloaded repository.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKLHunyuanVideo15,
    AutoencoderKLWan,
    ClassifierFreeGuidance,
    FlowMatchEulerDiscreteScheduler,
    HunyuanVideo15Pipeline,
    HunyuanVideo15Transformer3DModel,
    UniPCMultistepScheduler,
    WanPipeline,
    WanTransformer3DModel,
)
from tokenizers.pre_tokenizers import ByteLevel
from transformers import (
    ByT5Tokenizer,
    Qwen2_5_VLTextConfig,
    Qwen2_5_VLTextModel,
    Qwen2Tokenizer,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
    UMT5Config,
    UMT5EncoderModel,
)

from sage_worker.models.base import ModelOptions

HUNYUAN_VIDEO: dict[str, Any] = {"frames": 9, "height": 16, "width": 16}
"""A video that both tiny models can make: 5 x 4 x 4 latents of HunyuanVideo-1.5, 3 x 2 x 2 of Wan."""
WAN = HUNYUAN_VIDEO
HUNYUAN_LATENT_SHAPE = (4, 5, 4, 4)
WAN_LATENT_SHAPE = (16, 3, 2, 2)

# The released template puts the pipeline's system message into the first 108 tokens, which the pipeline drops. This one
# has a turn of as many tokens in its place, so that a tiny vocabulary of bytes does not make a text of 600 of them.
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ '<|im_start|>' * 108 }}"
    "{% else %}{{ message['content'] }}<|im_end|>{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>{% endif %}"
)
BYTES = sorted(ByteLevel.alphabet())


def plain_options(folder: Path | None, video: dict[str, Any], cache: Path) -> ModelOptions:
    """Options of a tiny model in float32 on the CPU; `video` is HUNYUAN_VIDEO or WAN."""
    return ModelOptions(
        weights=None if folder is None else str(folder),
        **video,
        precision=torch.float32,
        cache=cache,
        device=torch.device("cpu"),
    )


def hunyuan_transformer(layers: int = 1) -> HunyuanVideo15Transformer3DModel:
    """4.2 million parameters, nearly all in the ByT5 projection, whose width is fixed."""
    return HunyuanVideo15Transformer3DModel(
        in_channels=9,
        out_channels=4,
        num_attention_heads=2,
        attention_head_dim=8,
        num_layers=layers,
        num_refiner_layers=1,
        mlp_ratio=2.0,
        patch_size=1,
        patch_size_t=1,
        text_embed_dim=16,
        text_embed_2_dim=32,
        image_embed_dim=12,
        rope_axes_dim=(2, 2, 4),
        target_size=16,
        task_type="t2v",
    )


def hunyuan_vae() -> AutoencoderKLHunyuanVideo15:
    """Compresses 4 times in space and 2 in time; the released one 16 and 4."""
    return AutoencoderKLHunyuanVideo15(
        in_channels=3,
        out_channels=3,
        latent_channels=4,
        block_out_channels=(16, 16),
        layers_per_block=1,
        spatial_compression_ratio=4,
        temporal_compression_ratio=2,
        downsample_match_channel=False,
        upsample_match_channel=False,
    )


def qwen_tokenizer() -> Qwen2Tokenizer:
    """Bytes as tokens, with the special tokens of the released one; padded on the right as there."""
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    vocabulary = {token: index for index, token in enumerate([*BYTES, *specials])}
    tokenizer = Qwen2Tokenizer(
        vocab=vocabulary, merges=[], additional_special_tokens=specials[1:], padding_side="right"
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def qwen_text_encoder() -> Qwen2_5_VLTextModel:
    """Three layers, so that the third last hidden state is not yet the embedding."""
    config = Qwen2_5_VLTextConfig(
        vocab_size=len(BYTES) + 3,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=2048,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6, "mrope_section": [1, 1, 2]},
        bos_token_id=None,
        eos_token_id=len(BYTES),
        pad_token_id=len(BYTES),
    )
    return Qwen2_5_VLTextModel(config)


def byt5_encoder() -> T5EncoderModel:
    """The encoder of the quoted text."""
    config = T5Config(
        vocab_size=384, d_model=32, d_kv=8, d_ff=32, num_layers=1, num_heads=2, feed_forward_proj="gated-gelu"
    )
    return T5EncoderModel(config)


def write_hunyuan_video(folder: Path, seed: int = 0, layers: int = 1) -> Path:
    """Writes a tiny HunyuanVideo-1.5 with all its parts and returns the folder."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        pipeline: Any = HunyuanVideo15Pipeline(
            text_encoder=qwen_text_encoder(),
            tokenizer=qwen_tokenizer(),
            transformer=hunyuan_transformer(layers),
            vae=hunyuan_vae(),
            scheduler=FlowMatchEulerDiscreteScheduler(shift=7.0),
            text_encoder_2=byt5_encoder(),
            tokenizer_2=ByT5Tokenizer(),
            guider=ClassifierFreeGuidance(guidance_scale=6.0),
        )
    pipeline.save_pretrained(folder)
    return folder


def wan_transformer(layers: int = 2) -> WanTransformer3DModel:
    """Two heads of 12 dimensions: the least that the three rope axes take."""
    return WanTransformer3DModel(
        patch_size=(1, 2, 2),
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=16,
        out_channels=16,
        text_dim=32,
        freq_dim=256,
        ffn_dim=32,
        num_layers=layers,
        cross_attn_norm=True,
        qk_norm="rms_norm_across_heads",
        rope_max_seq_len=32,
    )


def wan_vae() -> AutoencoderKLWan:
    """Narrow; compresses 8 times in space and 4 in time and has the latent statistics of the released one."""
    return AutoencoderKLWan(
        base_dim=3, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True]
    )


def umt5_tokenizer() -> T5Tokenizer:
    """Letters as tokens."""
    specials = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    letters = [(chr(code), -4.0) for code in range(33, 127)]
    return T5Tokenizer(vocab=[*specials, ("▁", -2.0), *letters], extra_ids=0)


def umt5_encoder() -> UMT5EncoderModel:
    """Two layers; every layer has its own relative positions."""
    config = UMT5Config(vocab_size=128, d_model=32, d_kv=8, d_ff=32, num_layers=2, num_heads=4)
    return UMT5EncoderModel(config)


def write_wan(folder: Path, seed: int = 0, layers: int = 2) -> Path:
    """Writes a tiny Wan2.1 with all its parts and returns the folder."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        pipeline: Any = WanPipeline(
            tokenizer=umt5_tokenizer(),
            text_encoder=umt5_encoder(),
            vae=wan_vae(),
            scheduler=UniPCMultistepScheduler(
                prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0, num_train_timesteps=1000
            ),
            transformer=wan_transformer(layers),
        )
    pipeline.save_pretrained(folder)
    # As published: the file has the embedding under one of its two names, and the config denies that they are one.
    config = folder / "text_encoder" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"tie_word_embeddings": False}))
    return folder
