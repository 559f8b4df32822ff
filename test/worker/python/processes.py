"""Two processes of one of the scripts beside the tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def run_two(script: str, *arguments: Path, outputs: list[Path]) -> None:
    """Runs `SCRIPT RANK ARGUMENTS OUTPUT` as ranks 0 and 1 at the same time, until both have ended well."""
    path = Path(__file__).with_name(script)
    processes = [
        subprocess.Popen(
            [sys.executable, str(path), str(rank), *map(str, arguments), str(output)],
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank, output in enumerate(outputs)
    ]
    try:
        errors = [process.communicate(timeout=300)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], errors
