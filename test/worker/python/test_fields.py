"""Messages become records, and one that is wrong is a fault that names its field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sage_worker.noise import NoiseKey
from sage_worker.requests import KernelStep, OptimStepRequest, Replay, RolloutRequest, SampleSpec
from sage_worker.wire.fields import Fields, MessageFault, read
from sage_worker.wire.messages import InitRequest, RewardRequest, SamplingRequest, VideoFile, read_forward_backward

REWARD = {"models": ["clipscore"], "python": None, "heldOut": [], "checkpoints": {"clipscore": "clip"}, "base": "/here"}
INIT: dict[str, Any] = {
    "seq": 1,
    "op": "init",
    "model": "shapes",
    "weights": None,
    "sampling": {"frames": 8, "height": 32, "width": 48},
    "precision": "bf16",
    "adapter": {"kind": "lora", "rank": 4, "alpha": 8},
    "activationCheckpointing": False,
    "guidanceBatching": "auto",
    "offloadAnchor": True,
    "rowsPerPass": 2,
    "seed": 0,
    "cache": "/cache",
    "scratch": "/scratch",
    "reward": REWARD,
}
KEY = {"seed": 1, "stream": 0, "iteration": 2, "prompt": 3, "generation": 4}
STEP = {"a": 1, "b": -0.5, "s": 0, "sigma": 0.7, "logprobScale": None, "logprobOffset": 1.5}
ROLLOUT: dict[str, Any] = {
    "handle": "one",
    "samples": [{"prompt": "rain", "key": KEY}],
    "steps": [STEP],
    "trainedSteps": [0],
    "guidance": 2,
    "trainGuidance": True,
}
REPLAY: dict[str, Any] = {
    "handle": "one",
    "replays": [{"samples": [0, 2], "step": 1, "advantages": [1, -1.5], "equalizer": 0.5}],
    **dict.fromkeys(("clipRange", "beta", "anchorWeight", "stepwiseWeight", "gradientScale"), 0.5),
    "stepwiseEstimator": "k1",
    "useAnchor": False,
    "measureReference": False,
}
RECORDS = {"init": (InitRequest, INIT), "rollout": (RolloutRequest, ROLLOUT)}


def test_every_field_is_read_by_its_name_and_its_type() -> None:
    found = read(InitRequest, Fields(INIT, "init"))
    assert found.sampling == SamplingRequest(frames=8, height=32, width=48)
    assert (found.weights, found.rows_per_pass, found.cache, found.offload_anchor) == (None, 2, Path("/cache"), True)
    assert found.reward == RewardRequest(("clipscore",), None, (), {"clipscore": "clip"}, Path("/here"))
    assert read(InitRequest, Fields({**INIT, "reward": None}, "init")).reward is None
    assert read(RolloutRequest, Fields(ROLLOUT, "rollout")) == RolloutRequest(
        "one", (SampleSpec("rain", NoiseKey(1, 0, 2, 3, 4)),), (KernelStep(1, -0.5, 0, 0.7, None, 1.5),), (0,), 2, True
    )
    job = {"sample": 3, "file": "a.mp4", "poster": "a.png", "scale": 4}
    assert read(VideoFile, Fields(job, "write")) == VideoFile(3, Path("a.mp4"), Path("a.png"), 4)
    replay = read_forward_backward(Fields(REPLAY, "forwardBackward"))
    assert replay.replays == (Replay((0, 2), 1, (1.0, -1.5), 0.5),) and replay.stepwise_estimator == "k1"
    assert isinstance(read(RolloutRequest, Fields(ROLLOUT, "rollout")).guidance, float)


@pytest.mark.parametrize(
    ("op", "changed", "fault"),
    [
        ("init", {"model": ""}, "init.model must be a text, not ''"),
        ("init", {"weights": 7}, "init.weights must be a text, not 7"),
        ("init", {"precision": "fp16"}, "init.precision must be one of bf16, fp32, not 'fp16'"),
        ("init", {"precision": ["bf16"]}, "init.precision must be one of bf16, fp32, not ['bf16']"),
        ("init", {"rowsPerPass": 0}, "init.rowsPerPass must be a whole number of at least 1, not 0"),
        ("init", {"rowsPerPass": True}, "init.rowsPerPass must be a whole number of at least 1, not True"),
        ("init", {"seed": -1}, "init.seed must be a whole number of at least 0, not -1"),
        ("init", {"offloadAnchor": 1}, "init.offloadAnchor must be true or false, not 1"),
        ("init", {"sampling": {"frames": 8, "height": 32}}, "init.sampling.width must be a whole number of at least 1"),
        ("init", {"sampling": []}, "init.sampling must be an object, not []"),
        ("init", {"adapter": {"kind": "qlora"}}, "init.adapter.kind must be one of none, lora, not 'qlora'"),
        ("init", {"reward": {**REWARD, "heldOut": [1]}}, "init.reward.heldOut[0] must be a text, not 1"),
        ("init", {"reward": {**REWARD, "checkpoints": {"a": 1}}}, "init.reward.checkpoints.a must be a text, not 1"),
        ("rollout", {"samples": {}}, "rollout.samples must be a list, not {}"),
        ("rollout", {"samples": [{"prompt": "rain", "key": 1}]}, "rollout.samples[0].key must be an object, not 1"),
        ("rollout", {"steps": [STEP, {**STEP, "s": "0"}]}, "rollout.steps[1].s must be a finite number, not '0'"),
        (
            "rollout",
            {"steps": [{**STEP, "logprobScale": "1"}]},
            "rollout.steps[0].logprobScale must be a finite",
        ),
        ("rollout", {"guidance": float("inf")}, "rollout.guidance must be a finite number, not inf"),
        ("rollout", {"trainedSteps": [0, 0.5]}, "rollout.trainedSteps[1] must be a whole number, not 0.5"),
    ],
)
def test_a_wrong_field_is_named(op: str, changed: dict[str, Any], fault: str) -> None:
    record, message = RECORDS[op]
    with pytest.raises(MessageFault) as raised:
        read(record, Fields({**message, **changed}, op))
    assert str(raised.value).startswith(fault)


@pytest.mark.parametrize("missing", [key for key in REPLAY])
def test_no_field_has_a_default_on_the_wire(missing: str) -> None:
    message = {key: value for key, value in REPLAY.items() if key != missing}
    with pytest.raises(MessageFault, match=f"forwardBackward.{missing} must be"):
        read_forward_backward(Fields(message, "forwardBackward"))


def test_samples_and_advantages_belong_together() -> None:
    (good,) = REPLAY["replays"]
    for wrong, fault in (
        ([good, {**good, "advantages": [1]}], "2 samples have 1 advantages"),
        ([{**good, "samples": [], "advantages": []}], "0 samples have 0 advantages"),
        ([], "there are no replays"),
        ([{**good, "step": -1}], r"forwardBackward.replays\[0\].step must be"),
    ):
        with pytest.raises(MessageFault, match=fault):
            read_forward_backward(Fields({**REPLAY, "replays": wrong}, "forwardBackward"))


def test_numbers_of_names_that_end_in_a_digit() -> None:
    names = ("learningRate", "weightDecay", "beta1", "beta2", "epsilon", "maxGradientNorm")
    found = read(OptimStepRequest, Fields({name: i for i, name in enumerate(names)}, "optimStep"))
    assert (found.learning_rate, found.beta2, found.max_gradient_norm) == (0, 3, 5)
