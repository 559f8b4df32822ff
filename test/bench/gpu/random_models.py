"""Full-size and tiny models with random weights made on the device: times and memory do not depend on their values.

The worker's own classes are built by their own constructors. A folder has the configs that a download would have and no
weights; the function that reads weights is replaced by one that makes a model of the config where it is wanted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from flops import Architecture
from measuring import Bench
from sage_worker.models import pipeline_folder
from sage_worker.models.base import ModelOptions
from sage_worker.policy import Adapter, PolicyOptions, TorchPolicy

TEXT_TOKENS = 128
"""Of a usual prompt: what engine/config/estimate assumes."""
EMPTY_TOKENS = 10
"""Of the empty prompt: what is left of the chat template behind the 108 tokens that the pipeline drops."""


@dataclass(frozen=True)
class Size:
    """A model and a video."""

    frames: int
    height: int
    width: int
    architecture: Architecture
    transformer: dict[str, Any]
    autoencoder: dict[str, Any]
    rank: int
    text: int
    empty: int


FULL = Size(81, 352, 624, Architecture(), {"task_type": "t2v"}, {}, rank=64, text=TEXT_TOKENS, empty=EMPTY_TOKENS)
TINY = Size(
    *(9, 16, 16),
    Architecture(9, 4, 2, 8, 2, 1, 2.0, 16),
    {
        **{"in_channels": 9, "out_channels": 4, "num_attention_heads": 2, "attention_head_dim": 8, "num_layers": 2},
        **{"num_refiner_layers": 1, "mlp_ratio": 2.0, "text_embed_dim": 16, "text_embed_2_dim": 32},
        **{"image_embed_dim": 12, "rope_axes_dim": (2, 2, 4), "target_size": 16, "task_type": "t2v"},
    },
    {
        **{"latent_channels": 4, "block_out_channels": (16, 16), "layers_per_block": 1},
        **{"spatial_compression_ratio": 4, "temporal_compression_ratio": 2},
        **{"downsample_match_channel": False, "upsample_match_channel": False},
    },
    rank=2,
    text=5,
    empty=3,
)


def size_of(bench: Bench) -> Size:
    """What the bench is run with."""
    return TINY if bench.tiny else FULL


def write_configs(folder: Path, size: Size) -> Path:
    """The configs of a published HunyuanVideo-1.5 of this size, without weights."""
    from diffusers import AutoencoderKLHunyuanVideo15, HunyuanVideo15Transformer3DModel

    transformer: Any = HunyuanVideo15Transformer3DModel
    autoencoder: Any = AutoencoderKLHunyuanVideo15
    with torch.device("meta"):
        transformer(**size.transformer).save_config(folder / "transformer")
        autoencoder(**size.autoencoder).save_config(folder / "vae")
    for part in ("scheduler", "guider", "text_encoder", "tokenizer", "text_encoder_2", "tokenizer_2"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "text_encoder" / "config.json").write_text(json.dumps({"hidden_size": size.architecture.text_size}))
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "HunyuanVideo15Pipeline"}))
    return folder


@contextmanager
def made_not_read(device: torch.device) -> Iterator[None]:
    """Within it, `load_part` makes a part with random weights on the device."""

    def make(kind: Any, folder: Path, part: str, dtype: torch.dtype, _: object) -> Any:
        before = torch.get_default_dtype()
        torch.set_default_dtype(dtype)
        try:
            with torch.device(device):
                return kind.from_config(kind.load_config(folder, subfolder=part)).eval()
        finally:
            torch.set_default_dtype(before)

    with mock.patch.object(pipeline_folder, "load_part", make):
        yield


def conditions(size: Size, prompts: Sequence[str], precision: torch.dtype) -> list[dict[str, Tensor]]:
    """Random embeddings of prompts as the text cache holds them: valid tokens only, nothing quoted."""
    config = size.transformer
    qwen, byt5 = config.get("text_embed_dim", 3584), config.get("text_embed_2_dim", 1472)
    found = []
    for prompt in prompts:
        generator = torch.Generator().manual_seed(len(prompt))
        tokens = size.text if prompt else size.empty
        text = torch.randn(tokens, qwen, generator=generator).to(precision)
        found.append({"qwen": text, "byt5": torch.zeros(0, byt5, dtype=precision)})
    return found


def random_hunyuan(bench: Bench, size: Size) -> Any:
    """The worker's HunyuanVideo with random weights on the device and embeddings in place of text encoders."""
    from sage_worker.models.hunyuan_video import HunyuanVideo

    folder = write_configs(bench.scratch / "configs", size)
    options = ModelOptions(
        weights=str(folder),
        frames=size.frames,
        height=size.height,
        width=size.width,
        precision=bench.precision,
        cache=bench.scratch / "cache",
        device=bench.device,
    )
    torch.manual_seed(0)
    with made_not_read(bench.device):
        model = HunyuanVideo(options)

    def encode(prompts: Sequence[str]) -> list[dict[str, Tensor]]:
        unconditional, *found = conditions(size, ["", *prompts], bench.precision)
        model.unconditional = unconditional
        return found

    model.encode = encode  # type: ignore[method-assign]
    model.encode([])
    return model


def policy_of(bench: Bench, model: Any, size: Size, rows: int = 1) -> TorchPolicy:
    """LoRA of the size's rank on the model, with activation checkpointing."""
    options = PolicyOptions(
        adapter=Adapter(rank=size.rank, alpha=2.0 * size.rank),
        precision=bench.precision,
        rows=rows,
        activation_checkpointing=True,
        seed=0,
    )
    return TorchPolicy(model, options)
