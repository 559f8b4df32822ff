"""What estimates take from torch: parameters, and bytes that decoders and transformer blocks allocate.

Everything happens on torch's meta device, which has shapes and no numbers, so that it needs neither weights nor a GPU.
Prints one JSON object; the numbers stand in `engine/config/estimate/measured.ts` and in `test/unit/estimate`.

    pip install torch==2.13.0 diffusers==0.40.0 transformers peft accelerate
    python test/bench/architecture_torch.py
"""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl_hunyuanvideo15 import AutoencoderKLHunyuanVideo15
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
from diffusers.models.transformers import transformer_hunyuan_video15 as hunyuan
from diffusers.models.transformers import transformer_wan as wan
from peft import LoraConfig, inject_adapter_in_model
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import (
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    T5Config,
    T5EncoderModel,
    UMT5Config,
    UMT5EncoderModel,
)
from transformers.models.qwen2_5_vl.configuration_qwen2_5_vl import Qwen2_5_VLTextConfig
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VLTextModel

TOKENS = 65_536
RANK = 64
TARGETS = r".*(to_q|to_k|to_v|to_out\.0|add_q_proj|add_k_proj|add_v_proj|to_add_out|net\.0\.proj|net\.2)"


class Allocations(TorchDispatchMode):
    """Follows the storages that operations make, until they are gone."""

    def __init__(self, *known: nn.Module) -> None:
        super().__init__()
        self.live = 0
        self.most = 0
        self.seen = {t.untyped_storage()._cdata for m in known for t in (*m.parameters(), *m.buffers())}

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self.follow(leaf.untyped_storage())
        return result

    def follow(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self.seen:
            return
        self.seen.add(key)
        self.live += size
        self.most = max(self.most, self.live)

        def forget() -> None:
            self.seen.discard(key)
            self.live -= size

        weakref.finalize(storage, forget)


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def wan_transformer(**other: Any) -> nn.Module:
    usual = {"num_attention_heads": 12, "attention_head_dim": 128, "text_dim": 4096, "ffn_dim": 8960, "num_layers": 30}
    fixed = {"in_channels": 16, "out_channels": 16, "freq_dim": 256, "cross_attn_norm": True}
    return wan.WanTransformer3DModel(qk_norm="rms_norm_across_heads", **fixed, **{**usual, **other})


def tiny_hunyuan(layers: int) -> nn.Module:
    return hunyuan.HunyuanVideo15Transformer3DModel(
        in_channels=9, out_channels=4, num_attention_heads=2, attention_head_dim=8, num_layers=layers,
        num_refiner_layers=1, mlp_ratio=2.0, text_embed_dim=16, text_embed_2_dim=32, image_embed_dim=12,
        rope_axes_dim=(2, 2, 4), target_size=16, task_type="t2v",
    )  # fmt: skip


def qwen2_vl() -> nn.Module:
    text = {"hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28, "num_attention_heads": 12}
    vision = {"depth": 32, "embed_dim": 1280, "hidden_size": 1536, "mlp_ratio": 4, "num_heads": 16}
    text |= {"num_key_value_heads": 2, "vocab_size": 151_936}
    return Qwen2VLForConditionalGeneration(
        Qwen2VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True)
    )


def parameters() -> dict[str, int]:
    """Parameters of the released models, and of tiny ones that the same formulas must fit."""
    gated = {"feed_forward_proj": "gated-gelu", "relative_attention_num_buckets": 32, "d_kv": 64}
    byt5 = {"d_model": 1472, "d_ff": 3584, "num_layers": 12, "num_heads": 6, "vocab_size": 1510}
    umt5 = {"d_model": 4096, "d_ff": 10240, "num_layers": 24, "num_heads": 64, "vocab_size": 256_384}
    words = {"num_key_value_heads": 4, "vocab_size": 152_064}
    qwen = {"hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28, "num_attention_heads": 28}
    with torch.device("meta"):
        tiny_vae = AutoencoderKLHunyuanVideo15(
            latent_channels=4, block_out_channels=(16, 16), layers_per_block=1, spatial_compression_ratio=4,
            temporal_compression_ratio=2, downsample_match_channel=False, upsample_match_channel=False,
        )  # fmt: skip
        vae, vision = AutoencoderKLHunyuanVideo15(), qwen2_vl()
        return {
            "hunyuan transformer": count(hunyuan.HunyuanVideo15Transformer3DModel()),
            "hunyuan transformer, tiny, 1 block": count(tiny_hunyuan(1)),
            "hunyuan transformer, tiny, 2 blocks": count(tiny_hunyuan(2)),
            "hunyuan encoder": count(vae.encoder),
            "hunyuan decoder": count(vae.decoder),
            "hunyuan autoencoder, tiny": count(tiny_vae),
            "hunyuan decoder, tiny": count(tiny_vae.decoder),
            "wan transformer": count(wan_transformer()),
            "wan transformer, tiny": count(
                wan_transformer(num_attention_heads=2, attention_head_dim=12, text_dim=32, ffn_dim=32, num_layers=2)
            ),
            "wan autoencoder": count(AutoencoderKLWan()),
            "wan autoencoder, tiny": count(AutoencoderKLWan(base_dim=3, dim_mult=[1, 1, 1, 1], num_res_blocks=1)),
            "qwen 2.5 text": count(Qwen2_5_VLTextModel(Qwen2_5_VLTextConfig(**words, **qwen))),
            "byt5": count(T5EncoderModel(T5Config(**byt5, **gated))),
            "umt5": count(UMT5EncoderModel(UMT5Config(**umt5, **gated))),
            "qwen 2 vl": count(vision),
            "qwen 2 vl, vision": count(vision.model.visual),
            "qwen 2 vl, a block of vision": count(vision.model.visual.blocks[0]),
        }  # fmt: skip


def decoding() -> dict[str, float]:
    """Most MiB alive while one video is decoded: Hunyuan's in bfloat16, Wan's in float32."""
    with torch.device("meta"):
        models = {
            "hunyuan": (AutoencoderKLHunyuanVideo15().to(torch.bfloat16), 32, 16, torch.bfloat16),
            "wan": (AutoencoderKLWan(), 16, 8, torch.float32),
        }
    sizes = {
        "hunyuan": [(256, 256, 81), (256, 256, 121), (128, 256, 81), (352, 624, 81), (480, 848, 81), (720, 1280, 121)],
        "wan": [(256, 256, 81), (256, 256, 17), (480, 832, 81)],
    }
    found = {}
    for name, (model, channels, ratio, dtype) in models.items():
        model.enable_tiling()
        for height, width, frames in sizes[name]:
            latent = torch.empty(
                1, channels, (frames - 1) // 4 + 1, height // ratio, width // ratio, dtype=dtype, device="meta"
            )
            with torch.no_grad(), Allocations(model) as seen:
                model.decode(latent)
            found[f"{name} {height}x{width}x{frames}"] = round(seen.most / 2**20, 1)
    return found


@contextmanager
def lean_attention() -> Iterator[None]:
    """Attention by a kernel that holds no pairs of tokens, and without the mask that diffusers builds for it."""

    def attend(query: Tensor, key: Tensor, value: Tensor, scale: float | None = None, **_: Any) -> Tensor:
        return torch.ops.aten._scaled_dot_product_flash_attention(query, key, value, 0.0, False, False, scale=scale)[0]

    def unless_truths(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        return lambda x, *a, **k: x if x.dtype == torch.bool else function(x, *a, **k)

    names = [(Tensor, name) for name in ("repeat", "view", "transpose")] + [(nn.functional, "pad")]
    before = [(owner, name, getattr(owner, name)) for owner, name in names]
    usual = nn.functional.scaled_dot_product_attention
    try:
        nn.functional.scaled_dot_product_attention = attend
        for owner, name, function in before:
            setattr(owner, name, unless_truths(function))
        yield
    finally:
        nn.functional.scaled_dot_product_attention = usual
        for owner, name, function in before:
            setattr(owner, name, function)


def with_adapter(block: nn.Module, dtype: torch.dtype) -> nn.Module:
    with torch.device("meta"):
        block = inject_adapter_in_model(LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules=TARGETS), block)
    for name, parameter in block.named_parameters():
        parameter.requires_grad_("lora_" in name)
        parameter.data = parameter.data.to(dtype)
    return block


def block_inputs(name: str, dtype: torch.dtype) -> tuple[Any, ...]:
    def empty(*shape: int, dtype: torch.dtype = dtype, grad: bool = False) -> Tensor:
        return torch.empty(*shape, dtype=dtype, device="meta", requires_grad=grad)

    single = torch.float32
    if name == "wan":
        rotary = (empty(1, TOKENS, 1, 128, dtype=single), empty(1, TOKENS, 1, 128, dtype=single))
        return empty(1, TOKENS, 1536, grad=True), empty(1, 512, 1536), empty(1, 6, 1536, dtype=single), rotary
    rotary = (empty(TOKENS, 128, dtype=single), empty(TOKENS, 128, dtype=single))
    mask = torch.empty(1, 1, dtype=torch.bool, device="meta")
    return empty(1, TOKENS, 2048, grad=True), empty(1, 1, 2048, grad=True), empty(1, 2048), mask, rotary


def block_bytes(name: str, block: nn.Module, dtype: torch.dtype) -> dict[str, int]:
    """Bytes a token: kept after the forward pass, most alive in both passes, most alive without gradient."""
    with Allocations(block) as seen:
        inputs = block_inputs(name, dtype)
        before = seen.live
        result = block(*inputs)
        outputs = result if isinstance(result, tuple) else (result,)
        kept = seen.live - before
        torch.autograd.backward(outputs, [torch.empty_like(output) for output in outputs])
        most = seen.most - before
    with Allocations(block) as seen, torch.no_grad():
        inputs = block_inputs(name, dtype)
        before = seen.live
        block(*inputs)
    return {
        key: round(value / TOKENS) for key, value in {"kept": kept, "most": most, "forward": seen.most - before}.items()
    }


def activations() -> dict[str, dict[str, int]]:
    found = {}
    for dtype in (torch.bfloat16, torch.float32):
        for name in ("hunyuan", "wan"):
            for kind in ("none", "lora"):
                with torch.device("meta"):
                    block = (
                        hunyuan.HunyuanVideo15TransformerBlock(16, 128, 4.0)
                        if name == "hunyuan"
                        else wan.WanTransformerBlock(1536, 8960, 12, "rms_norm_across_heads", True, 1e-6)
                    ).to(dtype)
                if kind == "lora":
                    block = with_adapter(block, dtype)
                with lean_attention():
                    found[f"{name} {str(dtype)[6:]} {kind}"] = block_bytes(name, block, dtype)
    return found


if __name__ == "__main__":
    print(json.dumps({"parameters": parameters(), "decoding": decoding(), "activations": activations()}, indent=2))
