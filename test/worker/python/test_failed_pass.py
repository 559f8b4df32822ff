"""A pass that fails leaves the policy as it was: whoever catches the error may go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from policies import ADAMW, forward_backward, real_policy, roll_out, shapes_policy, update
from sage_worker.policy import TorchPolicy
from tiny import write_wan

Make = Callable[[], TorchPolicy]
EIGHT = tuple(range(8))


class Lost(Exception):
    """What a test makes happen in the midst of a pass."""


@pytest.fixture(scope="module", params=["shapes in full", "wan in full", "wan in full bf16", "wan adapter"])
def make(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Make:
    if request.param == "shapes in full":
        return shapes_policy
    folder: Path = tmp_path_factory.mktemp("failed")
    write_wan(folder / "wan")
    options: dict[str, Any] = {"rows_per_pass": 4, "activation_checkpointing": "bf16" in request.param}
    if "full" in request.param:
        options["adapter"] = None
    if "bf16" in request.param:
        options["precision"] = torch.bfloat16
    return lambda: real_policy("wan-2.1", folder / "wan", folder / "prompts", **options)


@contextmanager
def failing(policy: TorchPolicy, calls: int, backward: bool) -> Iterator[None]:
    """Within the context the last block fails at the end of its n-th call, or of the backward pass of that call."""
    block = policy.model.blocks()[-1]
    forward, called = block.forward, 0

    def fail(gradient: Tensor) -> Tensor:
        raise Lost

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        nonlocal called
        output = forward(*args, **kwargs)
        # Not counted: a block that is computed again for its backward pass stops before its end.
        called += 1
        if called == calls:
            if not backward:
                raise Lost
            # The gradient of its input: by then the block's own parameters have theirs.
            assert output.requires_grad
            hidden = next(value for value in (*args, *kwargs.values()) if getattr(value, "requires_grad", False))
            hidden.register_hook(fail)
        return output

    block.forward = wrapped  # type: ignore[method-assign]
    try:
        with pytest.raises(Lost):
            yield
        assert called >= calls
    finally:
        block.forward = forward  # type: ignore[method-assign]


def prepared(make: Make) -> TorchPolicy:
    """A policy whose anchor, current and pre-trained weights differ, with one micro-batch in the update's sum."""
    policy = make()
    roll_out(policy)
    update(policy)
    policy.set_anchor()
    update(policy)
    forward_backward(policy, (1, 2, 5, 6))
    return policy


def rest(policy: TorchPolicy) -> list[Any]:
    """What the policy says from here on, and the weights that it ends with."""
    said: list[Any] = [forward_backward(policy, EIGHT), policy.optim_step(ADAMW), forward_backward(policy)]
    said.append(roll_out(policy, "next")[0].log_probs)
    return [*said, [master.tolist() for master in policy.trainable.masters]]


@pytest.fixture(scope="module")
def expected(make: Make) -> list[Any]:
    return rest(prepared(make))


# Eight samples are two passes: of the anchor, of the pre-trained weights, and the two that are trained.
@pytest.mark.parametrize("calls", [1, 2, 3, 5, 6])
def test_a_replay_that_fails_in_any_of_its_passes_changes_nothing(make: Make, expected: list[Any], calls: int) -> None:
    policy = prepared(make)
    with failing(policy, calls, backward=False):
        forward_backward(policy, EIGHT, measure_reference=True)
    assert all(parameter.grad is None for parameter in policy.model.network.parameters())
    assert rest(policy) == expected


@pytest.mark.parametrize("calls", [5, 6])
def test_a_backward_pass_that_fails_changes_nothing(make: Make, expected: list[Any], calls: int) -> None:
    policy = prepared(make)
    with failing(policy, calls, backward=True):
        forward_backward(policy, EIGHT)
    assert all(parameter.grad is None for parameter in policy.model.network.parameters())
    assert rest(policy) == expected


def test_a_rollout_that_fails_changes_nothing(make: Make, expected: list[Any]) -> None:
    policy = prepared(make)
    with failing(policy, 4, backward=False):
        roll_out(policy, "lost")
    assert rest(policy) == expected


def test_what_fails_before_the_first_pass_is_told_as_it_is(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Tensor:
        raise Lost

    policy = make()
    with monkeypatch.context() as patched:
        patched.setattr(policy.model, "velocity", fail)
        with pytest.raises(Lost):
            roll_out(policy)
    roll_out(policy)
    assert forward_backward(policy).ratio_deviation == 0


def test_a_sample_that_the_rollout_has_not_is_refused_before_anything_is_computed(
    make: Make, expected: list[Any]
) -> None:
    policy = prepared(make)
    with pytest.raises(ValueError, match="has 8 samples, and none of index 8"):
        forward_backward(policy, (0, 1, 2, 8))
    assert rest(policy) == expected
