"""A random VideoAlign of some 100,000 parameters, written to disk in the layout of the published checkpoint.

The classes are the real ones: Qwen2VLForConditionalGeneration with a reward head, under peft. The names of the tensors
are those of transformers 4.45, which wrote the published file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn
from transformers import Qwen2Tokenizer, Qwen2VLConfig, Qwen2VLForConditionalGeneration
from transformers.convert_slow_tokenizer import bytes_to_unicode

STEP = 11352
REWARD_TOKENS = ["<|VQ_reward|>", "<|MQ_reward|>", "<|TA_reward|>"]
MARKS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>"]
MARKS += ["<|image_pad|>", "<|video_pad|>"]
QUESTION = """
Look at the  still things. <|VQ_reward|>
END

At what moves.\t<|MQ_reward|>
END

At the words - {text_prompt}
And rate: <|TA_reward|>
END
"""
CHAT_TEMPLATE = (
    "{% for message in messages %}{% if loop.first %}<|im_start|>system\nYou help.<|im_end|>\n{% endif %}"
    "<|im_start|>{{ message['role'] }}\n{% for content in message['content'] %}"
    "{% if content['type'] == 'video' %}<|vision_start|><|video_pad|><|vision_end|>"
    "{% elif 'text' in content %}{{ content['text'] }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
EXCLUDED = ["lm_head", "rm_head", "embed_tokens", "visual"]


@dataclass(frozen=True)
class TinyVideoAlign:
    """What was written, and the model that it was written from."""

    folder: Path
    model: nn.Module
    """PeftModel over Qwen2VLForConditionalGeneration with `rm_head`, under today's names."""
    tokenizer: Qwen2Tokenizer
    config: Any


def build_tiny_videoalign(folder: Path, outputs: int = 1, seed: int = 0) -> TinyVideoAlign:
    """Writes `folder`/VideoReward, and `folder`/base as the Qwen2-VL that it names; returns both and the model."""
    tokenizer = _tokenizer()
    base = folder / "base"
    config = _config(tokenizer, base)
    tokenizer.add_special_tokens({"additional_special_tokens": REWARD_TOKENS})
    config.text_config.vocab_size = len(tokenizer)
    model = _model(config, outputs, seed)
    root = folder / "VideoReward"
    checkpoint = root / f"checkpoint-{STEP}"
    tokenizer.save_pretrained(checkpoint / "tokenizer")
    torch.save({published_name(key): value for key, value in model.state_dict().items()}, checkpoint / "model.pth")
    (root / "model_config.json").write_text(json.dumps(model_config(base, outputs), indent=4))
    (root / "prompt_template.py").write_text(
        f'raise RuntimeError("parsed, not run")\nDETAILED_PROMPT_WITH_SPECIAL_TOKEN = {QUESTION!r}\n'
    )
    return TinyVideoAlign(root, model, tokenizer, config)


def published_name(key: str) -> str:
    """The name that transformers 4.45 had for a parameter of today."""
    key = key.replace("base_model.model.model.visual.", "base_model.model.visual.")
    return key.replace("base_model.model.model.language_model.", "base_model.model.model.")


def model_config(base: Path, outputs: int) -> dict[str, object]:
    """model_config.json with the published constants and the tiny model's sizes."""
    return {
        "data_config": {
            "meta_data": "/somewhere/train.csv",
            "data_dir": "/somewhere",
            "max_frame_pixels": 200704,
            "num_frames": None,
            "fps": 2.0,
            "eval_dim": ["VQ", "MQ", "TA"],
            "prompt_template_type": "detailed_special",
            "sample_type": "uniform",
        },
        "training_args": {"output_dir": "rm_output"},
        "model_config": {
            "model_name_or_path": str(base),
            "output_dim": outputs,
            "use_special_tokens": True,
            "torch_dtype": "bfloat16",
            "reward_token": "special",
        },
        "peft_lora_config": {
            "lora_enable": True,
            "vision_lora": False,
            "lora_r": 4,
            "lora_alpha": 8,
            "lora_dropout": 0.05,
            "lora_namespan_exclude": EXCLUDED,
            "lora_modules_to_save": None,
            "lora_task_type": "CAUSAL_LM",
            "use_rslora": False,
            "num_lora_modules": -1,
        },
        "inference_config": {
            "VQ_mean": 3.6757,
            "VQ_std": 2.2476,
            "MQ_mean": 1.1646,
            "MQ_std": 1.3811,
            "TA_mean": 2.8105,
            "TA_std": 2.5121,
        },
    }


def _tokenizer() -> Qwen2Tokenizer:
    vocabulary = {symbol: i for i, symbol in enumerate([*bytes_to_unicode().values(), MARKS[0]])}
    tokenizer = Qwen2Tokenizer(vocab=vocabulary, merges=[])
    tokenizer.add_special_tokens({"additional_special_tokens": MARKS[1:]})
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def _config(tokenizer: Qwen2Tokenizer, base: Path) -> Any:
    """Writes config.json flat, as Qwen2-VL's repositories have it, and reads it back."""
    ids = {mark: tokenizer.convert_tokens_to_ids(mark) for mark in MARKS}
    content = {
        "architectures": ["Qwen2VLForConditionalGeneration"],
        "model_type": "qwen2_vl",
        "bos_token_id": ids["<|endoftext|>"],
        "eos_token_id": ids["<|im_end|>"],
        "image_token_id": ids["<|image_pad|>"],
        "video_token_id": ids["<|video_pad|>"],
        "vision_start_token_id": ids["<|vision_start|>"],
        "vision_end_token_id": ids["<|vision_end|>"],
        "vision_token_id": ids["<|image_pad|>"],
        "attention_dropout": 0.0,
        "hidden_act": "silu",
        "hidden_size": 32,
        "initializer_range": 0.02,
        "intermediate_size": 64,
        "max_position_embeddings": 32768,
        "max_window_layers": 2,
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
        "num_key_value_heads": 2,
        "rms_norm_eps": 1e-06,
        "rope_theta": 1000000.0,
        "rope_scaling": {"type": "mrope", "mrope_section": [1, 1, 2]},
        "sliding_window": 32768,
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
        "use_cache": True,
        "use_sliding_window": False,
        "vision_config": {
            "depth": 2,
            "embed_dim": 32,
            "mlp_ratio": 4,
            "num_heads": 4,
            "in_chans": 3,
            "hidden_size": 32,
            "patch_size": 14,
            "spatial_merge_size": 2,
            "spatial_patch_size": 14,
            "temporal_patch_size": 2,
        },
        "vocab_size": 300,
    }
    base.mkdir(parents=True)
    (base / "config.json").write_text(json.dumps(content, indent=2))
    return Qwen2VLConfig.from_pretrained(base)


def _model(config: Any, outputs: int, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    # As upstream does before training: it rounds the rotary frequencies too. The random weights below are not rounded.
    network: Any = Qwen2VLForConditionalGeneration(config)
    network.to(torch.bfloat16).float()
    network.rm_head = nn.Linear(config.text_config.hidden_size, outputs, bias=False)
    targets = [
        name
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear) and not any(part in name for part in EXCLUDED)
    ]
    model = get_peft_model(network, LoraConfig(r=4, lora_alpha=8, target_modules=targets))
    generator = torch.Generator().manual_seed(seed + 1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            # Large enough that every part, the adapters' B among them, moves the scores.
            parameter.copy_(_random(parameter, generator) + (1 if "norm" in name and name.endswith("weight") else 0))
    return model.eval()


def _random(parameter: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(parameter.shape, generator=generator) * (0.3 if parameter.ndim > 1 else 0.05)
