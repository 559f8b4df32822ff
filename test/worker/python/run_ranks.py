"""What test_ranks.py runs, on one process and, under torch.distributed.run, on two: `run_ranks.py FOLDER`.

A scenario is trained from its beginning and saved on the way; then it is resumed from the checkpoint that another
number of processes wrote. What every step says goes into a JSON file of the folder.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

# Beside this file, as conftest.py makes it for tests.
sys.path.insert(0, str(Path(__file__).parent))

from policies import ADAMW, forward_backward, model_options, policy_options, real_policy, roll_out, samples  # noqa: E402
from sage_worker.distributed import Ranks, gather_objects, ranks_of, start_group, wait_for_all  # noqa: E402
from sage_worker.models.shapes import load_shapes  # noqa: E402
from sage_worker.policy import TorchPolicy  # noqa: E402

Make = Callable[[Path, Any], TorchPolicy]
ADAMW_FAST = ADAMW.__class__(3e-3, 0.01, 0.9, 0.999, 1e-8, 1.0)


def shapes(folder: Path, group: Any) -> TorchPolicy:
    micro_batch = 4 // ranks_of(group).size
    return TorchPolicy(load_shapes(model_options()), policy_options(micro_batch=micro_batch), group)


def real(name: str, **options: Any) -> Make:
    def make(folder: Path, group: Any) -> TorchPolicy:
        micro_batch = 4 // ranks_of(group).size
        return real_policy(name, folder / name, folder / "prompts", group, micro_batch=micro_batch, **options)

    return make


HUNYUAN, WAN = "hunyuan-video-1.5", "wan-2.1"
SCENARIOS: dict[str, Make] = {
    "shapes in full": shapes,
    "hunyuan adapter": real(HUNYUAN, activation_checkpointing=True),
    "hunyuan in full": real(HUNYUAN, adapter=None, activation_checkpointing=True),
    "wan adapter bf16": real(WAN, precision=torch.bfloat16),
    "wan in full bf16": real(WAN, precision=torch.bfloat16, adapter=None),
}


def iterate(policy: TorchPolicy, iteration: int, ranks: Ranks) -> list[Any]:
    """One iteration: what the rollout, every micro-batch and every update say, over all processes."""
    result, videos = roll_out(policy, samples=samples(2, 4, iteration), guidance=2.0)
    brightness = {i: float(video.float().mean()) for i, video in videos.items()}
    together: dict[int, float] = {}
    for part in gather_objects(brightness, ranks):
        together |= part
    said: list[Any] = [result.log_probs, [together[i] for i in sorted(together)]]
    # The last micro-batch is smaller and odd: one process has a row of its own, the other repeats one.
    for step, of in ((0, (1, 6, 3, 4)), (3, (0, 2, 5, 7)), (1, (4, 2, 7))):
        replayed = forward_backward(policy, of, step=step, gradient_scale=0.5)
        said.append(asdict(replayed))
        if step != 0:
            said.append(asdict(policy.optim_step(ADAMW_FAST)))
    policy.release("rollout")
    return said


def run(folder: Path, group: Any) -> None:
    """Trains every scenario on these processes and resumes what the other number of them saved, if it has."""
    ranks = ranks_of(group)
    said: dict[str, dict[str, list[Any]]] = {}
    for name, make in SCENARIOS.items():
        own, others = (folder / f"{name} {size}" for size in (ranks.size, 3 - ranks.size))
        policy = make(folder, group)
        before = iterate(policy, 0, ranks)
        policy.set_anchor()
        before += iterate(policy, 1, ranks)
        if ranks.rank == 0:
            own.mkdir()
        # On every process the folder is there before anything is written.
        wait_for_all(ranks)
        policy.save_state(own)
        said[name] = {"before": before, "after": iterate(policy, 2, ranks)}
        if others.exists():
            resumed = make(folder, group)
            resumed.load_state(others)
            said[name]["resumed"] = iterate(resumed, 2, ranks)
    if ranks.rank == 0:
        (folder / f"said {ranks.size}.json").write_text(json.dumps(said))


if __name__ == "__main__":
    torch.set_num_threads(1)
    run(Path(sys.argv[1]), start_group(torch.device("cpu")))
    dist.destroy_process_group()
