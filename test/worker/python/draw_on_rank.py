"""One of two processes of a policy that is saved and loaded: `RANK FOLDER STORE OUTPUT`, for test_random_states.py.

Draws random numbers after saving and again after loading; both go into the output file.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
import torch.distributed as dist

from policies import TinyVideo, policy_options
from sage_worker.policy import TorchPolicy


def main() -> None:
    rank, folder, store, output = int(sys.argv[1]), *(Path(argument) for argument in sys.argv[2:])
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=store.as_uri(), rank=rank, world_size=2)
    policy = TorchPolicy(TinyVideo(), policy_options(seed=3), dist.group.WORLD)
    torch.rand(rank + 1)
    policy.save_state(folder)
    saved = torch.rand(4).tolist()
    policy.load_state(folder)
    output.write_text(json.dumps({"saved": saved, "loaded": torch.rand(4).tolist()}))
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
