"""The Shapes model under PyTorch: replay is exact, the trust region holds, a resumed run goes on as if not stopped."""

from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from policies import (
    ADAMW,
    forward_backward,
    kernel_steps,
    model_options,
    replay_of,
    replays,
    roll_out,
    samples,
    shapes_policy,
    update,
)
from sage_worker.errors import WorkerError
from sage_worker.models.shapes import PACKAGED_WEIGHTS, load_shapes, parse_prompt
from sage_worker.policy import TorchPolicy


@pytest.mark.parametrize("guidance", [1.0, 3.0])
@pytest.mark.parametrize(("rows", "size"), [(1, 1), (3, 3), (8, 8), (10, 20), (16, 3)])
def test_the_first_replay_has_a_ratio_of_exactly_one(rows: int, size: int, guidance: float) -> None:
    policy = shapes_policy(rows)
    result, videos = roll_out(policy, samples=samples(3, 7), guidance=guidance)
    assert sorted(videos) == list(range(21)) and len(result.log_probs) == 21
    order = [5, 20, 0, 13, 7, 19, 2, 2, 11, 8, 1, 16, 3, 10, 6, 18, 9, 4, 17, 12]
    for step in (0, 1, 3):
        for of in (order[:size], order[-size:]):
            replayed = forward_backward(policy, of, step=step)
            assert (replayed.ratio, replayed.ratio_deviation) == (1, 0)
            assert (replayed.approx_kl, replayed.kl_step, replayed.kl_anchor) == (0, 0, 0)
            assert replayed.gradient_norm is not None and replayed.gradient_norm > 0
    together = replays(policy, *(replay_of(order[-size:], step) for step in (3, 0, 1)))
    assert [result.ratio_deviation for result in together] == [0, 0, 0]
    update(policy, order[:size])
    assert forward_backward(policy, order[:size]).ratio_deviation > 0


@pytest.mark.parametrize("rows", [1, 4, 16])
def test_replays_in_one_go_give_what_they_give_one_by_one(rows: int) -> None:
    alone, together = (shapes_policy(rows) for _ in range(2))
    for policy in (alone, together):
        roll_out(policy, guidance=3.0)
        policy.set_anchor()
        update(policy, (0, 5))
    # Of different sizes, steps, weights and signs, some samples in several of them.
    some = [
        replay_of((0, 3, 6), 0),
        replay_of((3,), 3, equalizer=0.4),
        replay_of((1, 2, 4, 5, 7), 1),
        replay_of((0,), 0),
    ]
    one_by_one = [replays(alone, each, gradient_scale=0.25)[0] for each in some]
    in_one_go = replays(together, *some, gradient_scale=0.25)
    for ours, theirs in zip(in_one_go, one_by_one, strict=True):
        assert (ours.gradient_norm, ours.gradient_norm_raw) == (None, None)
        assert theirs.gradient_norm is not None and theirs.gradient_norm > 0
        for name, value in asdict(theirs).items():
            if not name.startswith("gradient_norm"):
                assert getattr(ours, name) == pytest.approx(value, rel=1e-4, abs=1e-9), name
    first, second = (policy.optim_step(ADAMW) for policy in (alone, together))
    assert second.gradient_norm == pytest.approx(first.gradient_norm, rel=1e-5)
    for mixed, single in zip(together.trainable.masters, alone.trainable.masters, strict=True):
        torch.testing.assert_close(mixed, single, rtol=0, atol=2e-7)


def test_a_sample_is_the_same_in_any_company() -> None:
    policy = shapes_policy(4)
    every, all_videos = roll_out(policy, samples=samples(3, 5))
    some, videos = roll_out(policy, samples=samples(3, 5)[6:9])
    assert some.log_probs == every.log_probs[6:9]
    for place, video in videos.items():
        # Convolutions of the decoder may add in another order in another batch.
        torch.testing.assert_close(video, all_videos[6 + place], atol=1e-5, rtol=0)
        assert video.shape == (8, 32, 32, 3) and float(video.min()) >= 0 and float(video.max()) <= 1


