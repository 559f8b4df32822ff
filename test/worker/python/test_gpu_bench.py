"""The scripts for a GPU (test/bench/gpu) run whole on tiny models on the CPU, and count operations rightly."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from tiny import hunyuan_transformer

ROOT = Path(__file__).resolve().parents[3]
BENCH = ROOT / "test" / "bench" / "gpu"
sys.path.append(str(BENCH))

Records = dict[str, dict[str, dict[str, Any]]]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(BENCH / "run.py"), *arguments], capture_output=True, text=True, timeout=900, check=False
    )


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Records:
    """All parts in one process; records by part and name."""
    out = tmp_path_factory.mktemp("results")
    finished = run("--tiny", "--device", "cpu", "--only", "graphs in", "--out", str(out))
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert list(out.iterdir()) == []
    records: Records = {}
    for line in finished.stdout.splitlines():
        record = json.loads(line)
        records.setdefault(record["part"], {})[record.get("name", "")] = record
    return records


def test_every_part_says_what_it_measured(done: Records) -> None:
    assert set(done) == {"hardware", "hunyuan", "baseline", "attempts", "train", "goals"}
    assert done["hardware"]["product: square 64"]["ms"] > 0
    timed = ["rollout step, guided", "decoding one video", "optimizer step", "VideoAlign, one video"]
    timed += [f"update step, {name}" for name in ("alone", "with anchor", "with anchor and pre-trained model")]
    assert all(done["hunyuan"][name]["ms"] > 0 for name in timed)
    assert all(done["baseline"][name]["ms"] > 0 for name in ("rollout step, guided", "update step"))
    assert done["attempts"]["CUDA graphs in rollouts"]["rolloutMs"] > 0


def test_the_first_replay_has_ratio_one_under_every_option(done: Records) -> None:
    assert done["hunyuan"]["first replay"]["ratioDeviation"] == 0
    assert done["attempts"]["CUDA graphs in rollouts"]["ratioDeviation"] == 0
    assert done["attempts"]["CUDA graphs in rollouts"]["differenceOfVelocity"] == 0


def test_the_iteration_is_the_sum_that_its_formula_says(done: Records) -> None:
    record = done["hunyuan"]["iteration, extrapolated"]
    values = record["values"]
    assert record["formula"] == "N (T step + decode) + score + N K replay"
    rolled = values["N"] * (values["T"] * values["stepMs"] + values["decodeMs"]) + values["scoreMs"]
    whole = rolled + values["N"] * values["K"] * values["with anchor"]
    assert record["seconds"]["with anchor"] == pytest.approx(whole / 1e3, abs=0.01)
    goal = done["goals"][""]["iteration"]
    theirs = done["baseline"]["iteration, extrapolated"]["seconds"]["with anchor"]
    assert goal["ratio"] == pytest.approx(theirs / record["seconds"]["with anchor"], abs=1e-3)


@pytest.mark.parametrize("model", ["shapes", "small hunyuan-video-1.5, float32"])
def test_training_on_the_device_is_held_against_the_cpu(done: Records, model: str) -> None:
    record = done["train"][f"{model}: parity with the CPU"]
    assert set(record["relativeDifference"].values()) == {0.0}
    assert record["onDevice"]["gradientNorm"][0] > 0
    assert record["onDevice"]["ratioDeviation"] == [0.0]


def test_without_a_gpu_nothing_is_measured() -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    finished = run("hardware")
    assert finished.returncode == 2
    assert "--tiny --device cpu" in finished.stderr


def test_operations_are_those_that_torch_counts() -> None:
    from flops import Architecture, transformer
    from peft import LoraConfig

    from sage_worker.models.hunyuan_video import LORA_TARGETS

    network: Any = hunyuan_transformer(layers=2)
    network.add_adapter(LoraConfig(r=2, target_modules=LORA_TARGETS))
    video, text = 3 * 4 * 4, 5
    # torch counts the products of its plain attention, not of the CPU's fused one.
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        network(
            hidden_states=torch.randn(1, 9, 3, 4, 4),
            timestep=torch.tensor([700.0]),
            encoder_hidden_states=torch.randn(1, text, 16),
            encoder_attention_mask=torch.ones(1, text, dtype=torch.bool),
            encoder_hidden_states_2=torch.zeros(1, 0, 32),
            encoder_attention_mask_2=torch.zeros(1, 0, dtype=torch.bool),
            image_embeds=torch.zeros(1, 0, 12),
        )
    tiny = Architecture(9, 4, 2, 8, blocks=2, refiner_blocks=1, mlp_ratio=2.0, text_size=16)
    assert counter.get_total_flops() == transformer(tiny, video, text, rank=2).forward


def test_operations_of_the_released_model_are_those_of_the_estimate() -> None:
    from flops import Architecture, transformer

    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node")
    config = ROOT / "examples" / "hunyuan-video-1.5-lora.sage.yaml"
    command = [node, str(ROOT / "engine" / "cli.ts"), "estimate", str(config), "--json"]
    estimate = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout)
    tokens = estimate["tokens"]
    counted = transformer(Architecture(), tokens["video"], tokens["text"], rank=64)
    assert counted.forward == estimate["flops"]["forward"]
    branches = estimate["work"]["trainBranches"]
    replay = branches * (counted.recomputed + estimate["work"]["references"] * counted.forward)
    assert replay == estimate["flops"]["replay"]


def test_the_full_size_models_are_the_released_ones(tmp_path: Path) -> None:
    from measuring import Bench
    from random_models import FULL, policy_of, random_hunyuan
    from video_align import config_of, network_of

    bench = Bench(torch.device("meta"), tiny=False, ends=0.0, scratch=tmp_path)
    model = random_hunyuan(bench, FULL)
    assert sum(p.numel() for p in model.network.parameters()) == 8_326_608_160
    assert sum(p.numel() for p in model.vae.parameters()) == 1_260_634_115
    assert {p.dtype for p in model.network.parameters()} == {torch.bfloat16}
    assert (model.latent_shape, model.tokens()) == ((32, 21, 22, 39), 18_018)
    assert policy_of(bench, model, FULL).trainable.count() == 254_803_968
    scorer = network_of(bench, config_of(tiny=False))
    assert sum(p.numel() for p in scorer.parameters()) == 2_282_422_272
