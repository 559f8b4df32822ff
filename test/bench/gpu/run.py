"""Measures the torch policy on a GPU: `python test/bench/gpu/run.py PART... [--seconds 540]`; see README.md here.

`--tiny --device cpu` runs the same code on tiny models anywhere, prints, and writes nothing.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import tempfile
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(HERE), str(ROOT / "engine" / "worker")]

import torch

from goals import judge
from measuring import Bench, Record, environment, free

PARTS = {
    "hardware": "hardware",
    "hunyuan": "hunyuan",
    "baseline": "baseline",
    "attempts": "attempts",
    "train": "train_small",
}


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all where none is given")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true", help="tiny models: to check the code, not the device")
    parser.add_argument("--seconds", type=float, default=540.0, help="nothing new is begun after so long")
    parser.add_argument("--only", default="", help="of the attempts, those whose name has this in it")
    parser.add_argument("--options", default="", help="of an attempt, by its name, for the part hunyuan")
    parser.add_argument("--label", default="", help="added to the names of the result files")
    parser.add_argument("--out", type=Path, default=ROOT / "test" / "bench" / "results", help="folder of the results")
    options = parser.parse_args()
    unknown = [part for part in options.parts if part not in PARTS]
    if unknown:
        parser.error(f"there is no part {unknown[0]}; the parts are {', '.join(PARTS)}")
    return options


def main() -> int:
    """Runs the parts one after the other; one that fails is recorded and the rest goes on. 1 where one failed."""
    options = arguments()
    device = torch.device(options.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        print("There is no CUDA device here. To check the scripts, run them with --tiny --device cpu.", file=sys.stderr)
        return 2
    failed = False
    measured: dict[str, list[Record]] = {}
    with tempfile.TemporaryDirectory(prefix="sage-gpu-") as scratch:
        ends = time.monotonic() + options.seconds
        for part in options.parts or list(PARTS):
            bench = Bench(device, options.tiny, ends, Path(scratch), only=options.only, options=options.options)
            started = time.monotonic()
            where = environment(bench)
            try:
                importlib.import_module(PARTS[part]).run(bench)
            except Exception as error:  # a part that runs out of memory must not take the others' results along
                traceback.print_exc()
                bench.add(part, "failed", error=f"{type(error).__name__}: {error}")
                failed = True
            free(device)
            measured[part] = bench.records
            record = {**where, "part": part, "seconds": round(time.monotonic() - started, 1), "records": bench.records}
            if bench.cuda and not bench.tiny:
                options.out.mkdir(parents=True, exist_ok=True)
                file = options.out / f"gpu-{part}{options.label}.json"
                file.write_text(json.dumps(record, indent=2) + "\n")
            print(f"{part}: {record['seconds']} s", file=sys.stderr, flush=True)
    if not failed and {"hunyuan", "baseline"} <= set(measured):
        print(json.dumps({"part": "goals", **judge(measured["hunyuan"], measured["baseline"])}))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