def test_without_guidance_in_training_the_conditional_branch_is_replayed() -> None:
    guided, plain = shapes_policy(), shapes_policy()
    first, guided_videos = roll_out(guided, guidance=3.0, train_guidance=False)
    second, plain_videos = roll_out(plain, guidance=3.0)
    assert torch.equal(guided_videos[0], plain_videos[0])
    assert first.log_probs[0][1] != second.log_probs[0][1]
    result = forward_backward(guided)
    assert result.ratio_deviation == 0 and result.drift_reference == 0
    update(guided)
    _, unguided = roll_out(guided, handle="other", guidance=1.0)
    assert not torch.equal(unguided[0], guided_videos[0])


def test_the_anchor_stays_where_it_was_set_and_the_reference_where_training_began() -> None:
    policy = shapes_policy()
    roll_out(policy)
    assert update(policy).drift_reference == 0
    # A fixed anchor is the pre-trained model.
    moved = forward_backward(policy)
    assert moved.kl_anchor > 0 and moved.drift_anchor == moved.drift_reference
    policy.set_anchor()
    refreshed = forward_backward(policy)
    assert refreshed.kl_anchor == 0 and refreshed.drift_anchor == 0
    assert refreshed.drift_reference == moved.drift_reference
    conditions = policy.model.encode(["a red circle moving left"] * 4)
    x, sigma = torch.linspace(-1, 1, 4 * 768).reshape(4, 12, 4, 4, 4), torch.full((4,), 0.6)

    @torch.no_grad()
    def velocity() -> torch.Tensor:
        return policy.model.velocity(x, sigma, conditions, 3.0)

    before = velocity()
    update(policy)
    with policy.trainable.using("anchor"):
        assert torch.equal(velocity(), before)
    assert not torch.equal(velocity(), before)
    farther = forward_backward(policy)
    assert farther.drift_anchor is not None and farther.drift_reference is not None
    assert farther.kl_anchor > 0 and 0 < farther.drift_anchor < farther.drift_reference


def test_without_an_anchor_there_is_no_divergence_from_it_and_unmeasured_drift_is_none() -> None:
    policy, other = shapes_policy(), shapes_policy()
    for one in (policy, other):
        roll_out(one)
        update(one)
    free = forward_backward(policy, use_anchor=False, measure_reference=False)
    assert (free.kl_anchor, free.drift_anchor, free.drift_reference) == (0, None, None)
    assert free.loss == pytest.approx(forward_backward(other, anchor_weight=0.0).loss, rel=1e-6)
    assert (forward_backward(policy, use_anchor=False).drift_reference or 0) > 0


def test_activation_checkpointing_changes_no_number() -> None:
    plain, recomputed = shapes_policy(), shapes_policy(activation_checkpointing=True)
    for one in (plain, recomputed):
        roll_out(one, guidance=3.0)
    assert update(plain) == update(recomputed)
    assert forward_backward(plain) == forward_backward(recomputed)


def test_micro_batches_add_up_to_the_gradient_of_their_union() -> None:
    whole, parts = shapes_policy(8), shapes_policy(4)
    for one in (whole, parts):
        roll_out(one)
    together = forward_backward(whole, range(8))
    first, second = (
        forward_backward(parts, range(4), gradient_scale=0.5),
        forward_backward(parts, range(4, 8), gradient_scale=0.5),
    )
    assert (first.policy_loss + second.policy_loss) / 2 == pytest.approx(together.policy_loss, abs=1e-6)
    whole_result, parts_result = whole.optim_step(ADAMW), parts.optim_step(ADAMW)
    assert parts_result.gradient_norm == pytest.approx(whole_result.gradient_norm, rel=1e-4)
    assert together.gradient_norm == pytest.approx(whole_result.gradient_norm, rel=1e-6)
    assert together.gradient_norm_raw == pytest.approx(whole_result.gradient_norm / 1.7, rel=1e-6)


