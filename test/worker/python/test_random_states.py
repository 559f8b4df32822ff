"""A checkpoint brings back the random state of each process, and of those there are where their number is another."""

from __future__ import annotations

import json
from pathlib import Path

from draw_on_rank import draw
from policies import TinyVideo, policy_options
from processes import run_two
from sage_worker.policy import TorchPolicy


def test_each_process_draws_on_where_it_was_saved(tmp_path: Path) -> None:
    folder, outputs = tmp_path / "checkpoint", [tmp_path / f"{rank}.json" for rank in range(2)]
    folder.mkdir()
    run_two("draw_on_rank.py", folder, tmp_path / "store", outputs=outputs)
    drawn = [json.loads(output.read_text()) for output in outputs]
    for one in drawn:
        assert one["loaded"] == one["saved"]
    assert drawn[0]["saved"] != drawn[1]["saved"]
    alone = TorchPolicy(TinyVideo(), policy_options(seed=9))
    alone.load_state(folder)
    assert draw(3) == drawn[0]["saved"]
