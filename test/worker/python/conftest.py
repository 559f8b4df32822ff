"""Before any test of the worker: where its package is, one thread a process, and no network."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Generator
from pathlib import Path

# Several test processes share the machine's cores; threads of each would only wait for those of the others.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"
# A model that is not on the disk must fail at once, not look for the internet.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

# Packages of the worker's extras, as they are imported. A machine may lack them; the sources may not.
EXTRAS = {
    "accelerate",
    "av",
    "diffusers",
    "ftfy",
    "huggingface_hub",
    "onnx",
    "onnxruntime",
    "onnxscript",
    "peft",
    "PIL",
}
EXTRAS |= {"sentencepiece", "transformers"}
HERE = Path(__file__).resolve().parent
WORKER = HERE.parents[2] / "engine" / "worker"
for folder in (HERE, WORKER):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
# Worker processes that a test starts find it too.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(WORKER), os.environ.get("PYTHONPATH"))))

import pytest
import torch

torch.set_num_threads(1)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A file that needs a package which is not here is left out by the package's name; other errors stay errors."""
    report = yield
    missing = re.search(r"No module named '(\w+)", str(report.longrepr)) if report.failed else None
    if missing and missing[1] in EXTRAS and importlib.util.find_spec(missing[1]) is None:
        report.outcome = "skipped"
        report.longrepr = (report.nodeid, 0, f"Skipped: needs the Python package {missing[1]}")
    return report
