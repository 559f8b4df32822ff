"""Loads model.pth into today's classes. Every tensor must find its place, and every place its tensor."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sage_worker.errors import WorkerError
from sage_worker.rewards.videoalign.layout import Lora
from sage_worker.rewards.videoalign.network import RewardNetwork

_peft = "base_model.model."
# Names before transformers 4.52, which wrote the published checkpoint, and what they are now.
_renamed = (
    (re.compile(r"visual\."), "model.visual."),
    (re.compile(r"model\.(embed_tokens|layers|norm)\."), r"model.language_model.\1."),
)
_shown = 4


def build_network(config: Any, outputs: int, lora: Lora | None, file: Path, precision: torch.dtype) -> nn.Module:
    """The network with the weights of `file`, on the CPU, for evaluation. Raises WorkerError for a key too many or few.

    With LoRA it is a PeftModel: as upstream, the adapters are not merged, for a merged weight, rounded to bfloat16,
    would lose much of what was learned.
    """
    from transformers.initialization import no_init_weights

    with no_init_weights():
        network: nn.Module = RewardNetwork(config, outputs)
    # Upstream casts the whole model to bfloat16 before it trains and before it scores, rotary frequencies among it.
    # What was learned goes with the rounded ones (at the 1,000th position, 0.2 % are a radian), so they are rounded
    # here in either precision; the weights come after.
    network.to(torch.bfloat16).to(precision)
    if lora is not None:
        network = _with_adapters(network, lora)
    fill(network, {current_name(key): value for key, value in read_weights(file).items()}, file)
    return network.eval().requires_grad_(False)


def read_weights(file: Path) -> dict[str, Tensor]:
    """Tensors of a model.pth, by name; nothing in it is executed."""
    try:
        content = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # what a broken or hostile file raises is of many types
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise WorkerError(
            "reward/checkpoint", f"{file} could not be read as weights ({first}).", "Fetch the checkpoint again."
        ) from error
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise WorkerError("reward/checkpoint", f"{file} is not a dict of tensors.", "Fetch the checkpoint again.")
    return content


def current_name(key: str) -> str:
    """A parameter's name in this network, of its name in a checkpoint of any version of transformers."""
    prefix = _peft if key.startswith(_peft) else ""
    name = key.removeprefix(prefix)
    for pattern, replacement in _renamed:
        if pattern.match(name):
            return prefix + pattern.sub(replacement, name, count=1)
    return key


def fill(network: nn.Module, weights: Mapping[str, Tensor], file: Path) -> None:
    """Copies the weights; names and shapes must agree, but for the language head, which no score needs."""
    own = network.state_dict()
    given = {key: value for key, value in weights.items() if not key.removeprefix(_peft).startswith("lm_head.")}
    faults = {
        "has no": [key for key in own if key not in given],
        "has an unknown": [key for key in given if key not in own],
        "has in another shape": [
            f"{key} {list(given[key].shape)} for {list(own[key].shape)}"
            for key in own
            if key in given and own[key].shape != given[key].shape
        ],
    }
    words = [
        f"{what} {', '.join(keys[:_shown])}" + (f" and {len(keys) - _shown} more" if len(keys) > _shown else "")
        for what, keys in faults.items()
        if keys
    ]
    if words:
        remedy = "It is of another model than model_config.json says, or of a version of transformers not known here."
        raise WorkerError("reward/checkpoint", f"{file} {'; it '.join(words)}.", remedy)
    network.load_state_dict(given)


def _with_adapters(network: nn.Module, lora: Lora) -> nn.Module:
    from peft import LoraConfig, get_peft_model

    targets = [
        name
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear | nn.Embedding) and not any(part in name for part in lora.excluded)
    ]
    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,  # type: ignore[arg-type]  # peft only multiplies by it
        use_rslora=lora.rank_stabilised,
        target_modules=targets[-lora.last_modules :] if lora.last_modules > 0 else targets,
        modules_to_save=list(lora.saved_modules) or None,
    )
    # In the precision of the weights that they adapt, as peft had it when VideoAlign was trained.
    return get_peft_model(network, config, autocast_adapter_dtype=False)  # type: ignore[arg-type]  # any module will do
