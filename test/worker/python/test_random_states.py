"""A checkpoint brings back the random state of each process, and of those there are where their number is another."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from draw_on_rank import draw
from policies import TinyVideo, policy_options
from sage_worker.policy import TorchPolicy

SCRIPT = Path(__file__).with_name("draw_on_rank.py")


def test_each_process_draws_on_where_it_was_saved(tmp_path: Path) -> None:
    folder, outputs = tmp_path / "checkpoint", [tmp_path / f"{rank}.json" for rank in range(2)]
    folder.mkdir()
    processes = [
        subprocess.Popen(
            [sys.executable, str(SCRIPT), str(rank), str(folder), str(tmp_path / "store"), str(outputs[rank])],
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        errors = [process.communicate(timeout=300)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], errors
    drawn = [json.loads(output.read_text()) for output in outputs]
    for one in drawn:
        assert one["loaded"] == one["saved"]
    assert drawn[0]["saved"] != drawn[1]["saved"]
    alone = TorchPolicy(TinyVideo(), policy_options(seed=9))
    alone.load_state(folder)
    assert draw(3) == drawn[0]["saved"]