def train(policy: TorchPolicy, iterations: list[int]) -> list[object]:
    """Everything that some iterations say."""
    said: list[object] = []
    for iteration in iterations:
        result, videos = roll_out(policy, samples=samples(2, 4, iteration), guidance=2.0)
        said += [result.log_probs, float(videos[3].sum())]
        for step in (0, 3):
            said.append(forward_backward(policy, (1, 6, 3, 4), step=step, gradient_scale=0.5))
            said.append(forward_backward(policy, (0, 2, 5, 7), step=step, gradient_scale=0.5))
            said.append(policy.optim_step(ADAMW))
        if iteration % 2:
            policy.set_anchor()
        policy.release("rollout")
        said.append(torch.rand(2).tolist())
    return said


@pytest.mark.parametrize("moving", [True, False])
def test_a_resumed_run_goes_on_to_the_bit(tmp_path: Path, moving: bool) -> None:
    uninterrupted = shapes_policy()
    train(uninterrupted, [1] if moving else [0])
    files = uninterrupted.save_state(tmp_path)
    names = ["anchor.safetensors"] if moving else []
    assert files == [*names, "optimizer.safetensors", "policy.safetensors", "rng.safetensors"]
    expected = train(uninterrupted, [2, 3, 4])
    resumed = shapes_policy()
    train(resumed, [0, 1])
    resumed.load_state(tmp_path)
    assert train(resumed, [2, 3, 4]) == expected


def test_a_checkpoint_of_something_else_is_refused_by_its_file(tmp_path: Path) -> None:
    policy = shapes_policy()
    policy.save_state(tmp_path)
    tensors = load_file(tmp_path / "policy.safetensors")
    save_file({**tensors, "position": torch.zeros(3, 3)}, tmp_path / "policy.safetensors")
    with pytest.raises(WorkerError, match=r"policy\.safetensors.*position") as refused:
        policy.load_state(tmp_path)
    assert refused.value.code == "policy/weights"
    (tmp_path / "optimizer.safetensors").write_bytes(b"broken")
    with pytest.raises(WorkerError, match=r"optimizer\.safetensors"):
        policy.load_state(tmp_path)


def test_a_replay_of_what_was_not_kept_is_an_error() -> None:
    policy = shapes_policy()
    roll_out(policy, trained_steps=(1,))
    with pytest.raises(ValueError, match="step 2 of rollout was not kept"):
        forward_backward(policy, step=2)
    policy.release("rollout")
    with pytest.raises(ValueError, match="step 1 of rollout was not kept"):
        forward_backward(policy)
    roll_out(policy, handle="evaluation", trained_steps=(), steps=kernel_steps("ode"))
    with pytest.raises(ValueError, match="evaluation"):
        forward_backward(policy, handle="evaluation", step=0)


def test_prompts_are_read_as_the_engine_reads_them() -> None:
    assert parse_prompt("  The CYAN triangle  moving down.").tolist() == [5, 2, 3]
    assert parse_prompt("red circle moving left").tolist() == [0, 0, 0]
    for text in ("", "a red cat moving left", "a red circle going left", "a red circle moving left fast", "a"):
        with pytest.raises(WorkerError, match="no words for the prompt"):
            parse_prompt(text)


def test_weights_are_loaded_from_a_file_or_its_folder_and_others_are_refused(tmp_path: Path) -> None:
    weights = load_file(PACKAGED_WEIGHTS / "policy.safetensors")
    save_file({name: value + 1 for name, value in weights.items()}, tmp_path / "policy.safetensors")
    for place in (tmp_path, tmp_path / "policy.safetensors"):
        model = load_shapes(model_options(weights=str(place)))
        assert torch.equal(dict(model.network.named_parameters())["position"], weights["position"] + 1)
    for wrong in (tmp_path / "none", PACKAGED_WEIGHTS / "decoder.safetensors"):
        with pytest.raises(WorkerError, match=Path(wrong).name):
            load_shapes(model_options(weights=str(wrong)))
    with pytest.raises(WorkerError, match="float32"):
        load_shapes(model_options(precision=torch.bfloat16))


def test_it_describes_itself() -> None:
    said = shapes_policy().describe()
    assert said["latentShape"] == [12, 4, 4, 4] and said["parameters"] == 554400 and said["backend"] == "torch"
    assert said["video"] == {"frames": 8, "height": 32, "width": 32, "framesPerSecond": 8.0}
