"""Processes that share one sharded network take part in each other's passes, whatever texts each of them has."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file

from processes import run_two
from sage_worker.models.load import load_model
from sharded_velocity import PROMPTS, inputs
from tiny import HUNYUAN_VIDEO, plain_options, write_hunyuan_video


def test_two_processes_with_texts_of_different_lengths_do_not_wait_for_each_other(tmp_path: Path) -> None:
    folder, cache = write_hunyuan_video(tmp_path / "model"), tmp_path / "prompts"
    outputs = [tmp_path / f"{rank}.safetensors" for rank in range(2)]
    run_two("sharded_velocity.py", folder, cache, tmp_path / "store", outputs=outputs)
    options = plain_options(folder, HUNYUAN_VIDEO, cache)
    alone = load_model("hunyuan-video-1.5", options)
    for rank, prompts in enumerate(PROMPTS):
        x, sigma = inputs(rank, alone.latent_shape)
        with torch.no_grad():
            expected = alone.velocity(x, sigma, alone.encode(prompts), 3.0)
        torch.testing.assert_close(load_file(outputs[rank])["velocity"], expected)
