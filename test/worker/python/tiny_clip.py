"""A random CLIP of some 20,000 parameters with tokenizer and image processor, saved as the released ones are."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer
from transformers.convert_slow_tokenizer import bytes_to_unicode

LENGTH = 16
"""Tokens of a prompt, begin and end among them; 77 in the released models."""


def build_tiny_clip(folder: Path, seed: int = 0) -> CLIPModel:
    """Writes the folder and returns the model that is in it."""
    tokenizer = _tokenizer()
    ids = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    text = {"vocab_size": len(tokenizer), "max_position_embeddings": LENGTH, "hidden_size": 32, "intermediate_size": 32}
    vision = {"image_size": 28, "patch_size": 14, "hidden_size": 32, "intermediate_size": 32}
    shared = {"num_hidden_layers": 2, "num_attention_heads": 4, "projection_dim": 16}
    torch.manual_seed(seed)
    model = CLIPModel(CLIPConfig(text_config=text | shared | ids, vision_config=vision | shared, projection_dim=16))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1 and "norm" not in name:
                parameter.normal_(std=0.3)
        model.logit_scale.fill_(4.6052)  # the largest that CLIP allows, as in the released ones
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    # As openai/clip-vit-large-patch14 has it, but for the size.
    (folder / "preprocessor_config.json").write_text(
        json.dumps(
            {
                "crop_size": 28,
                "do_center_crop": True,
                "do_normalize": True,
                "do_resize": True,
                "feature_extractor_type": "CLIPFeatureExtractor",
                "image_mean": [0.48145466, 0.4578275, 0.40821073],
                "image_std": [0.26862954, 0.26130258, 0.27577711],
                "resample": 3,
                "size": 28,
            }
        )
    )
    return model.eval()


def _tokenizer() -> CLIPTokenizer:
    symbols = list(bytes_to_unicode().values())
    pieces = [*symbols, *(symbol + "</w>" for symbol in symbols), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={piece: i for i, piece in enumerate(pieces)}, merges=[])
