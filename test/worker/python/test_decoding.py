"""Every model decodes in tiles and one video at a time, so that memory does not grow with the video or the batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from policies import model_options
from sage_worker.models.load import load_model
from tiny import write_hunyuan_video, write_wan

WRITERS = {"hunyuan-video-1.5": write_hunyuan_video, "wan-2.1": write_wan}


@pytest.mark.parametrize("name", WRITERS)
def test_a_model_decodes_in_tiles_and_one_video_at_a_time(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = WRITERS[name](tmp_path / "model")
    model: Any = load_model(name, model_options(weights=str(folder), cache=tmp_path / "prompts"))
    assert model.vae.use_tiling
    decode, rows = model.vae.decode, []

    def counted(z: torch.Tensor, **options: Any) -> Any:
        rows.append(len(z))
        return decode(z, **options)

    monkeypatch.setattr(model.vae, "decode", counted)
    latents = torch.randn((3, *model.latent_shape), generator=torch.Generator().manual_seed(1))
    together = model.decode(latents)
    assert rows == [1, 1, 1]
    assert torch.equal(model.decode(latents[1:2])[0], together[1])
