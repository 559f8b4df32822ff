"""The worker as the trainer starts it: `python -m sage_worker`, or under torchrun; its environment has the address."""

from __future__ import annotations

import os
import signal
import sys

ADDRESS = "SAGE_WORKER_ADDRESS"
TOKEN = "SAGE_WORKER_TOKEN"


def main() -> int:
    """Returns the exit code."""
    address, token = os.environ.pop(ADDRESS, ""), os.environ.pop(TOKEN, "")
    if not address or not token:
        print(
            f"This program is started by `sage-grpo train`, which names itself in {ADDRESS} and {TOKEN}.",
            file=sys.stderr,
        )
        return 2
    # Ctrl-C in the trainer's terminal means: stop after this iteration. The trainer ends the worker.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from sage_worker.wire.serve import serve

    return serve(address, token)


if __name__ == "__main__":
    sys.exit(main())
