"""Before any test of the worker: where its package is, one thread a process, and no network."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# Several test processes share the machine's cores; threads of each would only wait for those of the others.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"
# A model that is not on the disk must fail at once, not look for the internet.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

HERE = Path(__file__).resolve().parent
WORKER = HERE.parents[2] / "engine" / "worker"
for folder in (HERE, WORKER):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
# Worker processes that a test starts find it too.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(WORKER), os.environ.get("PYTHONPATH"))))

import torch  # noqa: E402

torch.set_num_threads(1)
